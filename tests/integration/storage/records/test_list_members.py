"""Members of lists: who was met by which pass, and which of them a pass lacks."""

from __future__ import annotations

from webhookd.model import Members, PollProgress
from webhookd.storage.records import cursors
from webhookd.storage.records.cursors import Polls


def ids(*numbers):
    return tuple(f"{number:05}" for number in numbers)


async def committed(writer, *news):
    made = PollProgress("crm", "contacts", "{}", members=news)
    await writer.write(lambda connection: cursors.progress(connection, made))


async def unmet(polls, list_, number):
    found, known, place, is_last = [], 0, "", False
    while not is_last:
        step = await polls.unmet("crm", "contacts", list_, number=number, after=place)
        found += step.record_ids
        known += step.known
        place, is_last = step.place, step.is_last
    return found, known


def test_what_a_pass_did_not_meet_is_found_a_bounded_part_at_a_time(with_writer):
    async def work(writer):
        polls = Polls(writer)
        everyone, met = ids(*range(5000)), ids(*range(0, 5000, 2))
        await committed(writer, Members("contacts", "vip", 1, everyone))
        await committed(writer, Members("contacts", "vip", 2, met), Members("contacts", "b", 1))
        first = await polls.unmet("crm", "contacts", "vip", number=2, after="")
        found, known = await unmet(polls, "vip", 2)
        assert len(first.record_ids) == 500
        assert (first.known, first.place, first.is_last) == (1000, first.record_ids[-1], False)
        assert found == sorted(set(everyone) - set(met))
        assert known == 5000
        assert await unmet(polls, "b", 2) == ([], 0)

    with_writer(work)


def test_who_joins_while_a_pass_is_under_way_is_met_by_it_and_not_known_before(with_writer):
    async def work(writer):
        polls = Polls(writer)
        await committed(writer, Members("contacts", "vip", 1, ids(1, 2)))
        await committed(writer, Members("contacts", "vip", 2, ids(3)))
        assert await unmet(polls, "vip", 2) == ([*ids(1, 2)], 2)
        await committed(writer, Members("contacts", "vip", 2, ids(1, 3), left=ids(2)))
        assert await unmet(polls, "vip", 2) == ([], 1)
        # Now it was there before.
        assert await unmet(polls, "vip", 3) == ([*ids(1, 3)], 2)

    with_writer(work)


def test_lists_of_records_are_those_that_were_asked_for(with_writer):
    async def work(writer):
        polls = Polls(writer)
        await committed(
            writer,
            Members("contacts", "vip", 1, ids(1, 2)),
            Members("contacts", "churn", 1, ids(2, 3)),
            Members("deals", "vip", 1, ids(3)),
        )
        found = await polls.memberships("crm", "contacts", ["vip", "churn"], ids(1, 2, 3, 4))
        one = await polls.memberships("crm", "contacts", ["churn"], ids(1, 2))
        assert found == {
            "00001": {"vip"},
            "00002": {"vip", "churn"},
            "00003": {"churn"},
        }
        assert one == {"00002": {"churn"}}
        assert await polls.memberships("crm", "contacts", [], ids(1)) == {}

    with_writer(work)
