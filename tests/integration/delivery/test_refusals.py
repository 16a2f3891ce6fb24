"""A database that refuses for a while: attempts wait, nothing is lost, nothing is made twice."""

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta

import httpx
import pytest

from tests.engine import engine, until
from tests.integration.conftest import ON
from tests.making import LOOPBACK, NOW, a_delivery, a_policy, a_webhook
from webhookd import clock
from webhookd.authentication.known_secrets import KnownSecrets
from webhookd.clock import Clock
from webhookd.definitions import RetryPolicy
from webhookd.delivery import dispatcher, settlements
from webhookd.delivery.courier import Courier
from webhookd.delivery.lanes.lane import Lane
from webhookd.delivery.prepared_webhook import prepare
from webhookd.delivery.sender import LocalSender
from webhookd.errors import StorageError
from webhookd.model import RetryAt
from webhookd.storage.deliveries.lanes import LaneRow

of_sqlite = pytest.mark.skipif(ON != "sqlite", reason="another process locks the file")


COUNT = 200


@of_sqlite
def test_nothing_starts_that_could_not_be_remembered(url, tmp_path, capsys):
    seen = []

    async def answer(request):
        seen.append(request.headers["webhook-id"])
        await asyncio.sleep(0.002)
        return httpx.Response(200)

    async def scenario(other):
        async with engine(url, answer) as running:
            await running.writer.write(lambda one: one.execute("PRAGMA busy_timeout=20"))
            await running.adopt(a_webhook(delivery=a_policy(concurrency=2)))
            now = clock.now()
            await running.store(*(a_delivery(due_at=now, created_at=now) for _ in range(COUNT)))
            await until(lambda: len(seen) > 10)
            other.execute("BEGIN IMMEDIATE")
            await until(lambda: running.dispatcher.settlements.is_behind)
            await until(lambda: running.dispatcher.in_flight == 0)
            while_refused = len(seen)
            other.execute("ROLLBACK")
            await until(lambda: len(seen) == COUNT)
            return while_refused

    with closing(sqlite3.connect(tmp_path / "webhookd.db", isolation_level=None)) as other:
        while_refused = asyncio.run(scenario(other))

    assert while_refused < COUNT
    assert len(set(seen)) == COUNT
    assert "storage.refused" in capsys.readouterr().err


@pytest.mark.parametrize("error", [StorageError("away"), ZeroDivisionError("a bug")])
def test_what_comes_while_the_last_attempt_is_refused_goes_when_that_is_taken(
    url, monkeypatch, error
):
    """Nothing else is under way then, and so nothing else would serve the lane again."""
    seen, refusals = [], iter([StorageError("away"), error])
    settle = settlements.settle.settle

    def refusing(connection, group):
        if (refusal := next(refusals, None)) is not None:
            raise refusal
        return settle(connection, group)

    async def answer(request):
        seen.append(request.headers["webhook-id"])
        return httpx.Response(200)

    async def scenario():
        async with engine(url, answer) as running:
            await running.adopt(a_webhook(delivery=a_policy(concurrency=2)))
            now = clock.now()
            await running.store(a_delivery(due_at=now, created_at=now))
            await until(lambda: running.dispatcher.settlements.is_behind)
            await running.store(*(a_delivery(due_at=now, created_at=now) for _ in range(3)))
            await asyncio.sleep(0)
            assert len(seen) == 1
            await until(lambda: len(seen) == 4)

    monkeypatch.setattr(settlements.settle, "settle", refusing)
    asyncio.run(scenario())

    assert len(set(seen)) == 4


@of_sqlite
def test_a_change_of_lanes_is_refused_where_attempts_are_not_remembered(url, tmp_path, monkeypatch):
    """It must neither be made on a false basis, nor hang, nor keep replies from being judged."""
    monkeypatch.setattr(dispatcher, "QUIESCE_SECONDS", 0.1)

    async def scenario(other):
        async with engine(url, lambda _: httpx.Response(200)) as running:
            await running.writer.write(lambda one: one.execute("PRAGMA busy_timeout=20"))
            await running.adopt(a_webhook())
            now = clock.now()
            await running.store(a_delivery(due_at=now, created_at=now), offer=False)
            other.execute("BEGIN IMMEDIATE")
            running.dispatcher.fetches.refetch()
            await until(lambda: running.dispatcher.settlements.is_behind)
            with pytest.raises(StorageError, match="what attempts led to"):
                async with running.dispatcher.quiesced():
                    pytest.fail("lanes might change")
            other.execute("ROLLBACK")
            await until(lambda: running.query("SELECT 1 FROM deliveries WHERE state = 'delivered'"))
            await running.adopt(a_webhook(description="another"))

    with closing(sqlite3.connect(tmp_path / "webhookd.db", isolation_level=None)) as other:
        asyncio.run(scenario(other))


def test_a_bug_in_every_attempt_costs_ever_rarer_ones(capsys):
    def answer(_request):
        raise ZeroDivisionError

    courier = Courier(
        LocalSender(httpx.MockTransport(answer)),
        KnownSecrets(),
        clock=Clock(now=lambda: NOW, dice=lambda: 0.0),
    )
    policy = a_policy(retry=RetryPolicy(first_after=timedelta(minutes=1), factor=2.0))
    lane = Lane(LaneRow(1, "crm-mirror"), prepare(a_webhook(delivery=policy), LOOPBACK))

    made = asyncio.run(courier.attempt(a_delivery(attempts_made=3), lane.attempt_context))

    assert isinstance(made.outcome, RetryAt)
    assert made.outcome.when == NOW + timedelta(minutes=8)
    assert "delivery.attempt_broke" in capsys.readouterr().err
