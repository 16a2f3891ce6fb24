"""Lists as properties: who joins and who leaves is told once, whichever way it is found."""

import asyncio
import json
from dataclasses import replace
from datetime import datetime
from itertools import count

import pytest
from structlog.testing import capture_logs

from tests.fake_hubspot.endpoints import broken
from tests.fake_hubspot.limits import RefusedError
from tests.making import LOOPBACK
from tests.polls import CONTACTS, LEAD, CuttingTransport, an_old, settings
from webhookd.authentication.credentials import fixed
from webhookd.definitions import HubspotAssociated, HubspotList, HubspotObject
from webhookd.sources import kinds
from webhookd.storage.records.lists import listings
from webhookd.telemetry import logs
from webhookd.telemetry.figures import FIGURES

VIP = HubspotList("vip", "1")
WITH_LIST = HubspotObject("contacts", ("email", "stage"), lists=(VIP,))
WITH_DELETIONS = HubspotObject("contacts", ("email", "stage"), deletions=True, lists=(VIP,))
HOUR = 3600
IN_LIST = LEAD | {"lists.vip": True}


@pytest.fixture(autouse=True)
def _warnings_are_logged():
    logs.configure("console", "WARNING")


def with_list(**changes):
    return settings(WITH_LIST, **changes)


async def known_members(polls):
    """Return the ids of the known records that have the property, and those in the table."""
    rows = await polls.query("SELECT record_id, properties FROM known_records WHERE deleted = 0")
    has = {id_ for id_, content in rows if b'"lists.vip":"true"' in bytes(content)}
    table = await polls.query("SELECT record_id FROM list_members WHERE list = 'vip'")
    return has, {id_ for (id_,) in table}


def logged_as(logged, event):
    return [one for one in logged if one["event"] == event]


@pytest.mark.parametrize("counts_places", [False, True])
def test_who_joins_and_leaves_without_a_change_of_the_record_is_told_once(poll, counts_places):
    async def scenario(polls):
        one, two, three = an_old(polls, 3)
        polls.fake.lists.counts_places = counts_places
        segment = polls.fake.lists.create("contacts", one)
        await polls.poll()
        nothing = polls.news()
        polls.fake.lists.add(segment, two, three)
        await polls.poll(times=3)
        times = {body["occurredAt"] for body in polls.told}
        joined = polls.news()
        polls.fake.lists.remove(segment, one)
        await polls.poll(times=3)
        before = polls.news()
        polls.time.seconds += HOUR
        await polls.poll(times=3)
        return nothing, joined, before, polls.news(), (one, two, three), times

    nothing, joined, before, left, (one, two, three), times = poll(scenario, with_list())

    assert nothing == []
    assert sorted(joined) == sorted([(two, "updated", IN_LIST), (three, "updated", IN_LIST)])
    assert len(times) == 1
    assert before == []
    assert left == [(one, "updated", LEAD)]


def test_from_the_beginning_records_are_created_with_their_lists(poll):
    async def scenario(polls):
        one, two = an_old(polls, 2)
        polls.fake.lists.create("contacts", two)
        await polls.poll(times=3)
        return polls.news(), one, two

    news, one, two = poll(scenario, with_list(start="beginning"))

    assert news == [(one, "created", LEAD), (two, "created", IN_LIST)]


def test_a_dynamic_list_is_left_and_joined_with_the_change_that_does_it(poll):
    async def scenario(polls):
        one, two = an_old(polls, 2)
        polls.fake.lists.create("contacts", matches=lambda of: of.get("stage") == "lead")
        await polls.poll()
        polls.account.change("contacts", one, {"stage": "customer"})
        new = polls.account.create("contacts", {"email": "n@x", "stage": "lead"})
        await polls.poll(times=3)
        news = polls.news()
        return news, await known_members(polls), one, two, new, polls.fake.lists.members("1")

    news, (has, table), one, two, new, members = poll(scenario, with_list())

    assert sorted(news) == sorted(
        [
            (one, "updated", {"email": "a@x", "stage": "customer"}),
            (new, "created", {"email": "n@x", "stage": "lead", "lists.vip": True}),
        ]
    )
    assert has == table == members == {two, new}


def test_a_list_that_is_added_later_is_taken_over_in_silence_and_then_told_of(poll):
    async def scenario(polls):
        ids = an_old(polls, 300)
        polls.fake.lists.create("contacts", *ids[:260])
        await polls.poll(times=2)
        await polls.run_source(objects=(WITH_LIST,))
        await polls.poll(times=3)
        silent = polls.news()
        has = await known_members(polls)
        polls.fake.lists.add("1", ids[280])
        await polls.poll(times=2)
        return silent, has, polls.news(), ids

    silent, (has, table), news, ids = poll(scenario, settings(CONTACTS))

    assert silent == []
    assert has == table == set(ids[:260])
    assert news == [(ids[280], "updated", IN_LIST)]


def test_an_idle_poll_costs_one_request_a_list_and_a_page_that_changed_one_more(poll):
    async def scenario(polls):
        ids = an_old(polls, 150)
        polls.fake.lists.create("contacts", *ids[:50])
        await polls.poll(times=4)
        polls.fake.requests.clear()
        await polls.poll(times=5)
        idle = dict(polls.fake.requests)
        polls.account.change_all("contacts", ids[:90], {"stage": "customer"})
        polls.fake.requests.clear()
        await polls.poll()
        changed = dict(polls.fake.requests)
        polls.fake.requests.clear()
        await polls.poll()
        return idle, changed, dict(polls.fake.requests)

    idle, changed, after = poll(scenario, with_list())

    assert idle == {("search", 200): 5, ("joined", 200): 5}
    assert changed[("memberships", 200)] == 1
    assert changed[("joined", 200)] == 1
    assert ("memberships", 200) not in after


def test_a_list_that_lacks_most_of_its_members_is_set_aside_until_it_is_let_through(poll):
    async def scenario(polls):
        ids = an_old(polls, 100)
        segment = polls.fake.lists.create("contacts", *ids)
        await polls.poll()
        polls.fake.lists.remove(segment, *ids[:60])
        with capture_logs() as logged:
            for _ in range(3):
                polls.time.seconds += HOUR
                await polls.poll(times=2)
        aside = polls.news()
        text = "SELECT cursor FROM cursors WHERE object = 'contacts/lists/vip'"
        ((cursor,),) = await polls.query(text)
        number = kinds.set_aside(cursor).number
        await asyncio.to_thread(
            listings.accept, polls.database, "crm", "contacts/lists/vip", number
        )
        await polls.poll(times=3)
        return aside, logged_as(logged, "source.absence_set_aside"), polls.news(), ids

    aside, logged, news, ids = poll(scenario, with_list())

    assert aside == []
    assert [(one["object"], one["missing"], one["known"]) for one in logged] == [
        ("contacts/lists/vip", 60, 100)
    ]
    assert sorted(news) == sorted((id_, "updated", LEAD) for id_ in ids[:60])


def test_an_empty_list_is_set_aside_whatever_its_size(poll):
    async def scenario(polls):
        (one,) = an_old(polls)
        segment = polls.fake.lists.create("contacts", one)
        await polls.poll()
        polls.fake.lists.remove(segment, one)
        polls.time.seconds += HOUR
        with capture_logs() as logged:
            await polls.poll(times=2)
        return polls.news(), logged_as(logged, "source.absence_set_aside")

    news, logged = poll(scenario, with_list())

    assert news == []
    assert len(logged) == 1


@pytest.mark.parametrize("how", ["gone", "shown", "forbidden", "other type", "filling"])
def test_a_list_that_cannot_be_read_rests_loudly_and_nobody_leaves_it(poll, how):
    """Its records go on being told, with the list as it was: not one has a hole."""

    async def scenario(polls):
        one, two = an_old(polls, 2)
        segment = polls.fake.lists.create("contacts", one)
        await polls.poll()
        match how:
            case "forbidden":
                polls.fake.forbidden.add("lists")
            case "other type":
                polls.fake.lists.segments[segment].object = "deals"
            case "filling":
                polls.fake.lists.segments[segment].status = "PROCESSING"
                polls.fake.lists.segments[segment].members.clear()
            case _:
                polls.fake.lists.delete(segment, is_shown=how == "shown")
        polls.time.seconds += HOUR
        with capture_logs() as logged:
            polls.account.change("contacts", one, {"stage": "customer"})
            polls.account.change("contacts", two, {"stage": "customer"})
            await polls.poll(times=4)
        polls.fake.bad.clear()
        figures = polls.figures()
        assert figures.last_error is None
        assert figures.resting.keys() == {"lists/vip"}
        return polls.news(), one, two, logged_as(logged, "source.list_refused"), figures.failures

    news, one, two, refused, failures = poll(scenario, with_list())

    customer = {"email": "a@x", "stage": "customer"}
    assert sorted(news) == sorted(
        [(one, "updated", customer | {"lists.vip": True}), (two, "updated", customer)]
    )
    assert {one["list"] for one in refused} == {"vip"}
    assert {one["log_level"] for one in refused} == {"warning"}
    assert failures == 0


def test_a_list_that_rests_is_known_to_rest_behind_a_restart_and_until_it_is_read(poll):
    async def remembered(polls):
        query = "SELECT value FROM meta WHERE key = 'polled:crm/contacts/lists/vip'"
        return [json.loads(value)[1] for (value,) in await polls.query(query)]

    async def scenario(polls):
        segment = polls.fake.lists.create("contacts", *an_old(polls, 2))
        await polls.poll()
        before = dict(polls.figures().resting), await remembered(polls)
        gone = polls.fake.lists.segments.pop(segment)
        polls.time.seconds += HOUR
        await polls.poll()
        FIGURES.clear()
        await polls.run_source()
        built = dict(polls.figures().resting)
        polls.fake.fault = lambda kind, _: broken(b"{}", 500) if kind == "properties" else None
        await polls.poll()
        resting, kept = polls.figures().resting, await remembered(polls)
        polls.fake.fault = lambda *_: None
        polls.fake.lists.segments[segment] = gone
        await polls.poll(times=2, every=HOUR)
        return before, built, resting, kept, polls.figures().resting, await remembered(polls)

    before, built, resting, kept, after, left = poll(scenario, with_list())

    assert before == ({}, [])
    assert built == {}
    assert resting["lists/vip"].last_error == kept[0]
    assert "404" in kept[0]
    assert (after, left) == ({}, [None])


@pytest.mark.parametrize("how", ["gone", "forbidden", "other type"])
def test_a_list_that_was_never_read_keeps_its_records_waiting_until_it_can_be(poll, how):
    async def scenario(polls):
        one, _ = an_old(polls, 2)
        segment = polls.fake.lists.create("deals" if how == "other type" else "contacts", one)
        gone = polls.fake.lists.segments.pop(segment) if how == "gone" else None
        if how == "forbidden":
            polls.fake.forbidden.add("lists")
        with capture_logs() as logged:
            await polls.poll(times=3)
        silent = polls.news()
        if gone:
            polls.fake.lists.segments[segment] = gone
        polls.fake.lists.segments[segment].object = "contacts"
        polls.fake.lists.add(segment, one)
        polls.fake.forbidden.clear()
        polls.time.seconds += HOUR
        await polls.poll(times=3)
        polls.fake.bad.clear()
        return silent, polls.news(), one, logged_as(logged, "source.object_refused")

    silent, news, one, refused = poll(scenario, with_list(start="beginning"))

    assert silent == []
    assert (one, "created", IN_LIST) in news
    assert "the list vip (1)" in refused[0]["error"]


def test_a_member_that_is_archived_is_a_member_in_the_table_alone(poll):
    async def scenario(polls):
        one, two = an_old(polls, 2)
        segment = polls.fake.lists.create("contacts", one, two)
        await polls.poll()
        polls.account.archive("contacts", one)
        await polls.poll(times=2)
        deleted = polls.news()
        polls.time.seconds += HOUR
        await polls.poll(times=2)
        nothing = polls.news()
        polls.account.restore("contacts", one)
        polls.fake.lists.add(segment, one)
        await polls.poll(times=3)
        return deleted, nothing, polls.news(), one

    deleted, nothing, restored, one = poll(scenario, settings(WITH_DELETIONS))

    assert deleted == [(one, "deleted", IN_LIST)]
    assert nothing == []
    assert restored == [(one, "created", IN_LIST)]


def test_who_is_not_known_when_reading_begins_at_a_time_joins_in_the_table_alone(poll):
    async def scenario(polls):
        one, two = an_old(polls, 2)
        polls.time.seconds += 600
        segment = polls.fake.lists.create("contacts", one)
        source = settings(WITH_LIST, start=polls.time.clock.now())
        await polls.run_source(start=source.start)
        await polls.poll()
        polls.fake.lists.add(segment, two)
        await polls.poll(times=2)
        nothing = polls.news()
        polls.account.change("contacts", two, {"stage": "customer"})
        await polls.poll(times=2)
        return nothing, polls.news(), two

    nothing, news, two = poll(scenario, with_list())

    assert nothing == []
    customer = {"email": "a@x", "stage": "customer", "lists.vip": True}
    assert news == [(two, "updated", customer)]


@pytest.mark.parametrize("status", [400, 500])
def test_lists_that_cannot_be_asked_for_are_asked_for_again(poll, status):
    """A record that was modified is told with what is known, and then with what is learned."""

    async def scenario(polls):
        one, _ = an_old(polls, 2)
        polls.fake.lists.create("contacts", matches=lambda of: of.get("stage") == "lead")
        await polls.poll()
        refused = RefusedError(status, "no")
        polls.fake.fault = lambda kind, _: refused if kind == "memberships" else None
        polls.account.change("contacts", one, {"stage": "customer"})
        await polls.poll()
        first = polls.news()
        polls.fake.fault = lambda *_: None
        polls.time.seconds += HOUR
        await polls.poll(times=3)
        polls.fake.bad.clear()
        return first, polls.news(), one

    first, news, one = poll(scenario, with_list())

    customer = {"email": "a@x", "stage": "customer"}
    assert first == [(one, "updated", customer | {"lists.vip": True})]
    assert news == [(one, "updated", customer)]


def test_a_request_about_too_many_records_is_halved(poll):
    async def scenario(polls):
        ids = an_old(polls, 90)
        polls.fake.lists.create("contacts", matches=lambda of: of.get("stage") == "lead")
        polls.fake.lists.most_inputs = 20
        await polls.poll()
        polls.account.change_all("contacts", ids, {"stage": "customer"})
        await polls.poll(times=2)
        polls.fake.bad.clear()
        return polls.news(), ids

    news, ids = poll(scenario, with_list())

    customer = {"email": "a@x", "stage": "customer"}
    assert sorted(news) == sorted((id_, "updated", customer) for id_ in ids)


def test_a_reload_ends_the_rest_of_a_list(poll):
    async def scenario(polls):
        one, two = an_old(polls, 2)
        segment = polls.fake.lists.create("contacts", one)
        await polls.poll()
        polls.fake.forbidden.add("lists")
        await polls.poll(every=1.0)
        polls.fake.forbidden.clear()
        polls.fake.lists.add(segment, two)
        await polls.poll(every=1.0)
        nothing = polls.news()
        polls.source.wake()
        await polls.poll()
        return nothing, polls.news(), two

    nothing, news, two = poll(scenario, with_list())

    assert nothing == []
    assert news == [(two, "updated", IN_LIST)]


def test_who_joined_at_a_time_to_come_is_told_with_the_time_of_now(poll):
    async def scenario(polls):
        one, two = an_old(polls, 2)
        segment = polls.fake.lists.create("contacts", one)
        await polls.poll()
        polls.fake.lists.segments[segment].members[two] = polls.account.now() + 86_400_000
        await polls.poll()
        (body,) = polls.told
        return datetime.fromisoformat(body["occurredAt"]), polls.time.clock.now()

    occurred, now = poll(scenario, with_list())

    assert occurred <= now


@pytest.mark.parametrize("kind", ["joined", "members"])
def test_a_place_in_a_list_that_is_refused_begins_anew(poll, kind):
    async def scenario(polls):
        ids = an_old(polls, 30)
        polls.fake.lists.most_shown = 4
        segment = polls.fake.lists.create("contacts", *ids[:20])
        await polls.poll(times=2)
        polls.fake.lists.add(segment, *ids[20:25])
        polls.fake.lists.remove(segment, *ids[:5])
        polls.time.seconds += HOUR
        left = iter(range(3))
        sour = RefusedError(400, "The paging token is not valid")
        polls.fake.fault = lambda of, _: sour if of == kind and next(left, None) == 2 else None
        await polls.poll()
        polls.fake.fault = lambda *_: None
        for _ in range(3):
            polls.time.seconds += HOUR
            await polls.poll(times=2)
        polls.fake.bad.clear()
        return polls.news(), await known_members(polls), ids

    news, (has, table), ids = poll(scenario, with_list())

    assert sorted(news) == sorted(
        [
            *((id_, "updated", LEAD) for id_ in ids[:5]),
            *((id_, "updated", IN_LIST) for id_ in ids[20:25]),
        ]
    )
    assert has == table == set(ids[5:25])


@pytest.mark.parametrize("kind", ["joined", "members"])
def test_pages_that_lead_in_a_circle_end_and_cost_the_list_a_rest(poll, kind):
    async def scenario(polls):
        ids = an_old(polls, 10)
        polls.fake.lists.create("contacts", *ids)
        await polls.poll()
        turns = count()
        after = iter("abc" * 100)

        def circling(of, _object, body):
            if of != kind:
                return None
            next(turns)
            content = json.loads(body) | {"paging": {"next": {"after": next(after) * 4}}}
            return json.dumps(content).encode()

        polls.fake.spoil = circling
        polls.time.seconds += HOUR
        with capture_logs() as logged:
            await polls.poll()
        polls.fake.bad.clear()
        return next(turns), logged_as(logged, "source.list_refused"), polls.figures().failures

    asked, refused, failures = poll(scenario, with_list())

    assert asked < 20
    assert len(refused) == 1
    assert failures == 0


def misled(kind, how):
    """Return what leads back to an earlier page, or to the same one again until it begins anew."""
    met = []

    def spoil(of, _object, body):
        if of != kind or met[-1:] == ["healed"]:
            return None
        content = json.loads(body)
        if met and content.get("paging") == met[0]:
            met.append("healed")
            return None
        met.append(content.get("paging"))
        if len(met) == 3 or (how == "same page" and len(met) == 2):
            spoilt = json.dumps(content | {"paging": met[0]}).encode()
            if how == "same page":
                met.pop()
            return spoilt
        return None

    return spoil


@pytest.mark.parametrize("how", ["circle", "same page"])
@pytest.mark.parametrize(
    ("kind", "is_first"), [("members", True), ("members", False), ("joined", True)]
)
def test_pages_that_led_in_a_circle_once_are_read_from_the_first_one(poll, kind, is_first, how):
    """The place that they led to would be met again at every poll, after a restart as well."""

    async def scenario(polls):
        ids = an_old(polls, 30)
        polls.fake.lists.most_shown = 4
        segment = polls.fake.lists.create("contacts", *ids[:25])
        if not is_first:
            await polls.poll(times=2)
            polls.time.seconds += HOUR
        polls.fake.spoil = misled(kind, how)
        await polls.poll()
        rests = [one.last_error for one in polls.figures().resting.values()]
        error = polls.figures().last_error if is_first and not rests else rests[0]
        await polls.run_source(objects=(WITH_LIST,))
        await polls.poll(times=3, every=HOUR)
        silent, known = polls.news(), await known_members(polls)
        polls.fake.lists.add(segment, ids[25])
        polls.fake.lists.remove(segment, ids[0])
        await polls.poll(times=3, every=HOUR)
        polls.fake.bad.clear()
        return error, silent, known, polls.news(), ids

    error, silent, (has, table), news, ids = poll(scenario, with_list())

    assert ("circle" if how == "circle" else "same page") in error
    assert silent == []
    assert has == table == set(ids[:25])
    assert sorted(news) == [(ids[0], "updated", LEAD), (ids[25], "updated", IN_LIST)]


def test_a_row_that_cannot_be_understood_is_told_of_and_lets_nobody_go_unasked(poll):
    """A page lacks two: HubSpot says of one that it is a member still, and nothing of the other."""

    async def scenario(polls):
        ids = an_old(polls, 10)
        polls.fake.lists.tells_of_none = False
        segment = polls.fake.lists.create("contacts", *ids)
        await polls.poll()
        polls.fake.lists.remove(segment, ids[0])

        def odd(of, _object, body):
            if of != "members":
                return None
            content = json.loads(body)
            content["results"] = [{"recordId": None}, *content["results"][1:]]
            return json.dumps(content).encode()

        polls.fake.spoil = odd
        polls.time.seconds += HOUR
        with capture_logs() as logged:
            await polls.poll(times=2)
        nothing, left_out = polls.news(), logged_as(logged, "source.records_left_out")
        polls.fake.spoil = lambda *_: None
        polls.time.seconds += HOUR
        await polls.poll(times=2)
        return nothing, left_out, polls.news(), ids

    nothing, left_out, news, ids = poll(scenario, with_list())

    assert nothing == []
    assert [(one["source"], one["log_level"]) for one in left_out] == [("crm", "warning")]
    assert news == [(ids[0], "updated", LEAD)]


def test_a_record_that_is_read_by_hand_has_its_lists(poll):
    async def scenario(polls):
        one, two = an_old(polls, 2)
        polls.fake.lists.create("contacts", one)
        fetch = kinds.fetch(polls.settings)

        async def read(id_):
            seen = await fetch(
                polls.settings,
                "contacts",
                id_,
                transport=CuttingTransport(polls.fake.app),
                egress=LOOPBACK,
                clock=polls.time.clock,
                credentials_of=fixed,
            )
            return seen.properties

        return await read(one), await read(two)

    one, two = poll(scenario, with_list())

    assert one == {"email": '"a@x"', "stage": '"lead"', "lists.vip": "true"}
    assert two == {"email": '"a@x"', "stage": '"lead"'}


@pytest.mark.parametrize("way", ["joined", "members", "memberships"])
def test_who_joins_or_leaves_carries_its_company_as_ever(poll, way):
    """Whichever way it is found: what a record carries from elsewhere has no hole then."""
    block = HubspotAssociated("companies", "companies", ("name",))
    source = settings(replace(WITH_LIST, associated=(block,)))

    async def scenario(polls):
        one, two = an_old(polls, 2)
        company = polls.account.create("companies")
        polls.account.change("companies", company, {"name": "ACME"})
        for id_ in (one, two):
            polls.fake.associations.associate("contacts", id_, "companies", company)
        segment = polls.fake.lists.create("contacts", two)
        await polls.poll(times=2)
        polls.fake.lists.add(segment, one)
        if way == "memberships":
            polls.account.change("contacts", one, {"stage": "customer"})
        elif way == "members":
            refused = RefusedError(400, "not now")
            polls.fake.fault = lambda kind, _: refused if kind == "joined" else None
        await polls.poll()
        polls.fake.fault = lambda *_: None
        polls.fake.lists.remove(segment, two)
        polls.time.seconds += HOUR
        await polls.poll(times=3)
        polls.fake.bad.clear()
        return polls.news(), one, two, company

    news, one, two, company = poll(scenario, source)

    carried = {"companies.id": company, "companies.name": "ACME"}
    stage = {"stage": "customer"} if way == "memberships" else {}
    assert sorted(news) == sorted(
        [
            (one, "updated", IN_LIST | stage | carried),
            (two, "updated", LEAD | carried),
        ]
    )
