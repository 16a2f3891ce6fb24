"""How fast a file is read, and when its end is to be expected."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from webhookd.model import Pace, SnapshotPhase
from webhookd.telemetry.events import FileProgressed

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from webhookd.model import ClaimedFile
    from webhookd.sources.directory.streams import Gauge
    from webhookd.sources.source import Report

TOLD_EVERY: Final = 5.0
"""Seconds between two lines of the log about the same file."""

READING: Final = "taking"
"""What is done with a file of records."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """Where the reading of a file stood at a moment."""

    doing: str
    at: float
    rows: int
    read: int


class Meter:
    """Measures one file from where it was opened, and tells of a long one now and then."""

    def __init__(
        self, report: Report, monotonic: Callable[[], float], now: Callable[[], datetime]
    ) -> None:
        self._report = report
        self._monotonic = monotonic
        self._now = now
        self._start: _Mark | None = None
        self._told_at = 0.0

    def measure(self, file: ClaimedFile, gauge: Gauge | None = None) -> Pace | None:
        """Return the pace since the phase began, None where it is too early to tell.

        *gauge* is that of the file where it is read.
        """
        mark = _mark(file, gauge, self._monotonic())
        start = self._start
        if start is None or start.doing != mark.doing:
            self._start = mark
            self._told_at = self._told_at or mark.at
            return None
        seconds = mark.at - start.at
        if seconds <= 0 or mark.rows == start.rows:
            return None
        left = (
            None if gauge is None else _seconds_left(file, gauge, mark.read - start.read, seconds)
        )
        pace = Pace((mark.rows - start.rows) / seconds, self._after(left))
        if mark.at - self._told_at >= TOLD_EVERY:
            self._told_at = mark.at
            self._tell(file, mark, pace, left)
        return pace

    def _after(self, seconds: float | None) -> datetime | None:
        return None if seconds is None else self._now() + timedelta(seconds=seconds)

    def _tell(self, file: ClaimedFile, mark: _Mark, pace: Pace, left: float | None) -> None:
        self._report(
            FileProgressed(
                file.source,
                file.name,
                doing=mark.doing,
                rows=mark.rows,
                rows_per_second=pace.rows_per_second,
                seconds_left=left,
            )
        )


def _mark(file: ClaimedFile, gauge: Gauge | None, at: float) -> _Mark:
    cursor = file.snapshot
    doing = READING if cursor is None else cursor.phase.value
    is_deleting = cursor is not None and cursor.phase is SnapshotPhase.DELETING
    rows = cursor.deletions if cursor and is_deleting else file.rows_taken
    return _Mark(doing, at, rows, gauge.read if gauge else 0)


def _seconds_left(file: ClaimedFile, gauge: Gauge, read: int, seconds: float) -> float | None:
    if read <= 0:
        return None
    left = max(0, gauge.size - gauge.read)
    if file.snapshot is not None and file.snapshot.phase is SnapshotPhase.COUNTING:
        # The file is read once more, about as fast.
        left += gauge.size
    return left * seconds / read
