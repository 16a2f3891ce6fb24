"""The whole of `delivery/` on a real database, with a scripted receiver behind httpx's seam."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx

from tests.making import LOOPBACK
from webhookd import clock
from webhookd.authentication.known_secrets import KnownSecrets
from webhookd.clock import Clock
from webhookd.delivery.courier import Courier
from webhookd.delivery.dispatcher import Dispatcher
from webhookd.delivery.job_store import DeliveryJobStore, LaneExecutor
from webhookd.delivery.peers import Alone
from webhookd.delivery.prepared_webhook import prepare
from webhookd.delivery.scheduler import Scheduler
from webhookd.delivery.sender import LocalSender
from webhookd.fleet.fleet_peers import FleetPeers
from webhookd.rules import digests
from webhookd.storage.database.database import open_database
from webhookd.storage.database.writer import Writer
from webhookd.storage.deliveries import enqueue, lanes
from webhookd.storage.deliveries.starts import recall

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.definitions import Webhook
    from webhookd.model import Delivery
    from webhookd.storage.database.database import Database


@dataclass
class Engine:
    """Writer, lanes, courier and scheduler, wired as the daemon wires them."""

    database: Database
    writer: Writer
    dispatch: Dispatcher
    scheduler: Scheduler

    async def adopt(self, *webhooks: Webhook) -> None:
        """Put webhooks in force, as a reload does."""
        prepared = {webhook.name: prepare(webhook, LOOPBACK) for webhook in webhooks}
        async with self.dispatch.quiesced():
            key = await self.writer.write(lanes.digest_key)
            definitions = [
                lanes.ConfiguredLane(
                    name,
                    digests.request_digest(one.webhook.request, key),
                    digests.target_digest(one.webhook.request, key),
                    is_ordered=one.webhook.delivery.order == "record",
                )
                for name, one in prepared.items()
            ]
            remembered = self.dispatch.lanes.rate_limited
            rows, starts = await self.writer.write(
                lambda connection: _adopt(connection, definitions, remembered)
            )
            self.dispatch.adopt(rows, prepared, starts)

    async def store(self, *deliveries: Delivery, offer: bool = True) -> None:
        """Store deliveries and, as intake does, hand them over."""
        stored = await self.writer.write(lambda connection: enqueue.store(connection, deliveries))
        if offer:
            self.dispatch.offer(stored)

    async def query(self, sql: str, *values: object) -> list[tuple]:
        """Return rows of the database."""
        return await self.writer.read(lambda connection: connection.execute(sql, values).fetchall())


def _adopt(connection, definitions, remembered):
    """Do in one transaction what a reload does."""
    now = clock.now()
    rows = lanes.adopt(connection, definitions, now)
    starts = {
        row.webhook: recall(connection, row.number, now)
        for row in rows
        if row.webhook not in remembered
    }
    return rows, starts


@asynccontextmanager
async def engine(url: str, answer: Callable[[httpx.Request], object], **settings: object):
    """Run an engine whose requests *answer* answers (a response, or an awaitable of one).

    A *transport* among the *settings* sends them to real receivers instead.
    """

    async def answering(request: httpx.Request) -> httpx.Response:
        given = answer(request)
        return await given if asyncio.iscoroutine(given) else given

    time = Clock(dice=settings.pop("dice", lambda: 0.0))
    database = open_database(url)
    async with Writer(database) as writer:
        courier = Courier(
            LocalSender(settings.pop("transport", None) or httpx.MockTransport(answering)),
            KnownSecrets(),
            clock=time,
        )
        peers = FleetPeers(writer, clock=time) if writer.is_shared else Alone(writer, clock=time)
        dispatch = Dispatcher(
            courier,
            writer,
            peers,
            max_in_flight=settings.pop("max_in_flight", 1000),
            clock=time,
        )
        store = DeliveryJobStore(dispatch, writer, database)
        scheduler = Scheduler(store, LaneExecutor(dispatch))
        scheduler.start()
        dispatch.open(scheduler.wakeup)
        yield Engine(database, writer, dispatch, scheduler)
        await dispatch.drain(settings.pop("grace", 5))
        await dispatch.settlements.drain()
        scheduler.shutdown(wait=False)
        await store.drain()
    database.close()


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for *condition*, a function that may return an awaitable, or fail."""
    end = clock.monotonic() + seconds
    while True:
        met = condition()
        if asyncio.iscoroutine(met):
            met = await met
        if met:
            return
        assert clock.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.005)
