"""Answers that are too long, or too deep, to be read: less is asked for at once."""

import json

import pytest

from tests.polls import CONTACTS, DELETIONS, LEAD, settings
from webhookd.definitions import HubspotObject
from webhookd.sources.polling import api_client

LIMIT = 64 << 10
MORE = HubspotObject("contacts", ("email", "score", "stage"))


@pytest.fixture(autouse=True)
def _small_answers(monkeypatch):
    monkeypatch.setattr(api_client, "LARGEST_ANSWER", LIMIT)


def created(polls, sizes):
    return [polls.account.create("contacts", {"email": "x" * size}) for size in sizes]


@pytest.mark.parametrize("start", ["now", "beginning"])
def test_pages_that_are_too_long_are_read_in_smaller_ones(poll, start):
    """250 records of 3 kB: a page of a hundred is 300 kB, and one of 200 is twice that."""

    async def scenario(polls):
        ids = created(polls, [3000] * 250)
        polls.time.seconds += 7200
        await polls.poll()
        first = polls.news()
        polls.account.change_all("contacts", ids, {"email": "y" * 3000})
        await polls.poll(times=4)
        await polls.run_source(objects=(MORE,))
        await polls.poll(times=2)
        ((cursor,),) = await polls.query("SELECT cursor FROM cursors")
        return ids, first, polls.news(), polls.figures().failures, json.loads(cursor)

    ids, first, news, failures, cursor = poll(scenario, settings(CONTACTS, start=start))

    assert [one[0] for one in first] == ([] if start == "now" else ids)
    assert sorted(one[0] for one in news) == sorted(ids)
    assert (failures, cursor["takeover"], cursor["sweep"]) == (0, None, None)


@pytest.mark.parametrize("place", [0, 117, 249])
def test_a_record_that_is_too_long_alone_costs_itself(poll, place):
    async def scenario(polls):
        created(polls, [10])
        polls.time.seconds += 7200
        await polls.poll()
        ids = []
        for number in range(250):
            polls.time.seconds += 0.01
            ids += created(polls, [LIMIT if number == place else 10])
        await polls.poll(times=3)
        first, failures = polls.news(), polls.figures().failures
        polls.account.change("contacts", ids[place], {"email": "short"})
        polls.account.archive("contacts", ids[1])
        await polls.poll(times=3)
        return ids, first, polls.news(), failures, polls.figures().left_out

    ids, first, healed, failures, left_out = poll(scenario, settings(DELETIONS))

    assert sorted(one[0] for one in first) == sorted({*ids} - {ids[place]})
    assert sorted(one[:2] for one in healed) == sorted(
        [(ids[place], "created"), (ids[1], "deleted")]
    )
    assert (failures, left_out) == (0, 1)


@pytest.mark.parametrize("levels", [65, 100, 200, 20_000])
@pytest.mark.parametrize(
    ("begin", "inside", "end"),
    [(b"[", b"", b"]"), (b'{"a":', b"0", b"}")],
    ids=["lists", "objects"],
)
def test_a_record_that_is_too_deep_costs_itself(poll, levels, begin, inside, end):
    deep = begin * levels + inside + end * levels

    async def scenario(polls):
        await polls.poll()
        ids = created(polls, [10] * 20)
        odd = polls.account.create("contacts", {"email": "DEEP"})
        polls.fake.spoil = lambda _kind, _object, body: body.replace(b'"DEEP"', deep)
        await polls.poll(times=2)
        told, failures = polls.news(), polls.figures().failures
        polls.account.change("contacts", odd, LEAD)
        await polls.poll(times=2)
        return ids, told, failures, polls.news(), odd

    ids, told, failures, healed, odd = poll(scenario)

    assert sorted(one[0] for one in told) == sorted(ids)
    assert failures == 0
    assert healed == [(odd, "created", LEAD)]


def test_a_first_read_goes_on_behind_a_record_that_is_too_long(poll):
    async def scenario(polls):
        created(polls, [10] * 150 + [LIMIT] + [10] * 150)
        polls.time.seconds += 7200
        await polls.poll()
        return await polls.query("SELECT count(*) FROM known_records"), polls.figures()

    ((count,),), figures = poll(scenario)

    assert count == 300
    assert (figures.failures, figures.left_out) == (0, 1)
