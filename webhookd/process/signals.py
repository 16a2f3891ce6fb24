"""What the process stops and reloads for."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.telemetry.events import DaemonOusted, DaemonStopping

if TYPE_CHECKING:
    from webhookd.errors import StateLockedError
    from webhookd.operations.reloading.reload import Reloader


class StopSignal:
    """Waits for SIGTERM or SIGINT; a second one ends the process at once.

    It takes over from `early_signals`, together with `Hangup`: make both, then call `take_early`.
    *error* is what else it stopped for.
    """

    def __init__(self) -> None:
        self._came = asyncio.Event()
        self.name = ""
        self.error: StateLockedError | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._come, number)

    def _come(self, number: signal.Signals) -> None:
        if self._came.is_set():
            # Whoever asks twice does not want to wait; what is unsettled is attempted again.
            os._exit(128 + number)
        self.name = number.name
        self._came.set()

    def lose(self, error: StateLockedError) -> None:
        """Stop because another daemon took the database over."""
        telemetry.report(DaemonOusted(str(error)))
        self.error = error
        self._came.set()

    def take_early(self, numbers: frozenset[int]) -> None:
        """Stop for a signal among *numbers*, which came before this object was there."""
        for number in (signal.SIGTERM, signal.SIGINT):
            if number in numbers and not self._came.is_set():
                self._come(number)

    @property
    def has_come(self) -> bool:
        """Return whether the process is to stop."""
        return self._came.is_set()

    async def wait(self) -> None:
        """Wait until it came."""
        await self._came.wait()
        telemetry.report(DaemonStopping(self.name))


class Hangup:
    """Reloads on SIGHUP; signals that come meanwhile are one more reload.

    It listens before there is anything to reload: by default SIGHUP would end the process.
    """

    def __init__(self) -> None:
        self._reloader: Reloader | None = None
        self._reloads: set[asyncio.Task[object]] = set()
        self._came_early = False
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._come)

    def take_early(self, numbers: frozenset[int]) -> None:
        """Reload for a SIGHUP among *numbers*, which came before this object was there."""
        if signal.SIGHUP in numbers:
            self._come()

    def begin(self, reloader: Reloader) -> None:
        """Reload by *reloader* from now on, and now where a signal came early."""
        self._reloader = reloader
        if self._came_early:
            self._come()

    def _come(self) -> None:
        if self._reloader is None:
            self._came_early = True
            return
        task = asyncio.get_running_loop().create_task(self._reloader.reload())
        self._reloads.add(task)
        task.add_done_callback(self._reloads.discard)

    async def finish(self) -> None:
        """Wait for reloads under way."""
        if self._reloads:
            await asyncio.wait(self._reloads)
