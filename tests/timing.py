"""A daemon's timers over a real database, by a clock that tests set."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import count

from tests.making import NOW, a_webhook, some_definitions
from tests.taking import Taking
from webhookd.definitions import At, Trigger, Webhook
from webhookd.delivery.timers import Timers
from webhookd.intake.moments.running_timers import RunningTimers
from webhookd.model import ChangeKind
from webhookd.operations.reloading.timers_in_line import bring_timers_in_line
from webhookd.storage.deliveries import lanes


def due_by(at: At, name: str = "renewal", **trigger: object) -> Webhook:
    """Return a webhook that is due by *at*."""
    return a_webhook(name, trigger=Trigger((ChangeKind.DUE,), at=at, **trigger))


class Timing(Taking):
    """Intake and timers, as a daemon has them, of *webhooks*; what was offered is in `offered`."""

    # Of all: another one on the same database goes on, and no id comes twice.
    _serials = count(1)

    def __init__(self, url, *webhooks, now=NOW):
        super().__init__(url, *webhooks, now=now)
        self._serial = self._serials

    def _beside(self, shared):
        self.timers = Timers()
        self.running = RunningTimers(self.writer, self.timers, **shared)
        self.timers.attach(lambda: None, self.running.begin)
        return {"planned": self.running.planned}

    async def __aenter__(self):
        """Start: the configuration comes into force, and what was missed comes about."""
        await super().__aenter__()
        await self.reload(*self.definitions.webhooks.values(), before=None)
        return self

    async def __aexit__(self, *_):
        await self.running.stop()
        await super().__aexit__()

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
