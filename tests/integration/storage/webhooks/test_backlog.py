"""How webhooks stand, counted in a real database: as one delivery after the other says."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.making import NOW, a_delivery, a_settlement
from webhookd.model import Delivered, GivenUp, RetryAt
from webhookd.storage.database.connection import Dialect
from webhookd.storage.deliveries import enqueue, lanes, settle
from webhookd.storage.deliveries.lanes import ConfiguredLane
from webhookd.storage.webhooks import backlog

MINUTE = timedelta(minutes=1)
WEBHOOKS = ("plain", "ordered", "held", "released", "idle")


def configured(name, digest="2:r1"):
    return ConfiguredLane(name, digest, "2:t1", is_ordered=name == "ordered")


@pytest.fixture
def connection(database):
    connection = database.connect()
    lanes.adopt(connection, [configured(name) for name in WEBHOOKS], NOW)
    yield connection
    connection.close()


def filled(connection, dice, count=120):
    """Store deliveries and settle some; return those that were not delivered, given up or not."""
    made = [
        a_delivery(
            webhook=dice.choice(WEBHOOKS[:-1]),
            source=dice.choice(("export", "export", "before")),
            record_id=str(dice.randrange(8)),
            created_at=NOW + number * MINUTE,
            due_at=NOW + dice.randrange(-5, 5) * MINUTE,
        )
        for number in range(count)
    ]
    stored = enqueue.store(connection, made)
    numbers = {row.webhook: row.number for row in lanes.all_rows(connection)}
    waiting, failed = {one.id: one for one in stored}, []
    for one in stored:
        fate = dice.choice(("wait", "wait", "deliver", "fail", "retry"))
        if fate == "wait" or one.is_behind:
            continue
        due_at = NOW + dice.randrange(-5, 5) * MINUTE
        outcome = {
            "deliver": Delivered(),
            "fail": GivenUp("404"),
            "retry": RetryAt(due_at, "503"),
        }[fate]
        freed = settle.settle(connection, [a_settlement(one, outcome, lane=numbers[one.webhook])])
        if fate == "retry":
            waiting[one.id] = replace(one, due_at=due_at)
            continue
        del waiting[one.id]
        failed += [one] if fate == "fail" else []
        for promoted in freed:
            waiting[promoted.id] = replace(promoted, is_behind=False)
    return list(waiting.values()), failed


@pytest.mark.parametrize("seed", range(6))
def test_each_standing_is_what_its_deliveries_say(connection, database, seed):
    waiting, failed = filled(connection, random.Random(seed))
    lanes.pause(connection, "held", "maintenance", NOW)
    changed = [configured(name, "2:r2" if name == "released" else "2:r1") for name in WEBHOOKS]
    changed = [replace(one, target_digest="2:t2") if one.webhook == "released" else one
               for one in changed]  # fmt: skip
    lanes.adopt(connection, changed, NOW)

    found = backlog.standings(database, NOW)

    assert found.keys() == {*WEBHOOKS}
    for name, standing in found.items():
        own = [one for one in waiting if one.webhook == name]
        could_go = [
            one for one in own if not one.is_behind and (one.due_at <= NOW or name == "released")
        ]
        oldest = min(own, key=lambda one: one.created_at, default=None)
        assert standing.pending == len(own), name
        assert standing.due == (0 if name == "held" else len(could_go)), name
        assert standing.failed == sum(one.webhook == name for one in failed), name
        assert standing.oldest_pending_at == (oldest and oldest.created_at), name
        assert standing.oldest_source == (oldest and oldest.source), name


def test_what_waits_of_a_source_is_counted_by_the_webhooks_that_are_on_it(connection, database):
    enqueue.store(
        connection,
        [
            *(a_delivery(webhook="plain", source="export") for _ in range(3)),
            *(a_delivery(webhook="ordered", source="export") for _ in range(2)),
            # Stored before the webhook was put on another source.
            *(a_delivery(webhook="released", source="before") for _ in range(4)),
            *(a_delivery(webhook="released", source="export") for _ in range(5)),
            # Of a webhook that is not in force.
            a_delivery(webhook="held", source="elsewhere"),
        ],
    )
    found = backlog.standings(database, NOW).values()
    in_force = dict.fromkeys(("plain", "ordered", "released", "idle"), "export")

    counted = backlog.pending_of_sources(database, found, in_force)

    assert counted == {"export": 10, "before": 4, "elsewhere": 1}
    assert backlog.pending_of_sources(database, found, {}) == counted


def test_the_number_of_statements_does_not_grow_with_the_webhooks(connection, database):
    many = [ConfiguredLane(f"webhook-{number}", "2:r1", "2:t1") for number in range(200)]
    lanes.adopt(connection, many, NOW)
    enqueue.store(connection, [a_delivery(webhook=one.webhook) for one in many])
    asked = []

    class Counting:
        """A connection that notes what it is asked."""

        def __init__(self, lent):
            self._lent = lent
            self.dialect = lent.dialect

        def execute(self, *arguments):
            asked.append(arguments[0])
            return self._lent.execute(*arguments)

    class Noting:
        """A database that lends such connections."""

        def reading(self):
            return self

        def __enter__(self):
            self._lending = database.reading()
            return Counting(self._lending.__enter__())

        def __exit__(self, *error):
            return self._lending.__exit__(*error)

    found = backlog.standings(Noting(), NOW)
    in_force = {one.webhook: "export" for one in many}
    backlog.pending_of_sources(Noting(), found.values(), in_force)

    assert sum(one.pending for one in found.values()) == 200
    assert len(asked) < 10


def _plan(connection, statement):
    values = (0,) * statement.count("?")
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_an_index_answers_what_waits_and_what_failed(connection):
    counted = _plan(connection, backlog._COUNTED[Dialect.SQLITE])
    oldest = [step for one in backlog._OLDEST[Dialect.SQLITE] for step in _plan(connection, one)]
    (failed,) = _plan(connection, backlog._FAILED[Dialect.SQLITE])

    of_deliveries = [step for step in counted + oldest if " deliveries " in step]
    assert len(of_deliveries) == 10
    for step in of_deliveries:
        assert step.startswith("SEARCH deliveries USING"), step
        assert "INDEX due (lane=?" in step or "open_records (lane=?)" in step or "rowid=?" in step
    assert failed == "SCAN deliveries USING INDEX failed"


_MANY = """
INSERT INTO deliveries (id, lane, source, object, record_id, change, state, epoch, due_at,
  attempts, settled_at, created_at, method, query)
WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 199999)
SELECT 'd' || n, n % 1000 + 1, 'export', 'contacts', n % 500, 'updated',
  CASE WHEN n < 20000 THEN 'pending' WHEN n % 50 = 0 THEN 'failed' ELSE 'delivered' END, 0,
  CASE WHEN n < 20000 THEN 1 END, 1, CASE WHEN n >= 20000 THEN 1 END, n, 'POST', ''
FROM numbers
"""


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_thousand_webhooks_are_counted_in_a_moment(database):
    """Time of a processor, since the machine may be busy; some 20 ms where it is not old."""
    connection = database.connect()
    lanes.adopt(
        connection, [ConfiguredLane(f"w{number}", "2:r", "2:t") for number in range(1000)], NOW
    )
    connection.execute(_MANY, ())
    connection.close()
    took = []
    for _ in range(5):
        began = time.thread_time()
        found = backlog.standings(database, NOW)
        took.append(time.thread_time() - began)

    assert sum(one.pending for one in found.values()) == 20_000
    assert sum(one.failed for one in found.values()) == 3_600
    assert min(took) < 0.15
