"""The record that a webhook is tried with where nobody says which, and the journal has none."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from tests.making import a_webhook
from webhookd.model import KnownRecord
from webhookd.operations.trials.samples import LOOKED_AT, Wanted, sample
from webhookd.storage.database.database import open_database
from webhookd.storage.database.writer import Writer
from webhookd.storage.records.known_records import remember

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def sampled(url, records):
    async def scenario():
        database = open_database(url)
        async with Writer(database) as writer:
            await writer.write(lambda connection: remember(connection, "export", records))
            found = sample(database, a_webhook(), Wanted(), AT)
        database.close()
        return found

    return asyncio.run(scenario())


def records(*deleted):
    return {
        ("contacts", f"{number:03}"): KnownRecord({"name": '"Ada"'}, None, is_deleted)
        for number, is_deleted in enumerate(deleted)
    }


@pytest.mark.parametrize("deleted", [0, 1, 2, 3, LOOKED_AT])
def test_a_known_record_is_found_behind_deleted_ones(url, deleted):
    found = sampled(url, records(*[True] * deleted, False))

    assert found.change.record_id == f"{deleted:03}"
    assert found.origin == "a record as it is known"


def test_one_is_made_up_only_where_none_is_known(url):
    found = sampled(url, records(True, True, True))

    assert found.origin == "no contacts of export is known yet: this one is made up"
