"""What is listed of sources, whatever the database holds of them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime

import pytest

from webhookd.operations.source_overview import listed
from webhookd.sources.hubspot import cursor as hubspot
from webhookd.storage.database.database import open_database
from webhookd.storage.database.writer import Writer
from webhookd.storage.records import known_records
from webhookd.views.sources import CursorView

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
HUBSPOTS = hubspot.beginning(int(AT.timestamp() * 1000), listing=None)


@pytest.fixture
def overview(url):
    """Return what lists the one source of a database, given its identity and cursor."""

    def run(cursor, identity):
        async def scenario():
            database = open_database(url)
            async with Writer(database) as writer:
                await writer.write(lambda connection: store(connection, cursor, identity))
                found = listed(database)
            database.close()
            return found

        return asyncio.run(scenario())

    def store(connection, cursor, identity):
        known_records.introduce(connection, "crm", identity)
        connection.execute(
            "INSERT INTO cursors (source, object, cursor) VALUES (?, ?, ?)",
            ("crm", "contacts", cursor),
        )

    return run


def test_the_cursor_of_an_api_says_up_to_when_it_was_read(overview):
    (found,) = overview(HUBSPOTS.text(), {"base_url": "https://api.example"})

    assert found.cursors == (CursorView("contacts", AT, first_read=False),)


@pytest.mark.parametrize(
    "cursor",
    [
        json.dumps("5f4dcc3b5aa765d61d83"),
        json.dumps({"after": 7}),
        json.dumps(json.loads(HUBSPOTS.text()) | {"marks": {"fresh": 10**30}}),
        json.dumps(json.loads(HUBSPOTS.text()) | {"marks": []}),
        json.dumps(json.loads(HUBSPOTS.text()) | {"of_a_newer_version": True}),
        "[1, 2]",
        "null",
        HUBSPOTS.text()[:20],
        "",
        "\ud83d".encode("utf-8", "replace").decode(),
    ],
)
@pytest.mark.parametrize("identity", [{"base_url": "https://api.example"}, {"library": "/v2"}, {}])
def test_a_cursor_that_nobody_can_read_is_listed_without_a_time(overview, cursor, identity):
    (found,) = overview(cursor, identity)

    assert found.cursors == (CursorView("contacts", None, first_read=False),)
    assert found.source == "crm"
