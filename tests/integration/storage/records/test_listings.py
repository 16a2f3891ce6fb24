"""What passes over whole lists met is noted with their batches, and forgotten a part at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from webhookd.model import KnownRecord, Listed, PollProgress, list_claim
from webhookd.storage.deliveries import listed_sources
from webhookd.storage.records import cursors, known_records
from webhookd.storage.records.cursors import Polls
from webhookd.storage.records.lists import listings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLAIM = list_claim("crm", "contacts", 1)
RECORDS = {
    ("contacts", f"{number:05}"): KnownRecord({}, NOON + timedelta(seconds=number))
    for number in range(3000)
}


def progress(**more):
    return PollProgress("crm", "contacts", "{}", **more)


async def committed(writer, made):
    await writer.write(lambda connection: cursors.progress(connection, made))


async def known(writer):
    def store(connection):
        known_records.introduce(connection, "crm", {})
        known_records.remember(connection, "crm", RECORDS)
        known_records.remember(connection, "crm", {("deals", "x"): KnownRecord({})})
        gone = {("contacts", "gone"): KnownRecord({}, deleted=True)}
        known_records.remember(connection, "crm", gone)

    await writer.write(store)


async def all_missing(polls, **more):
    found, place, is_last, count = [], "", False, 0
    while not is_last:
        step = await polls.missing("crm", "contacts", CLAIM, after=place, **more)
        found += step.record_ids
        count += step.known
        place, is_last = step.place, step.is_last
    return found, count


def test_what_a_pass_did_not_meet_is_missing(with_writer):
    async def work(writer):
        await known(writer)
        polls = Polls(writer)
        met = tuple(id_ for _, id_ in RECORDS if int(id_) % 3)
        half = len(met) // 2
        for ids in (met[:half], met[half - 5 :]):
            await committed(writer, progress(listed=(Listed(CLAIM, ids),)))
        found, count = await all_missing(polls)
        assert found == [id_ for _, id_ in RECORDS if int(id_) % 3 == 0]
        assert count == 3000
        early, _ = await all_missing(polls, modified_before=NOON + timedelta(seconds=30))
        assert early == [f"{number:05}" for number in range(0, 30, 3)]
        assert await polls.listed(CLAIM, ["00001", "00003", "never"]) == {"00001"}

    with_writer(work)


def test_it_is_forgotten_a_part_at_a_time_and_is_no_file_in_work(with_writer, database):
    async def work(writer):
        await known(writer)
        polls = Polls(writer)
        ids = tuple(f"n{number}" for number in range(listings.snapshots.CLEARED_AT_ONCE + 1))
        await committed(writer, progress(listed=(Listed(CLAIM, ids),)))
        assert [one.file for one in listed_sources.sources(database)] == [None]
        parts = 0
        while await polls.is_kept(CLAIM):
            await committed(writer, progress(forgotten=CLAIM))
            parts += 1
        assert parts == 2
        assert await polls.listed(CLAIM, ids[:3]) == set()

    with_writer(work)


def test_when_known_records_were_modified(with_writer):
    async def work(writer):
        await known(writer)
        polls = Polls(writer)
        assert await polls.modified("crm", "contacts", ["00001", "gone", "never"]) == {
            "00001": NOON + timedelta(seconds=1)
        }
        assert await polls.modified("crm", "deals", ["x", "00001"]) == {"x": None}

    with_writer(work)
