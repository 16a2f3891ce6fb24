"""A record's deliveries in their order: who is first, who is next, whatever order it was."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.making import NOW, a_delivery, a_settlement
from webhookd.model import DeliveryFilter, DeliveryState, GivenUp, Held, RetryAt
from webhookd.storage.deliveries import enqueue, lanes, manual, record_order, settle
from webhookd.storage.deliveries.due import _ALONE, FetchRequest, find_due
from webhookd.storage.deliveries.lanes import ConfiguredLane
from webhookd.storage.deliveries.manual import Changed, Selection

LATER = timedelta(hours=1)
ORDERED = ConfiguredLane("crm-mirror", "2:r1", "2:t1", is_ordered=True)
UNORDERED = replace(ORDERED, is_ordered=False)


@pytest.fixture
def connection(connection):
    lanes.adopt(connection, [ORDERED], NOW)
    return connection


def due(connection, at=NOW, *, epoch=0, is_ordered=True):
    found = find_due(connection, [FetchRequest(1, epoch, 100, is_ordered)], at)
    return [delivery.id for delivery in found[0].deliveries]


def number_of(connection, delivery):
    query = "SELECT number FROM deliveries WHERE id = ?"
    return connection.execute(query, (delivery.id,)).fetchone()[0]


def stored(connection, *records):
    return enqueue.store(connection, [a_delivery(record_id=record) for record in records])


def plan_of(connection, sql, *values):
    rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
    return " ".join(row[3] for row in rows)


def test_only_a_record_s_first_delivery_is_due(connection):
    first, _second, other = stored(connection, "a", "a", "b")
    (third,) = stored(connection, "a")

    assert due(connection) == [first.id, other.id]
    assert third.is_behind
    assert settle.count_pending(connection) == 4


@pytest.mark.parametrize("outcome", [None, GivenUp("the receiver answered 400")])
def test_what_ends_a_delivery_makes_the_next_one_first(connection, outcome):
    first, second, _third = stored(connection, "a", "a", "a")

    promoted = settle.settle(connection, [a_settlement(first, outcome)])

    assert [delivery.id for delivery in promoted] == [second.id]
    assert due(connection) == [second.id]


@pytest.mark.parametrize("outcome", [RetryAt(NOW + LATER, "busy"), Held("it is gone")])
def test_what_waits_or_is_held_keeps_its_place(connection, outcome):
    first, _second = stored(connection, "a", "a")

    assert settle.settle(connection, [a_settlement(first, outcome)]) == []
    assert due(connection, NOW + LATER) == [first.id]


def test_due_now_is_for_the_first_only(connection):
    first, second = stored(connection, "a", "a")
    settle.settle(connection, [a_settlement(first, RetryAt(NOW + LATER, "busy"))])
    lanes.adopt(connection, [replace(ORDERED, target_digest="2:t2")], NOW)

    assert due(connection, epoch=1) == [first.id]
    settle.settle(connection, [a_settlement(replace(first, attempts_made=1))])
    assert due(connection, epoch=1) == [second.id]


def test_cancelling_frees_the_record_wherever_it_was(connection):
    first, second, third = stored(connection, "a", "a", "a")

    manual.cancel(connection, [number_of(connection, second)], NOW)
    assert due(connection) == [first.id]
    manual.cancel(connection, [number_of(connection, first)], NOW)
    assert due(connection) == [third.id]


def test_what_is_tried_again_by_hand_stands_behind_what_is_first(connection):
    first, second, third = stored(connection, "a", "a", "a")
    settle.settle(connection, [a_settlement(first, GivenUp("no"))])

    manual.retry(connection, [number_of(connection, first)], NOW)
    assert due(connection) == [second.id]
    settle.settle(connection, [a_settlement(second)])
    assert due(connection) == [first.id]
    settle.settle(connection, [a_settlement(first)])
    assert due(connection) == [third.id]


def test_making_all_due_now_by_hand_leaves_the_order(connection):
    first, second = stored(connection, "a", "a")

    manual.retry(connection, [number_of(connection, one) for one in (second, first)], NOW)

    assert due(connection) == [first.id]


def test_a_reload_to_an_order_places_what_waits_and_never_lets_it_out_of_order(connection):
    lanes.adopt(connection, [UNORDERED], NOW)
    record_order.step(connection)
    old = stored(connection, "a", "b", "a", "b", "a")
    settle.settle(connection, [a_settlement(old[0], RetryAt(NOW, "busy"))])
    lanes.adopt(connection, [ORDERED], NOW)
    (new,) = stored(connection, "c")

    seen, is_done = [], False
    while not is_done:
        seen.append(due(connection))
        is_done = record_order.step(connection, limit=2).is_done

    a, b = old[0].id, old[1].id
    assert seen[0] == []
    assert all(set(found) <= {a, b, new.id} for found in seen)
    assert due(connection) == [a, b, new.id]
    assert lanes.all_rows(connection)[0].is_ordered


def test_what_ends_before_all_are_placed_lets_nothing_overtake(connection):
    lanes.adopt(connection, [UNORDERED], NOW)
    record_order.step(connection)
    first, second = stored(connection, "a", "a")
    lanes.adopt(connection, [ORDERED], NOW)
    (third,) = stored(connection, "a")
    record_order.step(connection, limit=1)
    assert due(connection) == [first.id]

    assert settle.settle(connection, [a_settlement(first)]) == []
    record_order.step(connection, limit=1)
    assert due(connection) == [second.id]
    settle.settle(connection, [a_settlement(second)])
    while not record_order.step(connection, limit=1).is_done:
        pass

    assert due(connection) == [third.id]


def test_a_reload_to_no_order_lets_all_go_some_at_a_time(connection):
    all_of_them = stored(connection, *"aaaaa")
    lanes.adopt(connection, [UNORDERED], NOW)

    counts, is_done = [], False
    while not is_done:
        is_done = record_order.step(connection, limit=2).is_done
        counts.append(len(due(connection, is_ordered=False)))

    assert counts == [2, 4, 5]
    assert set(due(connection, is_ordered=False)) == {one.id for one in all_of_them}


def test_turning_back_in_the_middle_ends_in_order(connection):
    first, *_ = stored(connection, *"aaaaa")
    lanes.adopt(connection, [UNORDERED], NOW)
    record_order.step(connection, limit=2)
    lanes.adopt(connection, [ORDERED], NOW)
    while not record_order.step(connection, limit=2).is_done:
        pass

    assert due(connection) == [first.id]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_nothing_that_asks_for_order_scans(connection):
    record = (1, "export", "contacts", "123")
    plans = [
        plan_of(connection, enqueue._IS_ANY_OPEN, *record),
        plan_of(connection, record_order.FIRST, *record, record_order.LAST),
        plan_of(connection, record_order._PLACE, 1, 1),
    ]

    for plan in plans:
        assert "open_records (lane=? AND source=? AND object=? AND record_id=?" in plan
        assert "SCAN " not in plan.replace("SCAN CONSTANT ROW", "")
        assert "TEMP B-TREE" not in plan
    found = _ALONE[True]
    for sql, values in (
        (found.due, (1, 0, 0, "[]", 10)),
        (found.released, (1, 0, "[]", 10)),
    ):
        assert "INDEX due (lane=? AND behind=? AND epoch" in plan_of(connection, sql, *values)


def test_a_retry_by_hand_never_overtakes_a_newer_delivered_change(connection, database):
    first, second, third = stored(connection, "a", "a", "b")
    settle.settle(connection, [a_settlement(first, GivenUp("no"))])
    settle.settle(connection, [a_settlement(third, GivenUp("no"))])
    numbers = [number_of(connection, one) for one in (first, third)]
    assert manual.retry(connection, [numbers[1]], NOW) == Changed(1)
    settle.settle(connection, [a_settlement(second)])
    failed = Selection(DeliveryFilter(state=DeliveryState.FAILED))
    assert manual.count_retried(database, failed, with_overtaken=False) == Changed(0, 1)

    assert manual.retry(connection, numbers, NOW) == Changed(1, overtaken=1)
    assert due(connection) == [third.id]
    assert manual.retry_overtaken(connection, [numbers[0]], NOW) == Changed(1)
    assert set(due(connection)) == {first.id, third.id}


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_looking_for_what_a_retry_would_overtake_does_not_scan(connection):
    plan = plan_of(connection, manual._OVERTAKEN, 1)

    assert "delivered_records (lane=? AND source=? AND object=? AND record_id=?" in plan
    assert "SCAN" not in plan


def test_without_an_order_any_may_be_tried_again(connection):
    lanes.adopt(connection, [UNORDERED], NOW)
    first, second = stored(connection, "a", "a")
    settle.settle(connection, [a_settlement(first, GivenUp("no")), a_settlement(second)])

    assert manual.retry(connection, [number_of(connection, first)], NOW) == Changed(1)
