"""Lets systemd see that the daemon lives: ready, how it is doing, stopping.

A beat is sent only when the event loop and the writer's thread both work, and says all there
is to say, so that a lost one costs nothing. Without a supervisor nothing runs.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from webhookd import clock, systemd, telemetry
from webhookd.telemetry.events import BugFound

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

BEAT_EVERY: Final = timedelta(seconds=5)

_SHORTEST_BEAT: Final = timedelta(milliseconds=1)
_EXTENSION: Final = timedelta(seconds=15)
_SHARE_OF_LOOKING: Final = 20
"""Looking how it goes may take this part of the time: counting millions costs something."""


class Heartbeat:
    """Beats from `ready` to `end`.

    *prove* comes back only while what the daemon cannot do without works. *look* returns one
    line for people. After `stopping`, more time to stop is asked for during *patience*.
    """

    def __init__(self, environment: Mapping[str, str], *, patience: timedelta) -> None:
        self._environment = environment
        self._patience = patience
        self._states = ["READY=1"]
        self._watchdog = systemd.watchdog_period(environment)
        self._period = max(min(self._watchdog or BEAT_EVERY, BEAT_EVERY), _SHORTEST_BEAT)
        self._beating: asyncio.Task[None] | None = None
        self._looking: asyncio.Task[None] | None = None
        self._stop_asking_at: float | None = None

    def ready(
        self, prove: Callable[[], Awaitable[object]], look: Callable[[], Awaitable[str]]
    ) -> None:
        """Say that the daemon works, and go on saying so."""
        if not systemd.is_supervised(self._environment):
            return
        systemd.notify(self._environment, "READY=1")
        self._beating = asyncio.create_task(self._beat(prove), name="heartbeat")
        self._looking = asyncio.create_task(self._look(look), name="status for systemd")

    def stopping(self) -> None:
        """Say that the daemon stops, and ask for time as long as it gets on with it."""
        if self._looking is not None:
            self._looking.cancel()
        self._states = ["STOPPING=1", "STATUS=stopping: attempts under way may end"]
        self._stop_asking_at = clock.monotonic() + self._patience.total_seconds()
        self._send()

    async def end(self) -> None:
        """Beat no more."""
        tasks = [task for task in (self._beating, self._looking) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _send(self, *more: str) -> None:
        states = [*self._states, *more]
        if self._stop_asking_at is not None and clock.monotonic() < self._stop_asking_at:
            states.append(systemd.extension(_EXTENSION))
        systemd.notify(self._environment, *states)

    async def _beat(self, prove: Callable[[], Awaitable[object]]) -> None:
        alive = ["WATCHDOG=1"] if self._watchdog is not None else []
        while True:
            # Nothing is proved while it fails: no beat is sent, and the next one is tried.
            with suppress(Exception):
                await prove()
                self._send(*alive)
            await asyncio.sleep(self._period.total_seconds())

    async def _look(self, look: Callable[[], Awaitable[str]]) -> None:
        while True:
            started = clock.monotonic()
            try:
                systemd.notify(self._environment, f"STATUS={await look()}")
            except Exception as error:  # noqa: BLE001 - the next look is another
                telemetry.report(BugFound("daemon.task_broke", error, {"task": "status"}))
            took = clock.monotonic() - started
            await asyncio.sleep(max(BEAT_EVERY.total_seconds(), _SHARE_OF_LOOKING * took))
