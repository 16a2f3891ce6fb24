"""Retry what the database refused: the same thing again, after growing pauses."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeVar

from webhookd.errors import StorageError
from webhookd.telemetry.events import SourceBlocked

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from webhookd.sources.source import Report

Result = TypeVar("Result")

FIRST_PAUSE: Final = 0.05
LONGEST_PAUSE: Final = 10.0


def pauses(first: float = FIRST_PAUSE, longest: float = LONGEST_PAUSE) -> Iterator[float]:
    """Yield seconds to wait: each twice the last, never over *longest*."""
    pause = first
    while True:
        yield min(pause, longest)
        pause = min(pause * 2, longest)


class StorageRetry:
    """Retries what a source asks of the database, and reports that the source waits."""

    def __init__(self, source: str, report: Report) -> None:
        self._source = source
        self._report = report

    async def until_stored(self, store: Callable[[], Awaitable[Result]]) -> Result:
        """Call *store* until it does not raise StorageError; the trouble is reported once."""
        is_reported = False
        for pause in pauses():
            try:
                return await store()
            except StorageError as error:
                if not is_reported:
                    self._report(SourceBlocked(self._source, reason=str(error)))
                    is_reported = True
            await asyncio.sleep(pause)
        raise AssertionError("pauses never end")
