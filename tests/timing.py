"""A daemon's timers over a real database, by a clock that tests set."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import count

from tests.making import NOW, a_webhook, read_here, some_definitions
from webhookd.clock import Clock
from webhookd.definitions import At, Trigger, Webhook
from webhookd.delivery.claims import ClaimTable
from webhookd.delivery.timers import Timers
from webhookd.intake.batch import Intake
from webhookd.intake.moments.running_timers import RunningTimers
from webhookd.model import Batch, ChangeKind, FileProgress, Observation
from webhookd.operations.reloading.timers_in_line import bring_timers_in_line
from webhookd.storage.database.database import open_database
from webhookd.storage.database.writer import Writer
from webhookd.storage.deliveries import lanes


def due_by(at: At, name: str = "renewal", **trigger: object) -> Webhook:
    """Return a webhook that is due by *at*."""
    return a_webhook(name, trigger=Trigger((ChangeKind.DUE,), at=at, **trigger))


class Timing:
    """Intake and timers, as a daemon has them, of *webhooks*; what was offered is in `offered`."""

    # Of all: another one on the same database goes on, and no id comes twice.
    _serial = count(1)

    def __init__(self, url, *webhooks, now=NOW):
        self.now = now
        self.offered = []
        self.definitions = some_definitions(*webhooks)
        self._url = url
        self._rows = count(1)

    async def __aenter__(self):
        """Start: the configuration comes into force, and what was missed comes about."""
        self.database = open_database(self._url)
        self.writer = await Writer(self.database).__aenter__()
        await read_here(self.writer, "export")
        clock = Clock(now=lambda: self.now)
        shared = {
            "definitions": lambda: self.definitions,
            "offer": self.offered.extend,
            "claims": ClaimTable(lambda: None),
            "clock": clock,
            "new_id": lambda _: f"{next(self._serial):032x}",
        }
        self.timers = Timers()
        self.running = RunningTimers(self.writer, self.timers, **shared)
        self.intake = Intake(self.database, self.writer, planned=self.running.planned, **shared)
        self.timers.attach(lambda: None, self.running.begin)
        await self.reload(*self.definitions.webhooks.values(), before=None)
        return self

    async def __aexit__(self, *_):
        await self.running.stop()
        await self.writer.__aexit__()
        self.database.close()

    async def reload(self, *webhooks, before="what is in force"):
        """Put other *webhooks* in force."""
        definitions = some_definitions(*webhooks)
        was = self.definitions if before is not None else None
        configured = [lanes.ConfiguredLane(one.name, "2:r", "2:t") for one in webhooks]

        def unit(connection):
            rows = lanes.adopt(connection, configured, self.now)
            return bring_timers_in_line(connection, definitions, was, rows, self.now)

        self.dropped = await self.writer.write(unit)
        self.definitions = definitions
        await self.running.refresh()

    async def take(self, *rows, as_known=False, asked=None, deletion=None):
        """Take rows of (id, properties), None for a deletion, which was as *deletion* says."""
        seen = tuple(
            Observation(
                "contacts",
                id_,
                properties or {},
                deleted=properties is None,
                asked=asked,
                deletion=deletion if properties is None else None,
            )
            for id_, properties in rows
        )
        progress = FileProgress("export", "claim", "1.ndjson", next(self._rows))
        await self.intake.ingest(Batch("export", seen, progress, as_known))

    async def settle(self):
        """Have everything that has come come about, and return it: what was offered since."""
        before = len(self.offered)
        while names := self.timers.due(self.now):
            for name in names:
                self.timers.begin(name)
            await asyncio.wait(self.running._tasks)
        return self.offered[before:]

    async def after(self, **length):
        """Let time pass, and have what comes come about."""
        self.now += timedelta(**length)
        return await self.settle()

    async def rows(self, sql, *values):
        """Return rows of the database."""
        return await self.writer.read(lambda connection: connection.execute(sql, values).fetchall())
