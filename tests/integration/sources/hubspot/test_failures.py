"""What an API that fails costs: a line, a pause, and nothing that was read."""

import asyncio
import json
import re
from dataclasses import replace
from itertools import pairwise

import pytest
from starlette.responses import RedirectResponse
from structlog.testing import capture_logs

from tests.fake_hubspot.endpoints import broken
from tests.fake_hubspot.limits import RefusedError, limited
from tests.polls import CONTACTS, LEAD, an_old, everything, polling, settings
from webhookd.definitions import AllOf, Condition, HubspotObject, Operator, Trigger
from webhookd.telemetry import logs

DEALS = HubspotObject("deals", ("amount",))
WHEN = "2026-03-01T00:00:00.000Z"


@pytest.fixture
def poll(url):
    """Return what runs a scenario with a source on a fake."""
    logs.configure("console", "WARNING")

    def run(scenario, *objects):
        async def inside():
            async with polling(url, settings(*objects)) as polls:
                return await scenario(polls)

        return asyncio.run(inside())

    return run


async def failing(polls, answer, kind="search"):
    """Let every request of *kind* be answered so; return how many searches one poll then made."""
    await polls.poll(times=2)
    before = len(polls.fake.log)
    polls.fake.fault = lambda met, _: answer() if met == kind else None
    await polls.poll(every=0)
    return len(polls.fake.log) - before


def record(**changes):
    found = {"id": "1", "properties": {"lastmodifieddate": WHEN}, "updatedAt": WHEN}
    return found | changes


def answer(*records, **more):
    return json.dumps({"total": len(records), "results": list(records)} | more)


NONSENSE = {
    "html": "<html><body>Maintenance</body></html>",
    "nothing": "",
    "cut": answer(record())[:-9],
    "list": "[]",
    "number": "1",
    "no results": "{}",
    "results that are none": '{"results": 7}',
    "next that repeats itself": answer(paging={"next": {"after": "x"}}),
    "more that never comes": answer(total=99),
    "twice the same key": '{"results": [], "results": []}',
    "absurdly deep": '{"results": ' + "[" * 100_000 + "]" * 100_000 + "}",
    "bad utf-8": b'{"results": ["\xff"]}',
}


@pytest.mark.parametrize("content", NONSENSE.values(), ids=NONSENSE)
def test_nonsense_costs_one_logged_failure_and_neither_the_cursor_nor_the_other_type(poll, content):
    async def scenario(polls):
        await polls.poll()
        cursor = "SELECT cursor FROM cursors WHERE object = 'contacts'"
        polls.fake.fault = lambda kind, object_: (
            broken(content) if (kind, object_) == ("search", "contacts") else None
        )
        before = await polls.query(cursor)
        polls.account.create("deals", {"amount": "1"})
        with capture_logs() as logged:
            await polls.poll()
        after, deals = await polls.query(cursor), polls.news()
        polls.fake.fault = lambda *_: None
        new = polls.account.create("contacts", LEAD)
        await polls.poll(times=2)
        failed = [one for one in logged if one["event"] == "source.poll_failed"]
        return before == after, len(deals), failed, polls.figures(), polls.news(), new

    untouched, deals, failed, figures, news, new = poll(scenario, CONTACTS, DEALS)

    assert untouched
    assert deals == 1
    assert [one["object"] for one in failed] == ["contacts"]
    assert len(failed[0]["error"]) < 300
    assert figures.failures == 1
    assert figures.last_error == failed[0]["error"]
    assert [one[:2] for one in news] == [(new, "created")]


LATER = "2026-03-01T00:30:00.000Z"


def odd(**changes):
    """Return a record that is modified later, as JSON, but for *changes*."""
    properties = {"lastmodifieddate": LATER, "email": "odd@x"}
    found = record(id="77", properties=properties, updatedAt=LATER, archived=False) | changes
    return json.dumps({name: value for name, value in found.items() if value != "absent"})


ODD = {
    "no object": '"x"',
    "null": "null",
    "no id": odd(id="absent"),
    "null id": odd(id=None),
    "fractional id": odd(id=1.5),
    "nested id": odd(id=["77"]),
    "empty id": odd(id=""),
    "blank id": odd(id=" \t"),
    "501 characters": odd(id="7" * 501),
    "a million digits": odd(id=0).replace('"id": 0', '"id": ' + "1" * 1_000_000),
    "NUL in the id": odd(id="77\0"),
    "line break in the id": odd(id="7\n7"),
    "half a character as id": odd(id="\ud83d"),
    "no time": odd(properties={"email": "odd@x"}, updatedAt="absent"),
    "null time": odd(properties={"lastmodifieddate": None}, updatedAt=None),
    "time of 17 digits": odd(properties={"lastmodifieddate": "1" * 17}, updatedAt="absent"),
    "time that is true": odd(properties={"lastmodifieddate": True}, updatedAt="absent"),
    "time that is a list": odd(properties={"lastmodifieddate": []}, updatedAt={}),
    "time long gone": odd(properties={"lastmodifieddate": "1"}),
    "time in words": odd(properties={"lastmodifieddate": "yesterday"}, updatedAt="soon"),
    "properties a list": odd(properties=[1]),
    "properties a text": odd(properties="email"),
    "no properties": odd(properties="absent"),
    "archived in words": odd(archived="maybe"),
    "twice the same key": odd().replace('"email":', '"lastmodifieddate": "1", "email":'),
    "not a number": odd().replace('"odd@x"', "NaN"),
}


@pytest.mark.parametrize("content", ODD.values(), ids=ODD)
@pytest.mark.parametrize("place", ["before", "behind"])
def test_an_odd_record_costs_itself_and_is_told_when_it_is_right_again(poll, content, place):
    good = json.dumps(
        record(id="78", properties={"lastmodifieddate": LATER, "email": "b@x"}, updatedAt=LATER)
    )
    both = [content, good] if place == "before" else [good, content]
    page = f'{{"total": 2, "results": [{",".join(both)}]}}'

    async def scenario(polls):
        an_old(polls)
        await polls.poll()
        polls.fake.fault = lambda kind, _: broken(page) if kind == "search" else None
        with capture_logs() as logged:
            await polls.poll(times=3)
        told, figures = polls.news(), (polls.figures().failures, polls.figures().left_out)
        right = f'{{"total": 1, "results": [{odd()}]}}'
        polls.fake.fault = lambda kind, _: broken(right) if kind == "search" else None
        await polls.poll(times=2)
        left_out = [one for one in logged if one["event"] == "source.records_left_out"]
        return told, figures, left_out, polls.news()

    told, figures, left_out, healed = poll(scenario)

    assert [one[0] for one in told] == ["78"]
    assert figures == (0, 1)
    assert [(one["source"], one["object"], one["count"]) for one in left_out] == [
        ("crm", "contacts", 1)
    ]
    assert len(str(left_out)) < 600
    assert [one[0] for one in healed] == ["77"]


def test_ten_ids_at_the_most_stand_in_the_line_about_odd_records(poll):
    page = answer(*(record(id=str(number), properties=[]) for number in range(30)))

    async def scenario(polls):
        await polls.poll()
        polls.fake.fault = lambda kind, _: broken(page) if kind == "search" else None
        with capture_logs() as logged:
            await polls.poll(times=2)
        return [one for one in logged if one["event"] == "source.records_left_out"]

    (line,) = poll(scenario)

    assert line["count"] == 30
    assert line["record_ids"] == [str(number) for number in range(10)]


@pytest.mark.parametrize("kind", ["list", "archived", "read"])
def test_an_odd_record_in_any_answer_costs_only_itself(poll, kind):
    """Of two records the first is odd in every answer of a kind; the second is told."""
    names = tuple(f"a_property_with_a_long_name_{number}" for number in range(300))
    chosen = ("email", *names) if kind == "read" else ("email",)

    async def scenario(polls):
        polls.account.types["contacts"] |= dict.fromkeys(names, "string")
        bad, good = (polls.account.create("contacts", LEAD) for _ in range(2))
        polls.time.seconds += 600

        def spoilt(met, _object, response):
            return response.replace(f'"id":"{bad}"'.encode(), b'"id":null') if met == kind else None

        polls.fake.spoil = spoilt
        await polls.poll()
        if kind == "archived":
            polls.account.archive("contacts", bad)
            polls.account.archive("contacts", good)
        else:
            polls.account.change_all("contacts", [bad, good], {"email": "b@x"})
        await polls.poll(times=3)
        return polls.figures().failures, {one[0] for one in polls.news()}, bad, good

    failures, told, bad, good = poll(scenario, HubspotObject("contacts", chosen, deletions=True))

    assert failures == 0
    # A search names the record that the list could not.
    assert told == ({bad, good} if kind == "list" else {good})


def test_a_list_that_does_not_say_what_leads_on_goes_on_behind_its_last_record(poll):
    async def scenario(polls):
        for _ in range(250):
            polls.account.create("contacts", LEAD)
        polls.time.seconds += 600
        polls.fake.spoil = lambda kind, _, body: (
            re.sub(rb'"next":\{"after":"\d+"', b'"next":{"after":null', body)
            if kind == "list"
            else None
        )
        await polls.poll()
        return await polls.query("SELECT count(*) FROM known_records"), polls.figures().failures

    assert poll(scenario) == ([(250,)], 0)


@pytest.mark.parametrize("kind", ["list", "archived", "properties", "read"])
def test_every_request_may_be_answered_with_nonsense(poll, kind):
    names = tuple(f"a_property_with_a_long_name_{number}" for number in range(300))
    objects = {"read": HubspotObject("contacts", names)}
    read = objects.get(kind, HubspotObject("contacts", ("email",), deletions=True))

    async def scenario(polls):
        polls.account.types["contacts"] |= dict.fromkeys(names, "string")
        polls.account.create("contacts", LEAD)
        content = iter(('{"results": {}}', '{"results": "7"}', "<html>"))
        polls.fake.fault = lambda met, _: broken(next(content)) if met == kind else None
        for _ in range(3):
            await polls.poll()
        polls.fake.fault = lambda *_: None
        await polls.poll()
        return polls.figures()

    figures = poll(scenario, read)

    assert figures.failures == 3
    assert figures.last_success_at is not None


def test_a_batch_read_that_leaves_records_out_for_another_reason_is_tried_again(poll):
    names = tuple(f"a_property_with_a_long_name_{number}" for number in range(300))
    half = {"results": [], "errors": [{"category": "INTERNAL"}], "status": "COMPLETE"}

    async def scenario(polls):
        polls.account.types["contacts"] |= dict.fromkeys(names, "string")
        await polls.poll()
        polls.account.create("contacts", {names[0]: "1"})
        polls.fake.fault = lambda kind, _: broken(json.dumps(half), 207) if kind == "read" else None
        await polls.poll()
        polls.fake.fault = lambda *_: None
        failures, nothing = polls.figures().failures, polls.news()
        await polls.poll()
        return failures, nothing, len(polls.news())

    assert poll(scenario, HubspotObject("contacts", names)) == (0, [], 1)


@pytest.mark.parametrize(
    ("refused", "requests", "pause"),
    [
        # What may pass within seconds is tried again, what may not is left for a later poll.
        (lambda: RefusedError(502, "Bad Gateway"), 3, 1),
        (lambda: RefusedError(504, "Timeout"), 3, 1),
        (lambda: RefusedError(521, "Down"), 3, 1),
        (lambda: RefusedError(423, "Locked"), 3, 2),
        (lambda: limited("SECONDLY"), 3, 1),
        (lambda: limited("SECONDLY", 7), 3, 7),
        (lambda: limited("TEN_SECONDLY_ROLLING"), 2, 10),
        (lambda: limited("TEN_SECONDLY_ROLLING", 60), 1, 60),
        (lambda: limited("DAILY"), 1, 900),
        (lambda: limited("DAILY", 7200), 1, 7200),
        (lambda: limited("SOMETHING_NEW"), 2, 10),
        (lambda: RefusedError(477, "Migration"), 1, 300),
        (lambda: RefusedError(477, "Migration", headers={"retry-after": "86400"}), 1, 86400),
        (lambda: RefusedError(503, "Busy", headers={"retry-after": "120"}), 1, 120),
        (lambda: RefusedError(400, "Bad"), 1, 1),
        (lambda: RedirectResponse("https://elsewhere.example/"), 1, 1),
    ],
)
def test_a_refusal_is_followed_by_the_pause_that_it_asks_for(poll, refused, requests, pause):
    async def scenario(polls):
        made = await failing(polls, refused)
        left_off_at, count = polls.time.seconds, len(polls.fake.log)
        early = 0
        for _ in range(20):
            polls.time.seconds = left_off_at + pause * 0.99
            await polls.poll(every=0)
            early = len(polls.fake.log) - count
        polls.fake.fault = lambda *_: None
        polls.account.create("contacts", LEAD)
        polls.time.seconds = left_off_at + pause * 5 + 5
        await polls.poll()
        return made, early, polls.figures().failures, len(polls.news())

    made, early, failures, news = poll(scenario)

    assert made == requests
    assert early == 0
    assert failures == 1
    assert news == 1


def test_pauses_grow_with_each_failure_up_to_five_minutes(poll):
    async def scenario(polls):
        await failing(polls, lambda: broken("<html>"))
        begun = []
        for _ in range(4000):
            count = len(polls.fake.log)
            await polls.poll(every=1)
            if len(polls.fake.log) > count:
                begun.append(polls.time.seconds)
        return [later - earlier for earlier, later in pairwise(begun)]

    gaps = poll(scenario)

    assert gaps == sorted(gaps)
    assert 290 < gaps[-1] < 320


def test_a_refused_token_is_asked_again_loudly_and_taken_when_it_is_right(poll):
    async def scenario(polls):
        await polls.poll()
        polls.fake.tokens = {"pat-other"}
        with capture_logs() as logged:
            await polls.poll(times=120)
        loud = [one for one in logged if one["log_level"] == "error"]
        refused = [at for at, *_, status in polls.fake.log if status == 401]
        polls.fake.tokens = {"pat-token"}
        polls.account.create("contacts", LEAD)
        polls.account.create("deals", {"amount": "1"})
        await polls.poll(times=32)
        return loud, refused, polls.news()

    loud, refused, news = poll(scenario, CONTACTS, DEALS)

    assert {one["event"] for one in loud} == {"source.unauthorized"}
    assert [one["again_in"] for one in loud] == [60, 120, 240, 480, 900, 900, 900]
    assert "pat-token" not in str(loud)
    # Both types meet the first refusal; then one asks for both.
    assert len(refused) in {7, 8}
    assert len(news) == 2


def test_one_401_after_hours_of_success_costs_a_minute(poll):
    async def scenario(polls):
        await polls.poll(times=100)
        once = iter([RefusedError(401, "Authentication credentials not found")])
        polls.fake.fault = lambda *_: next(once, None)
        await polls.poll()
        polls.account.create("contacts", LEAD)
        await polls.poll(times=4)
        return polls.news(), polls.figures().failures

    news, failures = poll(scenario)

    assert len(news) == 1
    assert failures == 1


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize(
    "body", ["<html>Forbidden by the firewall</html>", "", '{"error": "no"}', '{"category": null}']
)
def test_a_refusal_that_is_not_the_apis_own_is_a_failed_poll(poll, status, body):
    async def scenario(polls):
        await polls.poll()
        polls.fake.fault = lambda *_: broken(body, status)
        with capture_logs() as logged:
            await polls.poll()
        polls.fake.fault = lambda *_: None
        polls.account.create("contacts", LEAD)
        await polls.poll()
        return [one["event"] for one in logged if one["log_level"] == "error"], polls.news()

    events, news = poll(scenario)

    assert events == ["source.poll_failed"]
    assert len(news) == 1


def test_a_type_of_object_that_may_not_be_read_stops_only_itself(poll):
    async def scenario(polls):
        polls.fake.forbidden = {"contacts"}
        with capture_logs() as logged:
            await polls.poll(times=20)
        polls.account.create("deals", {"amount": "1"})
        await polls.poll()
        told, refused = polls.news(), polls.fake.requests["properties", 403]
        polls.fake.forbidden = set()
        await polls.poll(times=2, every=3600)
        events = [one["event"] for one in logged if one["log_level"] == "error"]
        return told, refused, events, polls.figures().last_success_at

    told, refused, events, recovered = poll(scenario, CONTACTS, DEALS)

    assert len(told) == 1
    assert refused == 1
    assert events == ["source.object_refused"]
    assert recovered is not None


def test_a_bug_in_a_poll_stops_only_that_poll(poll, monkeypatch):
    async def scenario(polls):
        await polls.poll()
        reader = polls.source._polls[0]._reader
        monkeypatch.setattr(reader, "_note_lag", lambda _: 1 / 0)
        with capture_logs() as logged:
            await polls.poll()
        monkeypatch.undo()
        counted = polls.figures().failures, polls.figures().last_error
        polls.account.create("contacts", LEAD)
        await polls.poll(times=2)
        events = [one["event"] for one in logged if one["log_level"] == "error"]
        return events, counted, polls.news()

    events, counted, news = poll(scenario)

    assert events == ["source.poll_broke"]
    assert counted == (1, "a bug in webhookd (ZeroDivisionError); its log has the details")
    assert len(news) == 1


def test_half_a_character_is_kept_as_it_was_written(poll):
    content = answer(record(properties={"lastmodifieddate": WHEN, "email": "\ud83d"}))

    async def scenario(polls):
        await polls.poll()
        once = iter([broken(content.replace(WHEN, "2026-03-01T00:05:00Z"))])
        polls.fake.fault = lambda kind, _: next(once, None) if kind == "search" else None
        await polls.poll()
        return [properties for _, _, properties in polls.news()]

    assert poll(scenario) == [{"email": "\ud83d"}]


def test_an_id_may_be_a_number_and_a_value_may_have_a_million_digits(poll):
    """Neither is made a number of the machine's: they arrive as they were written."""
    digits = "9" * 1_000_000
    later = "2026-03-01T00:05:00Z"
    found = {"lastmodifieddate": later, "email": "EMAIL"}
    content = answer(record(id=7, properties=found, updatedAt=later)).replace('"EMAIL"', digits)
    large = Trigger(when=AllOf((Condition("email", Operator.GT, ("1e9",)),)))

    async def scenario(polls):
        polls.definitions = replace(
            polls.definitions, webhooks={"contacts": everything(trigger=large)}
        )
        polls.intake._offer = lambda _: None  # the tests' own reader makes numbers of them
        await polls.poll()
        once = iter([broken(content)])
        polls.fake.fault = lambda kind, _: next(once, None) if kind == "search" else None
        await polls.poll()
        return (
            await polls.query("SELECT record_id, properties FROM known_records"),
            polls.figures().failures,
            await polls.query("SELECT record_id, state FROM deliveries"),
        )

    ((id_, properties),), failures, deliveries = poll(scenario)

    assert (id_, failures, deliveries) == ("7", 0, [("7", "pending")])
    assert digits.encode() in properties


def test_a_quiet_source_is_never_late_and_a_refused_one_ever_later(poll):
    async def scenario(polls):
        await polls.poll(times=200)
        figures = polls.figures()
        quiet = figures.lag(polls.time.now())
        polls.fake.tokens = {"pat-other"}
        await polls.poll()
        refused_at = polls.time.now()
        await polls.poll(times=10, every=360)
        late = figures.lag(polls.time.now())
        requests, failures = figures.requests["401"], figures.failures
        polls.fake.tokens = {"pat-token"}
        await polls.run_source()
        await polls.poll()
        healed = figures.lag(polls.time.now())
        return quiet, late, (requests, failures), healed, figures.last_success_at > refused_at

    quiet, late, counted, healed, is_read_again = poll(scenario)

    assert quiet < 60
    assert late > 3600
    assert counted[0] == counted[1] > 4
    assert healed < 60
    assert is_read_again
