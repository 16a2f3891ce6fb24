"""The whole of `delivery/` on a real database, with a scripted receiver behind httpx's seam."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import httpx

from tests.making import LOOPBACK
from webhookd import clock
from webhookd.authentication.keyring import Keyring
from webhookd.clock import Clock
from webhookd.config.loading import Loaded
from webhookd.definitions import Definitions
from webhookd.definitions.in_force import InForce
from webhookd.delivery import engine as delivery_engine
from webhookd.delivery.peers import Alone
from webhookd.delivery.sender import LocalSender
from webhookd.fleet.fleet_peers import FleetPeers
from webhookd.operations.reloading.reload import ReloadDependencies, Reloader
from webhookd.sources.runner import NeverContested, RunningSources
from webhookd.storage.database.database import open_database
from webhookd.storage.database.writer import Writer
from webhookd.storage.deliveries import enqueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.definitions import Source, Webhook
    from webhookd.delivery.dispatcher import Dispatcher
    from webhookd.delivery.scheduler import Scheduler
    from webhookd.model import Delivery
    from webhookd.storage.database.database import Database


@dataclass
class Engine:
    """Writer, lanes, courier and scheduler, built as the daemon builds them."""

    database: Database
    writer: Writer
    dispatcher: Dispatcher
    scheduler: Scheduler
    reloader: Reloader

    async def adopt(self, *webhooks: Webhook) -> None:
        """Put webhooks in force, as a reload does."""
        by_name = {webhook.name: webhook for webhook in webhooks}
        definitions = Definitions("c0ffee000000", LOOPBACK, {}, by_name)
        await self.reloader.put_in_force(Loaded(definitions, (), {}))

    async def store(self, *deliveries: Delivery, offer: bool = True) -> None:
        """Store deliveries and, as intake does, hand them over."""
        stored = await self.writer.write(lambda connection: enqueue.store(connection, deliveries))
        if offer:
            self.dispatcher.offer(stored)

    async def query(self, sql: str, *values: object) -> list[tuple]:
        """Return rows of the database."""
        return await self.writer.read(lambda connection: connection.execute(sql, values).fetchall())


@asynccontextmanager
async def engine(url: str, answer: Callable[[httpx.Request], object], **settings: object):
    """Run an engine whose requests *answer* answers (a response, or an awaitable of one).

    A *transport* among the *settings* sends them to real receivers instead.
    """

    async def answering(request: httpx.Request) -> httpx.Response:
        given = answer(request)
        return await given if asyncio.iscoroutine(given) else given

    database = open_database(url)
    time = Clock(dice=settings.pop("dice", lambda: 0.0))
    async with Writer(database) as writer:
        fleet = FleetPeers(writer, clock=time) if writer.is_shared else None
        transport = settings.pop("transport", None) or httpx.MockTransport(answering)
        built = delivery_engine.build(
            database,
            writer,
            fleet or Alone(writer, clock=time),
            LocalSender(transport),
            clock=time,
            ahead=timedelta,
            max_in_flight=settings.pop("max_in_flight", 1000),
            grace=lambda: settings.get("grace", 5),
        )
        if fleet is not None:
            fleet.join()
        async with built:
            keyring = Keyring(transport, lambda: LOOPBACK, built.secrets, writer, clock=time)
            dependencies = ReloadDependencies(
                writer, built.dispatcher, built.secrets, _no_sources(), InForce(), keyring
            )
            reloader = Reloader(Path("unread.yaml"), dependencies, environment={}, clock=time)
            yield Engine(database, writer, built.dispatcher, built.scheduler, reloader)
    database.close()


def _no_sources() -> RunningSources:
    def build(source: Source) -> NoReturn:
        raise AssertionError(f"no source is read here: {source.name}")

    return RunningSources(
        build, host="here", exclusive_work=NeverContested(), has_others=lambda: False
    )


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
