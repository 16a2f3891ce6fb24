"""What is listed of sources, whatever the database holds of them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest

from webhookd.model import PollOutcome
from webhookd.operations.source_overview import listed
from webhookd.sources.hubspot import cursor as hubspot
from webhookd.sources.hubspot.lists.list_cursor import ListCursor
from webhookd.sources.source import SetAside
from webhookd.storage.database.database import open_database
from webhookd.storage.database.writer import Writer
from webhookd.storage.records import known_records
from webhookd.storage.records.cursors import Polls
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


def test_the_cursor_of_a_list_says_when_all_its_members_were_read_and_what_was_set_aside(url):
    place = ListCursor("42", passes=3, read_at=1_772_366_400_000, set_aside=SetAside(2, 60, 100))

    async def scenario():
        database = open_database(url)
        async with Writer(database) as writer:
            await writer.write(store)
            found = listed(database)
        database.close()
        return found

    def store(connection):
        known_records.introduce(connection, "crm", {"base_url": "https://api.example"})
        rows = [("contacts", HUBSPOTS.text()), ("contacts/lists/vip", place.text())]
        query = "INSERT INTO cursors (source, object, cursor) VALUES ('crm', ?, ?)"
        connection.executemany(query, rows)

    (found,) = asyncio.run(scenario())

    assert found.cursors == (
        CursorView("contacts", AT, first_read=False),
        CursorView("contacts", AT, first_read=False, list="vip", missing=60, known=100),
    )


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


MINUTE = timedelta(minutes=1)
WELL = PollOutcome(AT)
REFUSED = PollOutcome(AT, "the API answered 401", AT + MINUTE)
AWAY = PollOutcome(None, "dns: no such host", AT + 2 * MINUTE)
OVER = PollOutcome(AT + 4 * MINUTE, "the API answered 403", AT + 3 * MINUTE)


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        ({}, (None, None)),
        ({"contacts": WELL}, (None, None)),
        ({"contacts": REFUSED}, ("contacts: the API answered 401", AT + MINUTE)),
        ({"contacts": OVER}, (None, None)),
        ({"contacts": WELL, "deals": REFUSED}, ("deals: the API answered 401", AT + MINUTE)),
        ({"contacts": OVER, "p_1/x": AWAY}, ("p_1/x: dns: no such host", AT + 2 * MINUTE)),
        (
            {"contacts": AWAY, "deals": REFUSED, "tickets": OVER},
            ("contacts: dns: no such host", AT + 2 * MINUTE),
        ),
        # Polled no more: nobody can make it go well.
        ({"contacts": REFUSED, "gone": AWAY}, ("contacts: the API answered 401", AT + MINUTE)),
    ],
)
def test_a_source_has_the_latest_error_of_those_objects_whose_polls_fail(url, outcomes, told):
    async def scenario():
        database = open_database(url)
        async with Writer(database) as writer:
            await writer.write(lambda connection: known_records.introduce(connection, "crm", {}))
            for object_, outcome in outcomes.items():
                await Polls(writer).remember("crm", object_, outcome)
                await Polls(writer).remember("crm-2", object_, WELL)
            found = listed(database, is_polled=lambda _, object_: object_ != "gone")
        database.close()
        return found

    (found,) = asyncio.run(scenario())

    assert (found.last_error, found.last_error_at) == told
