"""Deliveries in a real database: what is stored is found, in order, until it is settled."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.making import NOW, a_delivery, a_settlement
from webhookd.errors import StorageError
from webhookd.model import ChangeKind, GivenUp, Held, RetryAt
from webhookd.storage.database.database import open_database, open_for_reading
from webhookd.storage.deliveries import enqueue, lanes, retention, settle
from webhookd.storage.deliveries.due import _ALONE, Due, FetchRequest, find_due
from webhookd.storage.deliveries.lanes import ConfiguredLane

MINUTE = timedelta(minutes=1)


@pytest.fixture
def connection(connection):
    lanes.adopt(connection, [ConfiguredLane("crm-mirror", "2:r1", "2:t1")], NOW)
    return connection


def due(connection, *, epoch=0, limit=10, at=NOW):
    return find_due(connection, [FetchRequest(1, epoch, limit)], at)[0]


def ids(deliveries):
    return [delivery.id for delivery in deliveries]


def test_a_stored_delivery_comes_back_as_it_was(connection):
    delivery = a_delivery(record_id="ø\n'", change=ChangeKind.DELETED)

    enqueue.store(connection, [delivery])

    assert due(connection).deliveries == (delivery,)


def test_due_deliveries_come_longest_due_first_and_only_when_due(connection):
    late, early = a_delivery(due_at=NOW), a_delivery(due_at=NOW - MINUTE)
    later = a_delivery(due_at=NOW + MINUTE)
    enqueue.store(connection, [later, late, early])

    found = due(connection)

    assert ids(found.deliveries) == ids([early, late])
    assert found.next_at == later.due_at


def test_what_is_in_memory_is_not_found_and_takes_no_others_place(connection):
    prefetched, others = [a_delivery() for _ in range(5)], [a_delivery() for _ in range(3)]
    enqueue.store(connection, prefetched + others)
    asked = FetchRequest(1, 0, 3, prefetched=tuple(ids(prefetched)))
    released = replace(asked, epoch=1)

    found, again = find_due(connection, [asked, released], NOW)

    assert ids(found.deliveries) == ids(again.deliveries) == ids(others)


def test_a_full_answer_says_that_there_may_be_more_at_once(connection):
    enqueue.store(connection, [a_delivery() for _ in range(3)])

    found = due(connection, limit=2)

    assert len(found.deliveries) == 2
    assert found.next_at == NOW


def test_a_retry_comes_back_when_it_is_due_with_its_history(connection):
    delivery = a_delivery()
    enqueue.store(connection, [delivery])

    settle.settle(connection, [a_settlement(delivery, RetryAt(NOW + MINUTE, "it was busy"))])

    assert due(connection).deliveries == ()
    (again,) = due(connection, at=NOW + MINUTE).deliveries
    assert (again.id, again.attempts_made, again.first_attempt_at) == (delivery.id, 1, NOW)


@pytest.mark.parametrize("outcome", [None, GivenUp("the receiver answered 400")])
def test_a_settled_delivery_is_never_handed_out_again(connection, outcome):
    delivery = a_delivery()
    enqueue.store(connection, [delivery])

    settle.settle(connection, [a_settlement(delivery, outcome)])

    assert due(connection, at=NOW + 1000 * MINUTE) == Due(1, (), None)


def test_a_settlement_never_undoes_an_earlier_one(connection):
    delivery = a_delivery()
    enqueue.store(connection, [delivery])
    settle.settle(connection, [a_settlement(delivery)])

    settle.settle(connection, [a_settlement(delivery, RetryAt(NOW, "too late"))])

    assert due(connection, at=NOW + MINUTE).deliveries == ()


def test_a_410_holds_the_lane_and_keeps_the_delivery(connection):
    delivery = a_delivery()
    enqueue.store(connection, [delivery])

    settle.settle(connection, [a_settlement(delivery, Held("the receiver is gone (410)"))])

    (row,) = lanes.all_rows(connection)
    assert row.hold == "the receiver is gone (410)"
    assert ids(due(connection, at=NOW + MINUTE).deliveries) == [delivery.id]


def test_a_retry_after_quiets_the_lane_and_only_ever_longer(connection):
    first, second = a_delivery(), a_delivery()
    enqueue.store(connection, [first, second])
    for delivery, wait in ((first, 10 * MINUTE), (second, MINUTE)):
        outcome = RetryAt(NOW + wait, "429", lane_paused_until=NOW + wait)
        settle.settle(connection, [a_settlement(delivery, outcome)])

    (row,) = lanes.all_rows(connection)

    assert row.quiet_until == NOW + 10 * MINUTE


def test_a_raised_epoch_makes_what_waits_due_without_touching_it(connection):
    waiting, fresh = a_delivery(due_at=NOW + 60 * MINUTE), a_delivery(due_at=NOW + MINUTE)
    enqueue.store(connection, [waiting])
    lanes.adopt(connection, [ConfiguredLane("crm-mirror", "2:r2", "2:t2")], NOW)
    enqueue.store(connection, [fresh])

    found = due(connection, epoch=1)

    assert ids(found.deliveries) == [waiting.id]
    assert found.next_at == fresh.due_at


def test_retention_deletes_settled_deliveries_only_and_a_few_at_a_time(connection):
    settled = [a_delivery() for _ in range(5)]
    pending = a_delivery()
    enqueue.store(connection, [*settled, pending])
    settle.settle(connection, [a_settlement(delivery) for delivery in settled])

    counts = []
    for _ in range(3):
        connection.begin()
        counts.append(retention.retire(connection, NOW + MINUTE, 3))
        connection.commit()

    assert counts == [3, 2, 0]
    assert connection.execute("SELECT id FROM deliveries").fetchall() == [(pending.id,)]
    assert connection.execute("SELECT count(*) FROM attempts").fetchone() == (0,)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_retention_gives_the_disk_back(connection):
    settled = [a_delivery() for _ in range(3000)]
    enqueue.store(connection, settled)
    settle.settle(connection, [a_settlement(delivery) for delivery in settled])
    before = connection.execute("PRAGMA page_count").fetchone()[0]

    while retention.retire(connection, NOW + MINUTE, 500):
        pass

    assert connection.execute("PRAGMA page_count").fetchone()[0] < before / 2


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_finding_due_ones_among_many_settled_uses_the_index(connection):
    plan = connection.execute(
        f"EXPLAIN QUERY PLAN {_ALONE[False].due}", (1, 0, 0, "[]", 10)
    ).fetchall()

    steps = " ".join(row[3] for row in plan)
    assert "USING INDEX due (lane=? AND behind=? AND epoch=? AND due_at" in steps
    assert "TEMP B-TREE" not in steps


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_file_that_is_no_database_is_refused(url, tmp_path):
    (tmp_path / "webhookd.db").write_bytes(b"hello, I am a text file" * 100)

    with pytest.raises(StorageError, match="not a database"):
        open_database(url)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_looking_never_creates_a_database(url, tmp_path):
    with pytest.raises(StorageError, match="cannot read the database"):
        open_for_reading(url)

    assert list(tmp_path.iterdir()) == []
