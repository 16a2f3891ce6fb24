"""Reloads when the configuration's files are others: for where nobody sends a SIGHUP.

A ConfigMap or a checkout of Git is replaced by renaming a link on the way to the files. Watches on
files miss that; to look at each of them from time to time does not, and costs microseconds.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.telemetry import metrics
from webhookd.telemetry.events import BugFound, ConfigChangeSeen

if TYPE_CHECKING:
    from webhookd.operations.reloading.reload import Reloader

SETTLING: Final = timedelta(seconds=1)
"""Between two looks that must agree: a file may be half written."""


class WatchedConfig:
    """Looks at the files of the configuration that was read last, *every* so often.

    A change is reloaded as by SIGHUP. Content that was refused is not tried again until it changes,
    however often it is written; what failed for another reason is tried at every look.
    """

    def __init__(self, reloader: Reloader, every: timedelta) -> None:
        self._reloader = reloader
        self._every = every.total_seconds()
        self._settling = min(every, SETTLING).total_seconds()
        self._stopping = asyncio.Event()
        # A digest of what was refused here last: another checkout of the same is not news.
        self._refused: bytes | None = None

    async def run(self) -> None:
        """Look until `stop` is called, on the event loop; a reload under way ends before."""
        while not await self._is_stopped_within(self._every):
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - the next look is another
                telemetry.report(BugFound("daemon.task_broke", error, {"task": "watched config"}))

    def stop(self) -> None:
        """Begin no further reload."""
        self._stopping.set()

    async def _is_stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True

    async def _look(self) -> None:
        files = self._reloader.files
        now = await asyncio.to_thread(files.look)
        if now == files.stamps:
            return
        while True:
            if await self._is_stopped_within(self._settling):
                return
            before, now = now, await asyncio.to_thread(files.look)
            if now == before:
                break
        if self._reloader.files is not files:
            # A signal, or a command, came first: it has read what is there.
            return
        changed = tuple(
            sorted(str(one) for one, stamp in now.items() if stamp != files.stamps[one])
        )
        if not changed:
            return
        if self._refused is not None:
            is_same = await asyncio.to_thread(files.holds, self._refused)
            if is_same:
                files.take(now)
                return
        telemetry.report(ConfigChangeSeen(changed))
        result = await self._reloader.reload()
        metrics.WATCHED_RELOADS.labels(result.outcome).inc()
        judged = self._reloader.files
        is_refused = result.outcome == "rejected" and judged is not files
        self._refused = await asyncio.to_thread(judged.content) if is_refused else None
