"""A member's pass over its fleet, while other things happen to the lanes."""

import asyncio
import threading
from contextlib import contextmanager

import httpx

from tests import postgresql
from tests.engine import engine
from tests.making import a_webhook
from webhookd import clock
from webhookd.fleet.database_clock import SharedClock
from webhookd.fleet.exclusive_work import ExclusiveWork
from webhookd.fleet.known_members import KnownMembers
from webhookd.fleet.membership import Membership, MembershipDependencies
from webhookd.storage.database.connection import EXCLUSIVE
from webhookd.storage.deliveries import lanes


class SlowToRead:
    """A database in which reading waits until the test lets it go on."""

    def __init__(self, database):
        self._database = database
        self.is_reading = threading.Event()
        self.may_read = threading.Event()

    @contextmanager
    def reading(self):
        """Wait, then read."""
        self.is_reading.set()
        assert self.may_read.wait(10)
        with self._database.reading() as connection:
            yield connection


async def nothing():
    """Do nothing."""


def a_membership(running, database, wake=lambda: None, hint=lambda _: None):
    """Return the membership of *running*, whose passes read *database*."""
    parts = MembershipDependencies(
        running.dispatcher,
        running.dispatcher.peers,
        ExclusiveWork(running.writer),
        KnownMembers(),
        put_in_force=nothing,
        refreshed=nothing,
        wake=wake,
        hint=hint,
        timed=nothing,
    )
    return Membership(database, running.writer, parts, SharedClock())


async def pause(running, webhook):
    """Hold a lane, as a person does by the admin API."""
    async with running.dispatcher.quiesced():
        row = await running.writer.write(
            lambda connection: lanes.pause(connection, webhook, "by hand", clock.now()), EXCLUSIVE
        )
        running.dispatcher.set_row(row)


def test_a_pause_in_the_middle_of_a_pass_stays():
    """The rows that the pass has read by then are older than the pause."""
    server = postgresql.server()

    async def scenario():
        async with engine(server.url(server.new()), lambda _: httpx.Response(200)) as running:
            await running.adopt(a_webhook())
            database = SlowToRead(running.database)
            membership = a_membership(running, database)
            refreshed = asyncio.create_task(membership.refresh())
            await asyncio.to_thread(database.is_reading.wait, 10)
            await pause(running, "crm-mirror")
            database.may_read.set()
            await refreshed
            return running.dispatcher.lanes.by_name["crm-mirror"].row.hold

    assert asyncio.run(scenario()) == "by hand"


def test_a_reload_of_another_daemon_wakes_the_sources_that_rest_here():
    """Whoever mended a token reloads one daemon, and perhaps another one reads the source."""
    server = postgresql.server()

    async def scenario():
        async with engine(server.url(server.new()), lambda _: httpx.Response(200)) as running:
            woken = asyncio.Event()
            membership = a_membership(running, running.database, woken.set)
            membership.join()
            task = asyncio.create_task(membership.run())

            def reload_elsewhere(connection):
                other = connection.session.owner + 1
                connection.execute(
                    "SELECT pg_notify('webhookd ' || current_schema(), ?)", (f"{other} reloaded",)
                )

            while not woken.is_set():
                # Until it listens, it hears nothing.
                await running.writer.write(reload_elsewhere)
                await asyncio.sleep(0.1)
            await membership.end(task)

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_a_reload_notifies_the_other_daemons():
    server = postgresql.server()

    async def scenario():
        async with engine(server.url(server.new()), lambda _: httpx.Response(200)) as running:
            sent = []
            running.dispatcher.peers.connect(lambda kind, about: sent.append((kind, *about)))
            await running.adopt(a_webhook())
            assert (await running.reloader.reload()).outcome == "rejected"
            return sent

    assert ("reloaded",) in asyncio.run(scenario())
