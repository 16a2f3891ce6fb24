"""Merges that a record names: what was merged into it ends, if a read by its id says so too."""

import random

import pytest
from structlog.testing import capture_logs

from tests.fake_hubspot.endpoints import broken
from tests.polls import CONTACTS, DELETIONS, LEAD, an_old, settings
from webhookd.telemetry import logs

ALIVE = "SELECT record_id FROM known_records WHERE object = 'contacts' AND deleted = 0"


async def alive(polls):
    return {id_ for (id_,) in await polls.query(ALIVE)}


def kinds(told):
    return [(one["objectId"], one["eventType"].partition(".")[2]) for one in told]


@pytest.mark.parametrize("into_new", [False, True])
def test_a_merge_is_told_at_the_next_poll_before_what_became_of_it(poll, into_new):
    async def scenario(polls):
        survivor, loser = an_old(polls, 2)
        await polls.poll()
        left = polls.account.merge("contacts", survivor, loser, into_new=into_new)
        await polls.poll(times=3)
        journal = await polls.query("SELECT record_id, deletion FROM changes ORDER BY number")
        stored = await polls.query("SELECT deletion FROM deliveries WHERE change = 'deleted'")
        return polls.told, await alive(polls), (survivor, loser, left), journal, stored

    told, known, (survivor, loser, left), journal, stored = poll(scenario, settings(DELETIONS))

    assert known == {left}
    gone = [survivor, loser] if into_new else [loser]
    assert kinds(told)[: len(gone)] == [(id_, "deleted") for id_ in sorted(gone)]
    # The other one has changed for nobody, unless it is new.
    assert kinds(told)[len(gone) :] == ([(left, "created")] if into_new else [])
    for one in told[: len(gone)]:
        assert one["mergedInto"] == left
        assert one["properties"] == LEAD
    assert "mergedInto" not in told[-1] or not into_new
    assert journal[: len(gone)] == [(id_, f"merged {left}") for id_ in sorted(gone)]
    assert stored == [(f"merged {left}",)] * len(gone)


def test_an_archived_record_says_that_it_was(poll):
    async def scenario(polls):
        (id_,) = an_old(polls)
        await polls.poll()
        polls.account.archive("contacts", id_)
        await polls.poll()
        return polls.told, await polls.query("SELECT deletion FROM changes")

    told, journal = poll(scenario, settings(DELETIONS))

    assert "mergedInto" not in told[0]
    assert journal == [("archived",)]


def test_what_is_named_and_alive_unknown_or_itself_ends_nothing(poll):
    async def scenario(polls):
        survivor, living, other = an_old(polls, 3)
        await polls.poll(times=2)
        polls.account.names("contacts", survivor, (living, "99", survivor, "x", "", "1;2"))
        polls.account.change("contacts", other, {"email": "b@x"})
        await polls.poll(times=3)
        return kinds(polls.told), await alive(polls), {survivor, living, other}, other

    told, known, ids, other = poll(scenario, settings(DELETIONS))

    assert told == [(other, "updated")]
    assert known == ids


def test_an_answer_that_mentions_a_record_nowhere_ends_nothing(poll):
    async def scenario(polls):
        survivor, loser = an_old(polls, 2)
        await polls.poll(times=2)
        polls.account.merge("contacts", survivor, loser)
        polls.fake.reading = lambda *_: {"status": "COMPLETE", "results": []}
        await polls.poll(times=2)
        before = kinds(polls.told)
        polls.fake.reading = None
        await polls.poll(times=1)
        return before, kinds(polls.told), loser

    before, after, loser = poll(scenario, settings(DELETIONS))

    assert before == []
    assert after == [(loser, "deleted")]


def test_a_poll_that_fails_at_the_read_moves_no_cursor_and_loses_no_merge(poll):
    async def scenario(polls):
        survivor, loser = an_old(polls, 2)
        await polls.poll(times=2)
        polls.account.merge("contacts", survivor, loser)
        polls.account.change("contacts", survivor, {"email": "b@x"})
        polls.fake.fault = lambda kind, _: broken(b"{}", 500) if kind == "read" else None
        await polls.poll()
        before = kinds(polls.told)
        polls.fake.fault = lambda *_: None
        await polls.poll(times=3, every=600)
        return before, kinds(polls.told), [(loser, "deleted"), (survivor, "updated")]

    before, after, expected = poll(scenario, settings(DELETIONS))

    assert before == []
    assert after == expected


def test_hundreds_of_merges_cost_a_request_a_hundred_and_idle_polls_cost_none(poll):
    async def scenario(polls):
        ids = an_old(polls, 300)
        await polls.poll(times=30)
        polls.fake.requests.clear()
        await polls.poll(times=2)
        idle = polls.fake.requests.copy()
        for survivor, first, second in zip(ids[::3], ids[1::3], ids[2::3], strict=True):
            polls.account.merge("contacts", survivor, first)
            polls.account.merge("contacts", survivor, second)
        polls.fake.requests.clear()
        await polls.poll()
        reads = sum(n for (kind, _), n in polls.fake.requests.items() if kind == "read")
        polls.fake.requests.clear()
        await polls.poll()
        again = sum(n for (kind, _), n in polls.fake.requests.items() if kind == "read")
        return idle, reads, again, await alive(polls), set(ids[::3]), kinds(polls.told), ids

    idle, reads, again, known, expected, told, ids = poll(scenario, settings(DELETIONS))

    assert idle == {("search", 200): 2, ("archived", 200): 2}
    assert reads == 2
    assert again == 0
    assert known == expected
    assert sorted(told) == sorted((id_, "deleted") for id_ in set(ids) - expected)


def test_without_deletions_nothing_is_asked_for_and_nothing_told(poll):
    async def scenario(polls):
        survivor, loser = an_old(polls, 2)
        await polls.poll(times=2)
        polls.fake.log.clear()
        polls.account.merge("contacts", survivor, loser)
        await polls.poll(times=2)
        return kinds(polls.told), [kind for _, kind, _, _ in polls.fake.log]

    told, asked = poll(scenario, settings(CONTACTS))

    assert told == []
    assert "read" not in asked


def test_the_property_is_neither_stored_nor_sent_unless_it_is_chosen(poll):
    async def scenario(polls):
        survivor, loser, third = an_old(polls, 3)
        await polls.poll(times=2)
        polls.account.merge("contacts", survivor, loser)
        polls.account.change("contacts", survivor, {"email": "b@x"})
        polls.account.change("contacts", third, {"email": "c@x"})
        await polls.poll()
        return [one["properties"].keys() for one in polls.told if "updated" in one["eventType"]]

    assert poll(scenario, settings(DELETIONS)) == [{"email", "stage"}] * 2


def test_after_random_merges_what_is_known_alive_is_what_there_is_and_each_end_is_told_once(poll):
    """Records merge while pages are read, some of them again and again, some into new ones."""
    chance = random.Random(11)
    logs.configure("console", "WARNING")

    async def scenario(polls):
        ids = an_old(polls, 300)
        await polls.poll()
        alive_ids = set(ids)
        left = 60

        def between(_kind, object_):
            nonlocal left, alive_ids
            if object_ != "contacts" or not left or chance.random() < 0.5:
                return
            left -= 1
            survivor, loser = chance.sample(sorted(alive_ids), 2)
            became = polls.account.merge(
                "contacts", survivor, loser, into_new=chance.random() < 0.3
            )
            alive_ids = (alive_ids - {survivor, loser}) | {became}
            polls.time.seconds += 0.01
            changed = chance.choice(sorted(alive_ids))
            polls.account.change("contacts", changed, {"email": f"{left}@x"})

        polls.fake.between = between
        with capture_logs() as logged:
            await polls.poll(times=100)
            polls.fake.between = lambda *_: None
            await polls.poll(times=5, every=600)
        ended = [one[0] for one in kinds(polls.told) if one[1] == "deleted"]
        failed = [one for one in logged if one["log_level"] in {"warning", "error"}]
        there = {one.id for one in polls.account.live("contacts")}
        created = set(polls.account.merged.values()) - set(ids)
        return left, await alive(polls), there, ended, (set(ids) | created) - there, failed

    left, known, there, ended, gone, failed = poll(scenario, settings(DELETIONS))

    assert left == 0
    assert known == there
    assert len(ended) == len(set(ended))
    # One that was made and merged between two polls is told to nobody.
    assert set(ended) <= gone
    assert failed == []
