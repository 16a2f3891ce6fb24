"""Reading HubSpot: what is told is what changed, at every edge of its API."""

import asyncio
import random
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tests.fake_hubspot import Account, FakeHubspot
from tests.fake_hubspot.account import modified_name
from tests.fake_hubspot.endpoints import broken
from tests.fake_hubspot.limits import RefusedError, limited
from tests.polls import CONTACTS, EPOCH, TYPES, VirtualTime, everything, polling, settings
from tests.polls_oracle import Chronicle
from webhookd.rules.plan import AllOf, Condition, HubspotObject, Operator, Trigger
from webhookd.telemetry import logs

LEAD, CUSTOMER = {"email": "a@x", "stage": "lead"}, {"email": "a@x", "stage": "customer"}
DELETIONS = HubspotObject("contacts", ("email", "stage"), deletions=True)
ALL = HubspotObject("contacts", None)


@pytest.fixture
def poll(url):
    """Return what runs a scenario with a source on a fake."""

    def run(scenario, source=None, *webhooks, **options):
        async def inside():
            async with polling(url, source or settings(), *webhooks, **options) as polls:
                result = await scenario(polls)
                assert polls.fake.bad == [], "the API was asked something that it refuses"
                return result

        return asyncio.run(inside())

    return run


def an_old(polls, count=1, **properties):
    """Create records that are there before anything is read."""
    ids = [polls.account.create("contacts", LEAD | properties) for _ in range(count)]
    polls.time.seconds += 600
    return ids


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


def test_archived_records_are_deleted_once_and_restored_ones_are_created(poll):
    async def scenario(polls):
        gone, back, _stays = an_old(polls, 3)
        early = polls.account.create("contacts", LEAD)
        polls.account.archive("contacts", early)
        await polls.poll()
        polls.account.archive("contacts", gone)
        polls.account.archive("contacts", back)
        await polls.poll(times=3)
        archived = polls.news()
        polls.account.restore("contacts", back)
        polls.account.purge("contacts", gone)
        await polls.poll(times=3)
        return (
            archived,
            polls.news(),
            gone,
            back,
            await polls.query("SELECT * FROM archived_records"),
        )

    archived, restored, gone, back, left = poll(scenario, settings(DELETIONS))

    assert archived == [(gone, "deleted", LEAD), (back, "deleted", LEAD)]
    assert restored == [(back, "created", LEAD)]
    assert len(left) == 1


def test_an_index_that_still_has_what_is_archived_brings_nothing_back(poll):
    async def scenario(polls):
        (id_,) = an_old(polls)
        await polls.poll()
        polls.account.change("contacts", id_, {"stage": "customer"})
        await polls.poll()
        polls.account.lag = lambda: 200.0
        polls.account.archive("contacts", id_)
        await polls.poll(times=12)
        return polls.news()

    news = poll(scenario, settings(DELETIONS))

    assert [kind for _, kind, _ in news] == ["updated", "deleted"]


def test_a_record_that_is_restored_while_the_archive_is_read_was_never_gone(poll):
    async def scenario(polls):
        (id_,) = an_old(polls)
        await polls.poll()
        polls.account.archive("contacts", id_)

        def between(kind, _object):
            if kind == "archived":
                polls.account.restore("contacts", id_)

        polls.fake.between = between
        await polls.poll(times=3)
        return polls.news()

    assert poll(scenario, settings(DELETIONS)) == []


def test_a_large_archive_is_read_slice_by_slice_and_holds_up_no_change(poll):
    async def scenario(polls):
        ids = an_old(polls, 4500)
        for id_ in ids[:-1]:
            polls.account.archive("contacts", id_)
        await polls.poll()
        polls.account.change("contacts", ids[-1], {"stage": "customer"})
        await polls.poll()
        told, cursors = polls.news(), await polls.query("SELECT cursor FROM cursors")
        polls.account.archive("contacts", ids[-1])
        await polls.poll(times=4)
        return told, cursors, polls.news(), polls.fake.requests["archived", 429]

    told, cursors, later, refused = poll(scenario, settings(DELETIONS))

    assert [kind for _, kind, _ in told] == ["updated"]
    assert '"passes":1' in cursors[0][0]
    assert [kind for _, kind, _ in later] == ["deleted"]
    assert refused == 0


def test_a_property_that_is_asked_for_the_first_time_is_no_change(poll):
    async def scenario(polls):
        empty, valued = an_old(polls, 2)
        polls.account.change("contacts", valued, {"score": "5"})
        await polls.poll()
        more = HubspotObject("contacts", ("email", "stage", "score"))
        await polls.run_source(objects=(more,))
        await polls.poll(times=2)
        silent = polls.news()
        polls.account.change("contacts", empty, {"score": "1"})
        polls.account.change("contacts", valued, {"score": "6"})
        await polls.poll()
        changed = polls.news()
        await polls.run_source(objects=(CONTACTS,))
        await polls.poll(times=2)
        return silent, changed, polls.news()

    silent, changed, fewer = poll(scenario)

    assert silent == fewer == []
    assert [properties["score"] for _, _, properties in changed] == ["1", "6"]


def test_a_change_beside_a_new_property_is_told_without_it(poll):
    async def scenario(polls):
        (id_,) = an_old(polls, score="5")
        await polls.poll()
        await polls.run_source(objects=(HubspotObject("contacts", ("email", "stage", "score")),))
        polls.account.change("contacts", id_, {"stage": "customer"})
        await polls.poll()
        return [one["previousProperties"] for one in polls.told]

    assert poll(scenario) == [{"stage": "lead"}]


def test_all_properties_are_those_that_there_are_looked_up_every_hour(poll):
    async def scenario(polls):
        (id_,) = an_old(polls)
        await polls.poll()
        polls.account.types["contacts"]["colour"] = "string"
        polls.account.change("contacts", id_, {"colour": "red"})
        await polls.poll(times=2)
        before = polls.news()
        await polls.poll(times=3, every=1900)
        silent = polls.news()
        polls.account.change("contacts", id_, {"colour": "blue"})
        await polls.poll()
        return before, silent, [properties["colour"] for _, _, properties in polls.news()]

    assert poll(scenario, settings(ALL)) == ([], [], ["blue"])


def test_more_properties_than_a_url_or_a_search_can_name_are_read_all_the_same(poll):
    names = tuple(f"a_property_with_a_long_name_{number}" for number in range(500))
    account = Account({"contacts": dict.fromkeys(names, "string")})

    async def scenario(polls):
        id_, *_ = [polls.account.create("contacts", {names[0]: "1"}) for _ in range(150)]
        polls.time.seconds += 600
        await polls.poll()
        polls.account.change("contacts", id_, {names[499]: "2"})
        await polls.poll()
        return polls.news(), id_

    read = HubspotObject("contacts", names)
    news, id_ = poll(scenario, settings(read), everything(), fake=FakeHubspot(account))

    assert news == [(id_, "updated", {names[0]: "1", names[499]: "2"})]


def test_a_chosen_property_that_is_not_there_is_empty_and_warned_of(poll):
    async def scenario(polls):
        an_old(polls)
        await polls.poll(times=2)
        return polls.figures().failures

    logs.configure("console", "WARNING")
    with capture_logs() as logged:
        assert poll(scenario, settings(HubspotObject("contacts", ("email", "nickname")))) == 0

    warned = [one for one in logged if one["event"] == "source.property_missing"]
    assert [one["properties"] for one in warned] == [["nickname"]]


def test_conditions_know_the_type_of_a_property(poll):
    when = AllOf((Condition("met", Operator.GTE, ("2026-01-01",)),))
    webhook = everything(trigger=Trigger(when=when))

    async def scenario(polls):
        await polls.poll()
        polls.account.create("contacts", {"met": "1767225600000"})
        polls.account.create("contacts", {"met": "1767225599999"})
        await polls.poll()
        return [properties for _, _, properties in polls.news()]

    read = HubspotObject("contacts", ("met",))
    assert poll(scenario, settings(read), webhook) == [{"met": "1767225600000"}]


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_every_final_state_is_told_and_nothing_else(poll, seed):  # noqa: C901 - it is a story
    """Lag, faults, short pages, restarts, and changes while pages are read, all at once."""
    chance = random.Random(seed)
    time = VirtualTime()
    lag = chance.choice((0, 5, 60, 240))
    account = Account(TYPES, clock=time.timestamp, lag=lambda: chance.random() * lag)
    story = Chronicle(account, "contacts", ("email", "stage"))
    fake = FakeHubspot(account)

    def change(count):
        for _ in range(count):
            roll, live, gone = chance.random(), story.live(), story.gone()
            if roll < 0.2 or not live:
                story.create(LEAD | {"email": str(roll)})
            elif roll < 0.7:
                story.change(chance.choice(live), {"stage": chance.choice("abc")})
            elif roll < 0.8:
                story.change(chance.choice(live), {"score": str(roll)})
            elif roll < 0.92:
                story.archive(chance.choice(live))
            elif gone:
                story.restore(chance.choice(gone))

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
            change(2)

    async def scenario(polls):
        for _ in range(chance.choice((0, 5, 230))):
            story.create(LEAD)
        time.seconds += 600
        story.begin()
        await polls.poll()
        fake.fault, fake.between = fault, between
        for _ in range(10):
            change(chance.choice((0, 1, 20)))
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
