"""How often a delivery obeyed a short Retry-After: counted in the database."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

from tests.making import LOOPBACK, NOW, a_delivery, a_settlement, a_webhook
from webhookd.authentication.known_secrets import KnownSecrets
from webhookd.clock import Clock
from webhookd.delivery.courier import Courier
from webhookd.delivery.prepared_webhook import AttemptContext, prepare
from webhookd.model import Delivered, GivenUp, Held, Hints, Response, RetryAt
from webhookd.storage.database.database import open_database
from webhookd.storage.deliveries import enqueue, lanes, manual, settle
from webhookd.storage.deliveries.due import FetchRequest, find_due
from webhookd.storage.deliveries.lanes import ConfiguredLane

SOON = timedelta(seconds=7)
HINT = RetryAt(NOW + SOON, "429", NOW + SOON, hints_in_row=1)


@contextmanager
def connected(url):
    """Connect to the database as a daemon does that has just started."""
    database = open_database(url)
    connection = database.connect()
    lanes.adopt(connection, [ConfiguredLane("crm-mirror", "2:r1", "2:t1")], NOW)
    try:
        yield connection
    finally:
        connection.close()
        database.close()


class Refusing:
    """Answers everything with a short hint."""

    async def send(self, _request, _options):
        return Response(429, "7")


def attempted(delivery, at):
    """Return the settlement of a real attempt that the receiver answers with `Retry-After: 7`."""
    definition = prepare(a_webhook(), LOOPBACK, config_hash="c0ffee")
    context = AttemptContext(definition, 1, 0, 0.0, is_paced=False)
    clock = Clock(now=lambda: at, monotonic=lambda: 0.0, dice=lambda: 0.0)
    courier = Courier(Refusing(), KnownSecrets(), clock=clock)
    return asyncio.run(courier.attempt(delivery, lambda _: context))


def due(connection, at=NOW + timedelta(days=1)):
    return find_due(connection, [FetchRequest(1, 0, 10)], at)[0].deliveries


def test_a_restart_after_each_attempt_begins_no_row_of_hints_anew(url):
    with connected(url) as connection:
        enqueue.store(connection, [a_delivery()])
    waits, at = [], NOW
    for _ in range(12):
        with connected(url) as connection:
            (delivery,) = due(connection, at)
            settled = attempted(delivery, at)
            settle.settle(connection, [settled])
        waits.append((settled.outcome.when - at).total_seconds())
        at = settled.outcome.when

    assert waits == [7.0] * 10 + [60.0, 120.0]
    with connected(url) as connection:
        (delivery,) = due(connection, at)
    assert (delivery.attempts_made, delivery.hints) == (12, Hints(10, 10))


def test_hints_are_counted_for_each_of_many_that_are_settled_at_once(url):
    fresh, old = a_delivery(), a_delivery()
    others = [a_delivery() for _ in range(3)]
    with connected(url) as connection:
        enqueue.store(connection, [fresh, old, *others])
        known = replace(old, hints=Hints(4, 4))
        outcomes = [RetryAt(NOW, "500"), Held("410"), Delivered()]
        settle.settle(
            connection,
            [
                a_settlement(fresh, HINT),
                a_settlement(known, replace(HINT, hints_in_row=5)),
                *(
                    a_settlement(replace(one, hints=Hints(9, 3)), outcome)
                    for one, outcome in zip(others, outcomes, strict=True)
                ),
            ],
        )
        found = {one.id: one.hints for one in due(connection)}
        query = "SELECT hints, hints_in_row FROM deliveries WHERE id = ?"
        delivered = connection.execute(query, (others[2].id,)).fetchone()

    assert found == {
        fresh.id: (1, 1),
        old.id: (5, 5),
        others[0].id: (9, 0),
        others[1].id: (9, 0),
    }
    assert tuple(delivered) == (9, 0)


def test_a_retry_by_hand_goes_on_in_the_schedule_and_may_be_shortened_anew(url):
    """Attempts stay, so the hints among them do: else the next wait would jump."""
    waiting, failed = (replace(a_delivery(), hints=Hints(9, 9)) for _ in range(2))
    with connected(url) as connection:
        enqueue.store(connection, [waiting, failed])
        at_tenth = replace(HINT, hints_in_row=10)
        settle.settle(connection, [a_settlement(waiting, at_tenth)])
        settle.settle(connection, [a_settlement(failed, GivenUp("404"))])

        assert manual.retry(connection, [1, 2], NOW).count == 2
        found = {one.id: (one.attempts_made, *one.hints) for one in due(connection)}

    assert found == {waiting.id: (1, 10, 0), failed.id: (1, 9, 0)}
