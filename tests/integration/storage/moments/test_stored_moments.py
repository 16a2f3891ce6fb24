"""Timers and moments in both databases: planned once, told once, never before their time."""

from datetime import timedelta

import pytest

from tests.making import NOW
from webhookd.definitions import At
from webhookd.storage.database.times import from_micros, to_micros
from webhookd.storage.moments import stored_moments as moments
from webhookd.storage.moments import timer_rows
from webhookd.storage.moments.timer_rows import ConfiguredTimer

HOUR = timedelta(hours=1)


def a_timer(**more):
    given = {"kind": "at", "source": "crm", "object": "deals", "digest": "rule", "zone_rules": "z"}
    return ConfiguredTimer("renewal", **{**given, **more})


def adopted(connection, now=NOW, gone=(), **more):
    timer_rows.adopt(connection, [a_timer(**more)], now, gone)
    return timer_rows.of_webhooks(connection, ["renewal"])["renewal"]


def at(hours):
    return to_micros(NOW + hours * HOUR)


def plan(connection, timer, now=NOW, **wanted):
    return moments.plan(connection, timer, At("day", late=HOUR * 24), wanted, now=now)


def awaited(connection, timer):
    """Return how many records await a moment of a timer."""
    query = "SELECT count(*) FROM moments WHERE timer = ? AND at IS NOT NULL"
    [(number,)] = connection.execute(query, (timer.number,)).fetchall()
    return number


def test_a_new_timer_is_planned_from_its_beginning_and_counts_from_then_on(connection):
    timer = adopted(connection)

    assert (timer.place, timer.since) == ("", NOW)
    assert plan(connection, timer, a=[at(-1)], b=[at(3)], c=[at(1)]) == moments.Planned(
        NOW + HOUR, 2, 0
    )
    assert moments.earliest(connection, timer) == NOW + HOUR
    assert awaited(connection, timer) == 2


def test_a_moment_that_was_told_is_not_planned_again_nor_one_before_it(connection):
    timer = adopted(connection)
    plan(connection, timer, a=[at(1)])
    [one] = moments.due(connection, timer, NOW + 2 * HOUR, 100)
    moments.settle(connection, timer, [(one, None)], are_told=True)

    later = NOW + 2 * HOUR
    assert plan(connection, timer, later, a=[at(1)]).planned == 0
    assert plan(connection, timer, later, a=[at(0.5)]).planned == 0
    assert plan(connection, timer, later, a=[]).planned == 0
    assert plan(connection, timer, later, a=[at(1), at(5)]).earliest == NOW + 5 * HOUR
    assert moments.due(connection, timer, later, 100) == []


def test_what_is_due_comes_in_its_order_and_no_more_than_asked_for(connection):
    timer = adopted(connection)
    plan(connection, timer, a=[at(3)], b=[at(1)], c=[at(2)], d=[at(9)])

    found = moments.due(connection, timer, NOW + 4 * HOUR, 2)

    assert [(one.record_id, one.at, one.told) for one in found] == [
        ("b", at(1), None),
        ("c", at(2), None),
    ]


def test_what_is_past_by_more_than_allowed_is_counted_and_never_due(connection):
    timer = adopted(connection)

    planned = plan(connection, timer, NOW + 48 * HOUR, a=[at(1)], b=[at(-1)], c=[at(30)])

    assert (planned.planned, planned.missed) == (1, 1)


@pytest.mark.parametrize(
    ("changed", "is_new", "place", "since"),
    [
        ({}, False, "m", NOW),
        ({"digest": "other"}, False, "", NOW + HOUR),
        # An update of the zone's rules loses nothing that was missed.
        ({"zone_rules": "other"}, False, "", NOW),
        ({"source": "other"}, True, "", NOW + HOUR),
        ({"object": "contacts"}, True, "", NOW + HOUR),
        ({"kind": "wait"}, True, None, NOW + HOUR),
    ],
)
def test_another_rule_is_planned_anew_and_another_object_is_another_timer(
    connection, changed, is_new, place, since
):
    timer = adopted(connection)
    timer_rows.set_place(connection, timer.number, "m")
    plan(connection, timer, a=[at(1)])

    after = adopted(connection, NOW + HOUR, **changed)

    assert (after.number != timer.number) is is_new
    assert (after.place, after.since) == (place, since)
    assert awaited(connection, after) == (0 if is_new else 1)


def test_a_timer_that_was_off_begins_anew(connection):
    adopted(connection)
    off = adopted(connection, NOW + HOUR, is_on=False)
    assert off.place is None

    on = adopted(connection, NOW + 2 * HOUR)

    assert (on.number, on.place, on.since) == (off.number, "", NOW + 2 * HOUR)


def test_what_has_no_webhook_any_more_is_deleted_some_at_a_time(connection):
    timer = adopted(connection)
    plan(connection, timer, **{f"r{number}": [at(number)] for number in range(5)})

    timer_rows.adopt(connection, [], NOW, gone=["renewal"])

    assert timer_rows.all_timers(connection) == []
    steps = []
    while done := timer_rows.clear(connection, 2):
        steps.append(done)
    assert steps == [2, 2, 2]
    for table in ("timers", "moments"):
        [(left,)] = connection.execute(f"SELECT count(*) FROM {table}").fetchall()  # noqa: S608
        assert left == 0


def test_times_are_kept_exactly(connection):
    timer = adopted(connection)
    moment = NOW.replace(microsecond=123_457) + HOUR

    plan(connection, timer, a=[to_micros(moment)])

    assert moments.earliest(connection, timer) == moment
    assert from_micros(to_micros(moment)) == moment
