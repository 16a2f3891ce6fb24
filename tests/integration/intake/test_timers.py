"""Moments on a real database, by a clock of the test's: each told once, at its time, or never."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from io import BytesIO
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import databases, postgresql
from tests.making import a_webhook, some_definitions
from tests.timing import Timing, due_by
from webhookd import telemetry
from webhookd.definitions import (
    AllOf,
    At,
    Condition,
    Enroll,
    Operator,
    Trigger,
    Wait,
)
from webhookd.model import Asked, ChangeKind, Deletion
from webhookd.operations.moments.moment_cancelling import cancel
from webhookd.storage.deliveries import lanes
from webhookd.telemetry.events import DateUnreadable, MomentsFired, PropertyUndated

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
WON = AllOf((Condition("stage", Operator.EQ, ("won",)),))


@pytest.fixture(params=databases.KINDS)
def url(request, tmp_path):
    return databases.new_url(request.param, tmp_path)


def at_nine(days=0, zone="UTC", **more):
    return At("renewal_date", days=days, time=time(9), zone=ZoneInfo(zone), **more)


def on(day, **more):
    return {"renewal_date": f'"{day}"', **more}


def told(deliveries):
    return sorted(
        (one.record_id, one.change.value, json.loads(one.rendered.body)["occurredAt"][:16])
        for one in deliveries
    )


def outcomes(work):
    """Return what *work* reports of moments, added up."""
    found = {}
    heard = []

    def hear(event):
        heard.append(event)
        if isinstance(event, MomentsFired):
            for name, number in event.outcomes.items():
                found[name] = found.get(name, 0) + number

    end = telemetry.reporter().listen(hear)
    try:
        asyncio.run(work)
    finally:
        end()
    return found, heard


def test_a_record_is_due_at_its_moment_and_told_as_it_is_then(url):
    async def work():
        async with Timing(url, due_by(at_nine(-3), when=WON), now=START) as daemon:
            await daemon.take(
                ("1", on("2026-03-08", stage='"won"')), ("2", on("2026-03-08", stage='"open"'))
            )
            assert await daemon.after(days=3) == []
            await daemon.take(("1", on("2026-03-08", stage='"won"', amount="7")))
            found = await daemon.after(days=1)
            assert told(found) == [("1", "due", "2026-03-05T09:00")]
            assert json.loads(found[0].rendered.body)["properties"]["amount"] == 7
            assert json.loads(found[0].rendered.body)["eventType"] == "contacts.due"
            assert await daemon.after(days=30) == []

    found, _ = outcomes(work())
    assert found == {"fired": 1, "not_matching": 1}


def test_a_date_that_moves_moves_its_moment_and_what_was_told_is_not_told_again(url):
    async def work():
        async with Timing(url, due_by(at_nine()), now=START) as daemon:
            await daemon.take(("1", on("2026-03-03")))
            await daemon.take(("1", on("2026-03-05")))
            assert await daemon.after(days=3) == []
            assert told(await daemon.after(days=1)) == [("1", "due", "2026-03-05T09:00")]
            await daemon.take(("1", on("2026-03-20")))
            await daemon.take(("1", on("2026-03-05")))
            assert await daemon.settle() == []
            await daemon.take(("1", None))
            await daemon.take(("1", on("2026-03-05")))
            assert await daemon.settle() == []
            await daemon.take(("1", {}), ("2", on("2026-03-06")))
            await daemon.take(("2", None))
            assert await daemon.after(days=10) == []
            await daemon.take(("2", on("2026-03-17")))
            assert told(await daemon.after(days=2)) == [("2", "due", "2026-03-17T09:00")]

    asyncio.run(work())


def test_a_moment_is_late_by_no_more_than_it_may_be(url):
    """Down over the moment: told at the start, or skipped and counted."""

    async def work():
        rule = due_by(at_nine(late=timedelta(hours=6)))
        async with Timing(url, rule, now=START) as daemon:
            await daemon.take(("1", on("2026-03-02")), ("2", on("2026-03-04")))
        async with Timing(url, rule, now=datetime(2026, 3, 2, 15, tzinfo=UTC)) as daemon:
            assert told(await daemon.settle()) == [("1", "due", "2026-03-02T09:00")]
        edge = datetime(2026, 3, 4, 15, 0, 0, 1, tzinfo=UTC)
        async with Timing(url, rule, now=edge) as daemon:
            assert await daemon.settle() == []
            # Past when it is planned, by less, and by more.
            await daemon.take(("3", on("2026-03-04")), ("4", on("2026-03-03")))
            assert await daemon.settle() == []
            daemon.now -= timedelta(microseconds=1)
            await daemon.take(("5", on("2026-03-04")))
            assert told(await daemon.settle()) == [("5", "due", "2026-03-04T09:00")]

    found, _ = outcomes(work())
    assert found == {"fired": 2, "late": 3}


def test_a_clock_that_was_wrong_neither_repeats_nor_silences(url):
    async def work():
        async with Timing(url, due_by(at_nine()), now=START) as daemon:
            await daemon.take(("1", on("2026-03-02")), ("2", on("2026-03-03")))
            # Ahead by a day, then set back.
            assert told(await daemon.after(days=1)) == [("1", "due", "2026-03-02T09:00")]
            assert await daemon.after(days=-1) == []
            assert await daemon.after(days=1) == []
            # Told years ahead, which must not silence the record for years.
            await daemon.take(("3", on("2031-03-02")))
            daemon.now = datetime(2031, 3, 2, 10, tzinfo=UTC)
            assert len(told(await daemon.settle())) == 1
            daemon.now = datetime(2026, 3, 4, 10, tzinfo=UTC)
            await daemon.take(("3", on("2026-03-06")))
            assert told(await daemon.after(days=2)) == [("3", "due", "2026-03-06T09:00")]

    asyncio.run(work())


def test_a_new_rule_is_planned_for_all_that_is_known_and_tells_nothing_from_before(url):
    async def work():
        async with Timing(url, a_webhook("other"), now=START) as daemon:
            rows = [(str(n), on(date(2026, 3, 1) + n * DAY)) for n in range(1500)]
            await daemon.take(*rows, as_known=True)
            await daemon.reload(due_by(at_nine(), "renewal"))
            # That of 1 March was before the reload.
            assert await daemon.settle() == []
            assert await daemon.rows("SELECT place FROM timers") == [(None,)]
            assert len(told(await daemon.after(days=1))) == 1
            # Another rule: what is due within the hour, by the new one.
            await daemon.reload(due_by(at_nine(-1)))
            assert await daemon.settle() == []
            assert told(await daemon.after(days=1)) == [("3", "due", "2026-03-03T09:00")]
            await daemon.reload(replace(due_by(at_nine()), enabled=False))
            assert await daemon.after(days=1) == []
            await daemon.reload(due_by(at_nine()))
            assert await daemon.settle() == []
            assert told(await daemon.after(days=1)) == [("4", "due", "2026-03-05T09:00")]

    asyncio.run(work())


def test_a_reload_that_changes_only_the_body_plans_nothing_anew(url):
    async def work():
        rule = due_by(at_nine())
        async with Timing(url, rule, now=START) as daemon:
            await daemon.settle()
            before = await daemon.rows("SELECT * FROM timers")
            await daemon.take(("1", on("2026-03-01")))
            daemon.now += HOUR
            await daemon.reload(due_by(at_nine(), enroll=Enroll.ONCE))
            assert await daemon.rows("SELECT * FROM timers") == before
            assert await daemon.settle() == []

    asyncio.run(work())


def test_once_is_remembered_and_a_disabled_webhook_tells_nothing(url):
    async def work():
        async with Timing(url, due_by(at_nine(), enroll=Enroll.ONCE), now=START) as daemon:
            await daemon.take(("1", on("2026-03-02")))
            assert len(await daemon.after(days=1)) == 1
            await daemon.take(("1", on("2026-03-04")))
            assert await daemon.after(days=2) == []

    assert outcomes(work())[0] == {"fired": 1, "enrolled_before": 1}


def test_moments_of_a_paused_webhook_come_about_and_their_deliveries_wait(url):
    async def work():
        async with Timing(url, due_by(at_nine()), now=START) as daemon:
            await daemon.take(("1", on("2026-03-02")))
            await daemon.writer.write(
                lambda connection: lanes.pause(connection, "renewal", "by hand", daemon.now)
            )
            assert len(await daemon.after(days=1)) == 1
            assert await daemon.rows("SELECT state FROM deliveries") == [("pending",)]

    asyncio.run(work())


def test_a_yearly_moment_comes_each_year_and_once(url):
    async def work():
        async with Timing(url, due_by(at_nine(yearly=True, late=21 * DAY)), now=START) as daemon:
            await daemon.take(("1", on("1984-03-02")), ("2", on("2000-02-29")))
            assert told(await daemon.after(days=1)) == [("1", "due", "2026-03-02T09:00")]
            found = []
            for _ in range(40):
                found += await daemon.after(days=20)
            assert told(found) == [
                ("1", "due", "2027-03-02T09:00"),
                ("1", "due", "2028-03-02T09:00"),
                ("2", "due", "2027-02-28T09:00"),
                ("2", "due", "2028-02-29T09:00"),
            ]

    asyncio.run(work())


def test_a_value_that_is_no_date_is_warned_of_once(url):
    async def work():
        async with Timing(url, due_by(at_nine()), now=START) as daemon:
            await daemon.take(("1", on("soon")), ("2", on("later")), ("3", on("")), ("4", {}))
            await daemon.take(("5", on("never")))
            assert await daemon.after(days=1) == []

    _, heard = outcomes(work())
    warned = [one for one in heard if isinstance(one, DateUnreadable)]
    assert warned == [DateUnreadable("export", "contacts", "renewal_date", "soon")]


TEN_MINUTES = Wait(timedelta(minutes=10))


def waiting(name="quiet", wait=TEN_MINUTES, **more):
    return a_webhook(name, trigger=Trigger(wait=wait, **more))


def test_a_property_that_is_no_date_at_its_source_is_warned_of_once(url):
    asked = Asked(frozenset({"renewal_date", "created"}), frozenset({"created"}))

    async def work():
        async with Timing(url, due_by(at_nine()), now=START) as daemon:
            for name in "12":
                await daemon.take((name, on("2026-03-02")), asked=asked)
            assert len(await daemon.after(days=1)) == 2

    _, heard = outcomes(work())
    warned = [one for one in heard if isinstance(one, PropertyUndated)]
    assert warned == [PropertyUndated("export", "contacts", "renewal_date")]


EVERYTHING = (ChangeKind.CREATED, ChangeKind.UPDATED, ChangeKind.DELETED)


def states(deliveries):
    return [
        (one.record_id, one.change.value, json.loads(one.rendered.body)["properties"])
        for one in deliveries
    ]


def test_changes_within_a_wait_are_told_once_as_the_record_is_then(url):
    async def work():
        async with Timing(url, waiting(), now=START) as daemon:
            await daemon.take(("1", {"x": "1"}))
            assert await daemon.after(minutes=5) == []
            await daemon.take(("1", {"x": "2"}))
            assert await daemon.after(minutes=4) == []
            await daemon.take(("1", {"x": "3"}))
            assert states(await daemon.after(minutes=1)) == [("1", "created", {"x": 3})]
            assert await daemon.after(minutes=30) == []
            await daemon.take(("1", {"x": "4"}))
            assert states(await daemon.after(minutes=11)) == [("1", "updated", {"x": 4})]

    asyncio.run(work())


def test_a_wait_from_the_last_change_on_ends_at_most_so_long_after_the_first(url):
    async def work():
        rule = waiting(wait=Wait(timedelta(minutes=10), "last", timedelta(minutes=25)))
        async with Timing(url, rule, now=START) as daemon:
            await daemon.take(("1", {"x": "0"}))
            for number in range(1, 4):
                assert await daemon.after(minutes=6) == []
                await daemon.take(("1", {"x": str(number)}))
            assert await daemon.after(minutes=6) == []
            assert states(await daemon.after(minutes=1)) == [("1", "created", {"x": 3})]

    asyncio.run(work())


def test_what_is_deleted_within_a_wait_is_told_as_deleted_or_not_at_all(url):
    async def work():
        webhooks = waiting(changes=EVERYTHING), waiting("updates")
        async with Timing(url, *webhooks, now=START) as one:
            await one.take(("1", {"x": "1"}), ("2", {"x": "1"}))
            assert len(await one.after(minutes=10)) == 4
            await one.take(("1", {"x": "2"}), ("3", {"x": "1"}))
            await one.take(("1", None), ("2", None), ("3", None))
            found = await one.after(minutes=10)
            assert sorted(states(found), key=str) == [
                ("1", "deleted", {"x": 2}),
                ("2", "deleted", {"x": 1}),
            ]

    asyncio.run(work())


def test_a_deletion_that_waited_says_how_the_record_was_deleted(url):
    async def work():
        rule = waiting(changes=EVERYTHING)
        async with Timing(url, rule, now=START) as daemon:
            await daemon.take(*((number, {"x": "1"}) for number in "123"))
            assert len(await daemon.after(minutes=10)) == 3
            await daemon.take(("1", None), deletion=Deletion("merged", "2"))
            await daemon.take(("3", None), deletion=Deletion("gone"))
        async with Timing(url, rule, now=START + DAY) as daemon:
            found = sorted(await daemon.settle(), key=lambda one: one.record_id)
            assert [one.deletion for one in found] == [Deletion("merged", "2"), Deletion("gone")]
            assert json.loads(found[0].rendered.body)["mergedInto"] == "2"

    asyncio.run(work())


def test_while_is_looked_at_when_the_wait_is_over_and_a_restart_loses_none(url):
    async def work():
        rule = waiting(when=WON, still=WON)
        async with Timing(url, rule, now=START) as daemon:
            await daemon.take(("1", {"stage": '"won"'}), ("2", {"stage": '"won"'}))
            await daemon.take(("3", {"stage": '"open"'}))
            await daemon.take(("2", {"stage": '"open"'}))
        async with Timing(url, rule, now=START + DAY) as daemon:
            assert [one[0] for one in states(await daemon.settle())] == ["1"]
            assert await daemon.after(days=1) == []

    assert outcomes(work())[0] == {"fired": 1, "not_matching": 1}


def test_what_waits_of_another_object_is_dropped_and_without_a_wait_is_told(url):
    async def work():
        async with Timing(url, waiting(), now=START) as daemon:
            await daemon.take(("1", {"x": "1"}))
            await daemon.reload(a_webhook("quiet"))
            assert states(await daemon.after(minutes=10)) == [("1", "created", {"x": 1})]
            await daemon.reload(waiting())
            await daemon.take(("1", {"x": "2"}))
            await daemon.reload(other(waiting().trigger))
            assert daemon.dropped == {"quiet": 1}
            assert await daemon.after(minutes=10) == []
            # Without a wait as well, and where there is none there is none to be dropped.
            await daemon.reload(waiting())
            assert daemon.dropped == {}
            await daemon.take(("1", {"x": "3"}), ("2", {"x": "3"}))
            await daemon.reload(other(Trigger()))
            assert daemon.dropped == {"quiet": 2}
            await daemon.reload(waiting())
            assert await daemon.after(days=1) == []

    def other(trigger):
        return a_webhook("quiet", object="deals", trigger=trigger)

    asyncio.run(work())


def test_a_daemon_that_has_not_reloaded_has_nothing_wait_for_a_webhook_of_other_records(url):
    async def work():
        async with Timing(url, waiting("w"), now=START) as daemon:
            await daemon.reload(a_webhook("w", object="deals", trigger=waiting().trigger))
            daemon.definitions = some_definitions(waiting("w"))
            await daemon.take(("1", {"x": "1"}))
            assert await daemon.rows("SELECT * FROM moments WHERE at IS NOT NULL") == []

    asyncio.run(work())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (due_by(at_nine(), "w"), due_by(at_nine(-3), "w")),
        (waiting("w"), due_by(at_nine(), "w")),
        (a_webhook("w"), due_by(at_nine(), "w")),
        (a_webhook("w", object="deals"), waiting("w")),
        (due_by(at_nine(), "w"), waiting("w")),
    ],
)
def test_a_step_of_a_configuration_from_before_leaves_the_timer_of_the_new_one_alone(
    url, before, after
):
    """It may be queued behind the reload's transaction, or be another daemon's of the fleet."""

    async def work():
        async with Timing(url, before, now=START) as daemon:
            await daemon.take(("1", on("2026-03-20")), ("2", on("2026-03-02")))
            await daemon.reload(after)
            await daemon.take(("1", on("2026-03-21")), ("3", on("2026-03-02")))
            daemon.now += timedelta(days=1)
            rows = "SELECT record_id, at, told FROM moments ORDER BY timer, record_id"
            timers = "SELECT number, place FROM timers ORDER BY number"
            there = await daemon.rows(rows), await daemon.rows(timers)

            step = await daemon.running._taken(before)

            assert step.is_elsewhere
            assert (await daemon.rows(rows), await daemon.rows(timers)) == there

    asyncio.run(work())


def in_warsaw(rules):
    """Return a webhook in a zone that has the *rules* of another one, as behind an update."""
    data = files("tzdata.zoneinfo").joinpath(*rules.split("/")).read_bytes()
    zone = ZoneInfo.from_file(BytesIO(data), key="Europe/Warsaw")
    return due_by(At("renewal_date", time=time(9), zone=zone))


def test_other_rules_of_a_zone_plan_anew_at_a_start_and_what_was_missed_is_not_lost(url):
    """Summer time is given up while the daemon is down, and comes back."""

    async def work():
        async with Timing(url, in_warsaw("Europe/Warsaw"), now=START) as daemon:
            await daemon.take(("0", on("2026-03-02")), ("1", on("2026-04-10")))
        at = datetime(2026, 3, 2, 10, tzinfo=UTC)
        async with Timing(url, in_warsaw("Etc/GMT-1"), now=at) as daemon:
            assert told(await daemon.settle()) == [("0", "due", "2026-03-02T08:00")]
            assert await daemon.rows("SELECT place FROM timers") == [(None,)]
            daemon.now = datetime(2026, 4, 10, 7, 30, tzinfo=UTC)
            assert await daemon.settle() == []
        # By the rules of now it was due half an hour ago, while the daemon was down.
        async with Timing(url, in_warsaw("Europe/Warsaw"), now=daemon.now) as daemon:
            assert told(await daemon.settle()) == [("1", "due", "2026-04-10T07:00")]
        # And within the hour once more: of what was told of this day nothing comes again.
        async with Timing(url, in_warsaw("Etc/GMT-1"), now=daemon.now) as daemon:
            assert await daemon.after(hours=1) == []
            await daemon.take(("1", on("2026-04-11")))
            assert told(await daemon.after(days=1)) == [("1", "due", "2026-04-11T08:00")]

    asyncio.run(work())


def test_a_moment_that_was_taken_away_stays_so_when_all_is_planned_anew(url):
    async def work():
        async with Timing(url, due_by(at_nine()), now=START) as daemon:
            await daemon.take(("1", on("2026-04-10")), ("2", on("2026-04-10")))
            await daemon.writer.write(lambda connection: cancel(connection, "renewal", "1", None))
            await daemon.writer.write(
                lambda connection: connection.execute("UPDATE timers SET place = ''")
            )
            await daemon.running.refresh()
            assert await daemon.settle() == []
            assert [one[0] for one in told(await daemon.after(days=40, hours=-3))] == ["2"]

    asyncio.run(work())


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("date"), st.sampled_from("abc"), st.integers(-3, 12)),
        st.tuples(st.just("clear"), st.sampled_from("abc")),
        st.tuples(st.just("delete"), st.sampled_from("abc")),
        st.tuples(st.just("pass"), st.integers(1, 80)),
        st.tuples(st.just("down"), st.integers(1, 80)),
        st.tuples(st.just("rule"), st.integers(-3, 3)),
        st.tuples(st.just("off"), st.integers(1, 40)),
    ),
    max_size=30,
)


class Model:
    """What should come about, worked out record by record without a table of moments."""

    def __init__(self, now):
        self.now, self.since, self.days = now, now, 0
        self.dates, self.told, self.fired = {}, {}, []

    def tell(self):
        found = []
        for record, day in self.dates.items():
            moment = datetime.combine(day + self.days * DAY, time(9), UTC)
            before = self.told.get(record)
            is_new = before is None or moment > min(before, self.now)
            if self.since <= moment <= self.now and moment >= self.now - DAY and is_new:
                found.append((record, "due", moment.isoformat()[:16]))
                self.told[record] = moment
        return sorted(found)


def walk(url, operations):
    async def work():
        model = Model(START)
        daemon = await Timing(url, due_by(at_nine()), now=START).__aenter__()
        try:
            for name, *values in operations:
                daemon = await step(url, daemon, model, name, *values)
                assert told(await daemon.settle()) == model.tell()
        finally:
            await daemon.__aexit__()

    asyncio.run(work())


async def step(url, daemon, model, name, *values):
    match name, values:
        case "date", [record, hours]:
            day = (model.now + hours * DAY / 2).date()
            model.dates[record] = day
            await daemon.take((record, on(day)))
        case "clear", [record]:
            model.dates.pop(record, None)
            await daemon.take((record, {"other": "1"}))
        case "delete", [record]:
            model.dates.pop(record, None)
            await daemon.take((record, None))
        case "pass", [hours]:
            model.now = daemon.now = model.now + hours * HOUR
        case "down", [hours]:
            await daemon.__aexit__()
            model.now += hours * HOUR
            daemon = await Timing(url, due_by(at_nine(model.days)), now=model.now).__aenter__()
        case "rule", [days]:
            if days != model.days:
                model.since = model.now
            model.days = days
            await daemon.reload(due_by(at_nine(days)))
        case "off", [hours]:
            await daemon.reload(replace(due_by(at_nine(model.days)), enabled=False))
            assert await daemon.settle() == []
            model.now = daemon.now = model.now + hours * HOUR
            model.since = model.now
            await daemon.reload(due_by(at_nine(model.days)))
    return daemon


@given(operations=OPERATIONS)
@settings(max_examples=60, deadline=None)
def test_each_moment_comes_about_once_whatever_moves(tmp_path_factory, operations):
    walk(f"sqlite:///{tmp_path_factory.mktemp('walk') / 'webhookd.db'}", operations)


@given(operations=OPERATIONS)
@settings(max_examples=10, deadline=None)
def test_each_moment_comes_about_once_on_postgresql(operations):
    server = postgresql.server()
    walk(server.url(server.new()), operations)
