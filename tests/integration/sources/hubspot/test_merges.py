"""Merged records: HubSpot answers for one with the id of another, and only the one ends."""

import random

import pytest
from structlog.testing import capture_logs

from tests.fake_hubspot.limits import RefusedError
from tests.polls import CONTACTS, DELETIONS, LEAD, an_old, settings
from webhookd.definitions import HubspotObject

MORE = HubspotObject("contacts", ("email", "score", "stage"))
MORE_DELETIONS = HubspotObject("contacts", ("email", "score", "stage"), deletions=True)


def kinds(news):
    return sorted(one[:2] for one in news)


@pytest.mark.parametrize("into_new", [False, True])
def test_an_archived_record_that_was_merged_is_deleted_and_reading_goes_on(poll, into_new):
    async def scenario(polls):
        survivor, loser, other = an_old(polls, 3)
        await polls.poll()
        polls.account.archive("contacts", loser)
        await polls.poll()
        told = kinds(polls.news())
        left = polls.account.merge("contacts", survivor, loser, into_new=into_new)
        await polls.poll(times=3)
        polls.account.archive("contacts", other)
        await polls.poll(times=3)
        rest = await polls.query("SELECT record_id FROM archived_records")
        news = kinds(polls.news())
        return told, news, polls.figures().failures, rest, (loser, other, left)

    told, news, failures, rest, (loser, other, left) = poll(scenario, settings(DELETIONS))

    assert told == [(loser, "deleted")]
    assert (other, "deleted") in news
    assert ((left, "created") in news) == into_new
    assert failures == 0
    assert rest == [(other,)]


def test_a_merged_record_that_the_archive_still_shows_is_deleted_with_its_last_properties(poll):
    async def scenario(polls):
        survivor, loser = an_old(polls, 2)
        await polls.poll()
        polls.account.archive("contacts", loser)
        polls.account.merged["contacts", loser] = survivor
        await polls.poll(times=3)
        return polls.news(), loser, polls.figures().failures

    news, loser, failures = poll(scenario, settings(DELETIONS))

    assert news == [(loser, "deleted", LEAD)]
    assert failures == 0


@pytest.mark.parametrize("tells", [True, False])
def test_merges_that_a_catch_up_meets_are_tombstones_and_told_where_deletions_are(poll, tells):
    """Of 200 records 40 are merged: into others, into new ones, and into those merged later."""
    chance = random.Random(3)

    async def scenario(polls):
        ids = an_old(polls, 200)
        await polls.poll()
        alive = set(ids)
        for number in range(40):
            survivor, loser = chance.sample(sorted(alive), 2)
            left = polls.account.merge("contacts", survivor, loser, into_new=number % 3 == 0)
            alive = (alive - {survivor, loser}) | {left}
        with capture_logs() as logged:
            await polls.run_source(objects=(MORE_DELETIONS if tells else MORE,))
            await polls.poll(times=3)
        deleted = [one[0] for one in polls.news() if one[1] == "deleted"]
        known = await polls.query("SELECT record_id FROM known_records WHERE deleted = 0")
        failed = [one for one in logged if one["log_level"] in {"warning", "error"}]
        return set(ids) - alive, sorted(deleted), alive, {id_ for (id_,) in known}, failed

    gone, deleted, alive, known, failed = poll(scenario, settings(CONTACTS))

    assert known == alive
    assert deleted == (sorted(gone) if tells else [])
    assert failed == []


@pytest.mark.parametrize("refusal", ["400", "207"])
def test_an_id_that_no_batch_can_be_read_with_costs_only_itself(poll, refusal):
    async def scenario(polls):
        ids = an_old(polls, 150)
        polls.time.seconds += 7200
        an_old(polls)
        await polls.poll()
        read = polls.fake.batch

        def refusing(object_, request, raw):
            if f'"{ids[70]}"'.encode() not in raw:
                return read(object_, request, raw)
            if refusal == "400":
                raise RefusedError(400, "an id cannot be read")
            content = read(object_, request, raw)
            left = [one for one in content["results"] if one["id"] != ids[70]]
            return content | {"results": left, "errors": [{"category": "VALIDATION_ERROR"}]}

        polls.fake.reading = refusing
        await polls.run_source(objects=(MORE,))
        await polls.poll(times=3)
        polls.account.change_all("contacts", ids, {"score": "7"})
        await polls.poll(times=3)
        polls.fake.bad.clear()
        return polls.figures(), len(polls.news()), await polls.query("SELECT cursor FROM cursors")

    figures, told, ((cursor,),) = poll(scenario, settings(CONTACTS))

    assert (figures.failures, figures.left_out) == (0, 1)
    assert told >= 149
    assert '"takeover":null' in cursor
