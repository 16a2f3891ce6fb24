"""Reading HubSpot: what is told is what changed, at every edge of its API."""

import random
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tests.fake_hubspot import Account, FakeHubspot
from tests.fake_hubspot.account import modified_name
from tests.fake_hubspot.endpoints import broken
from tests.fake_hubspot.limits import RefusedError, limited
from tests.polls import (
    CONTACTS,
    CUSTOMER,
    DELETIONS,
    LEAD,
    TYPES,
    an_old,
    settings,
)
from tests.polls_oracle import Chronicle
from tests.virtual_time import EPOCH, VirtualTime
from webhookd.definitions import HubspotObject
from webhookd.sources.hubspot.first_read import PATIENCE
from webhookd.telemetry import logs


def test_from_now_on_what_exists_is_known_and_what_changes_is_told(poll):
    async def scenario(polls):
        first, *_ = an_old(polls, 250)
        await polls.poll()
        nothing = polls.news()
        polls.account.change("contacts", first, {"stage": "customer"})
        new = polls.account.create("contacts", {"email": "b@x"})
        await polls.poll(times=5)
        return nothing, polls.news(), first, new

    nothing, news, first, new = poll(scenario)

    assert nothing == []
    assert news == [(first, "updated", CUSTOMER), (new, "created", {"email": "b@x"})]


def test_from_the_beginning_every_record_is_created(poll):
    async def scenario(polls):
        ids = an_old(polls, 150)
        await polls.poll(times=3)
        return polls.news(), ids

    news, ids = poll(scenario, settings(start="beginning"))

    assert news == [(id_, "created", LEAD) for id_ in ids]


def test_from_a_time_on_what_changed_since_is_updated_with_nothing_known_before(poll):
    async def scenario(polls):
        _before, changed = an_old(polls, 2)
        polls.account.change("contacts", changed, {"stage": "customer"})
        new = polls.account.create("contacts", LEAD)
        polls.time.seconds += 600
        await polls.poll(times=3)
        previous = [one["previousProperties"] for one in polls.told]
        return polls.news(), changed, new, previous

    start = EPOCH + timedelta(seconds=300)
    news, changed, new, previous = poll(scenario, settings(start=start))

    assert news == [(changed, "updated", CUSTOMER), (new, "created", LEAD)]
    assert previous[0] == dict.fromkeys(CUSTOMER)


def test_what_changes_while_everything_is_read_for_the_first_time_is_told(poll):
    async def scenario(polls):
        first, *_, last = an_old(polls, 250)

        def between(kind, _object):
            if kind == "list":
                polls.time.seconds += 2
                polls.fake.between = lambda *_: None
                polls.account.change("contacts", first, {"stage": "customer"})
                polls.account.change("contacts", last, {"stage": "customer"})
                polls.account.create("contacts", LEAD)

        polls.fake.between = between
        await polls.poll(times=2)
        return sorted(polls.news()), first, last

    news, first, last = poll(scenario)

    assert [one[:2] for one in news] == [
        (first, "updated"), (last, "updated"), (str(int(last) + 1), "created")
    ]  # fmt: skip


def test_a_first_read_that_is_broken_off_goes_on_where_it_was(poll):
    async def scenario(polls):
        an_old(polls, 450)
        polls.fake.fault = lambda kind, _: broken("<html>") if polls.batches == 3 else None
        await polls.poll()
        asked = polls.fake.requests["list", 200]
        polls.fake.fault = lambda *_: None
        await polls.run_source()
        await polls.poll()
        return asked, polls.fake.requests["list", 200], polls.news(), await known(polls)

    asked, in_all, news, count = poll(scenario)

    # The page that was nonsense is asked for again, and no other.
    assert (asked, in_all) == (3, 6)
    assert news == []
    assert count == 450


@pytest.mark.parametrize("start", ["now", "beginning"])
@pytest.mark.parametrize("trouble", ["refused", "circle"])
def test_a_place_that_leads_no_further_has_the_first_read_begun_anew(poll, trouble, start):
    """What changed meanwhile is told, what was read twice is not told twice."""

    async def scenario(polls):
        ids = an_old(polls, 450)
        begun = []

        def circle(kind, _object, body):
            begun.extend([kind] if f'"id":"{ids[0]}"'.encode() in body else [])
            if kind == "list" and len(begun) == 1:
                return body.replace(
                    f'"after":"{ids[299]}"'.encode(), f'"after":"{ids[99]}"'.encode()
                )
            return None

        if trouble == "refused":
            polls.fake.dead_places = {ids[199]}
        else:
            polls.fake.spoil = circle
        await polls.poll()
        polls.account.change("contacts", ids[0], {"stage": "customer"})
        polls.account.change("contacts", ids[-1], {"stage": "customer"})
        new = polls.account.create("contacts", LEAD)
        await polls.poll(times=PATIENCE - 1, every=600)
        polls.fake.dead_places = set()
        before = polls.fake.requests["list", 200]
        await polls.poll(times=3, every=600)
        polls.fake.bad.clear()
        again = polls.fake.requests["list", 200] - before
        return sorted(polls.news()), await known(polls), again, [*ids, new]

    news, count, again, ids = poll(scenario, settings(start=start))

    first, *_, last, new = ids
    assert count == 451
    assert again == 5
    told = [one[:2] for one in news]
    if start == "now":
        assert told == [(first, "updated"), (last, "updated"), (new, "created")]
    else:
        assert told == sorted([(first, "updated"), *((id_, "created") for id_ in ids)])


def test_a_first_read_that_never_gets_further_begins_anew_ever_more_seldom(poll):
    async def scenario(polls):
        ids = an_old(polls, 450)
        polls.fake.dead_places = {ids[199]}
        await polls.poll(times=7 * PATIENCE + 1, every=600)
        polls.fake.bad.clear()
        return polls.fake.requests["list", 200], polls.news()

    # Two pages from the start, and after 3, 6 and 12 polls again.
    assert poll(scenario) == (2 * 4, [])


async def known(polls):
    ((count,),) = await polls.query("SELECT count(*) FROM known_records WHERE deleted = 0")
    return count


def test_a_long_first_read_says_how_far_it_is(poll):
    async def scenario(polls):
        an_old(polls, 450)

        def between(_kind, _object):
            polls.time.seconds += 4

        polls.fake.between = between
        await polls.poll()

    logs.configure("console", "INFO")
    with capture_logs() as logged:
        poll(scenario)

    told = [one for one in logged if one["event"].startswith("source.first_read")]
    assert [(one["event"], one["read"]) for one in told] == [
        ("source.first_read", 300), ("source.first_read_done", 450)
    ]  # fmt: skip
    assert told[0]["per_second"] == pytest.approx(25, abs=0.1)


def test_a_time_of_modification_that_moves_alone_is_no_change(poll):
    chosen = HubspotObject("contacts", ("email", "stage", "lastmodifieddate"))

    async def scenario(polls):
        (id_,) = an_old(polls)
        await polls.poll()
        polls.account.change("contacts", id_, {"score": "7"})
        await polls.poll(times=2)
        return polls.news(), polls.figures().records

    for read in (CONTACTS, chosen):
        news, records = poll(scenario, settings(read))
        assert news == []
        assert records > 1


@pytest.mark.parametrize("count", [199, 200, 201, 1000])
def test_many_changes_in_one_millisecond_are_all_told_once(poll, count):
    async def scenario(polls):
        ids = an_old(polls, count)
        await polls.poll()
        polls.account.change_all("contacts", ids, {"stage": "customer"})
        await polls.poll(times=4)
        return polls.news(), ids

    news, ids = poll(scenario)

    assert sorted(news) == sorted((id_, "updated", CUSTOMER) for id_ in ids)


def test_a_record_that_the_index_shows_late_is_told_once(poll):
    async def scenario(polls):
        late, usual = an_old(polls, 2)
        await polls.poll(times=2)
        polls.account.lag = lambda: 280.0
        polls.account.change("contacts", late, {"stage": "customer"})
        polls.account.lag = lambda: 0.0
        news = []
        for _ in range(15):
            polls.account.change("contacts", usual, {"email": f"{polls.time.seconds}@x"})
            await polls.poll()
            news += polls.news()
        return [one for one in news if one[0] == late], late

    news, late = poll(scenario)

    assert news == [(late, "updated", CUSTOMER)]


def test_a_record_that_is_later_than_the_overlap_is_found_by_the_slow_pass(poll):
    async def scenario(polls):
        (late,) = an_old(polls)
        await polls.poll(times=2)
        polls.account.lag = lambda: 1500.0
        polls.account.change("contacts", late, {"stage": "customer"})
        await polls.poll(times=40, every=60)
        return polls.news()

    assert [one[1] for one in poll(scenario)] == ["updated"]


def test_short_and_empty_pages_hide_nothing(poll):
    async def scenario(polls):
        ids = an_old(polls, 30)
        chance = random.Random(1)
        polls.fake.short = lambda kind: chance.choice((1, 3, 0 if "beginning" in kind else 2))
        await polls.poll()
        polls.account.change_all("contacts", ids[:20], {"stage": "customer"})
        for id_ in ids[20:]:
            polls.time.seconds += 0.01
            polls.account.change("contacts", id_, {"stage": "customer"})
        await polls.poll(times=3)
        return sorted(polls.news()), ids

    news, ids = poll(scenario)

    assert news == [(id_, "updated", CUSTOMER) for id_ in ids]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_every_final_state_is_told_and_nothing_else(poll, seed):
    """Lag, faults, short pages, restarts, and changes while pages are read, all at once."""
    chance = random.Random(seed)
    time = VirtualTime()
    lag = chance.choice((0, 5, 60, 240))
    account = Account(TYPES, clock=time.timestamp, lag=lambda: chance.random() * lag)
    story = Chronicle(account, "contacts", ("email", "stage"))
    fake = FakeHubspot(account)

    def fault(_kind, _object):
        if chance.random() < 0.15:
            return chance.choice(
                (
                    RefusedError(502, "Bad Gateway"),
                    RefusedError(423, "Locked"),
                    limited("SECONDLY"),
                    broken("<html>"),
                    broken('{"results": ['),
                )
            )
        return None

    def between(_kind, _object):
        if chance.random() < 0.3:
            time.seconds += 0.01
            story.happen(chance, 2)

    async def scenario(polls):
        for _ in range(chance.choice((0, 5, 230))):
            story.create(LEAD)
        time.seconds += 600
        story.begin()
        await polls.poll()
        fake.fault, fake.between = fault, between
        for _ in range(10):
            story.happen(chance, chance.choice((0, 1, 20)))
            await polls.poll(every=chance.choice((1, 30, 100)))
            if chance.random() < 0.2:
                await polls.run_source()
        fake.fault, fake.between = lambda *_: None, lambda *_: None
        await polls.poll(times=12, every=60)
        return story.faults(polls.news())

    assert poll(scenario, settings(DELETIONS), fake=fake, time=time) == []


def test_two_types_of_objects_are_read_beside_each_other(poll):
    deals = HubspotObject("deals", ("amount",))

    async def scenario(polls):
        await polls.poll()
        polls.account.create("contacts", LEAD)
        polls.account.create("deals", {"amount": "1.10"})
        await polls.poll()
        return sorted(properties.items() for _, _, properties in map(tuple, polls.news()))

    assert len(poll(scenario, settings(CONTACTS, deals))) == 2
    assert modified_name("deals") == "hs_lastmodifieddate"


def test_the_other_version_of_the_api_has_other_paths(poll):
    async def scenario(polls):
        await polls.poll()
        polls.account.create("contacts", LEAD)
        await polls.poll()
        return len(polls.news())

    assert poll(scenario, settings(api_version="v3")) == 1
