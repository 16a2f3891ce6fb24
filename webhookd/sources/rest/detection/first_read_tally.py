"""How far a long first read is, told now and then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.telemetry.events import FirstReadDone, FirstReadProgressed

if TYPE_CHECKING:
    from webhookd.sources.rest.work import Work

TOLD_EVERY: Final = 10.0
"""Seconds from line to line."""


@dataclass(slots=True)
class Tally:
    """Says now and then how far a long first read is."""

    work: Work
    rows: int = 0
    began: float = -1.0
    told: float = 0.0

    def count(self, rows: int, *, is_over: bool) -> None:
        """Count *rows* of a first read; tell of it where that *is_over*, or takes long."""
        now = self.work.clock.monotonic()
        if self.began < 0:
            self.began = self.told = now
        self.rows += rows
        summary = self.work.figures.summary
        if is_over:
            telemetry.report(FirstReadDone(summary(), read=self.rows, seconds=now - self.began))
        elif now - self.told >= TOLD_EVERY:
            speed = self.rows / (now - self.began)
            telemetry.report(FirstReadProgressed(summary(), read=self.rows, per_second=speed))
            self.told = now
