"""Wakes that are refused: each is counted, and the log hears of them once a minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from webhookd import telemetry
from webhookd.telemetry import metrics
from webhookd.telemetry.events import WakesRefused

if TYPE_CHECKING:
    from webhookd.clock import Clock

TOLD_EVERY: Final = 60.0
"""Seconds between two lines about the same: anybody can make a request that is refused."""

Reason: TypeAlias = Literal[
    "unknown", "method", "too_large", "unproved", "malformed", "slow", "busy"
]
"""Why a wake is refused: a label of the metric."""

_WHY: Final = {
    "malformed": "this is not HTTP as it should be",
    "slow": "no request came in time",
    "busy": "too many connections are open",
}


class RefusedWakes:
    """Counts refused wakes, by source (None: of none that may be woken) and reason."""

    def __init__(self, clock: Clock) -> None:
        self._monotonic = clock.monotonic
        self._told: dict[tuple[str | None, Reason], float] = {}
        self._untold: dict[tuple[str | None, Reason], int] = {}

    def note_early(self, reason: Literal["malformed", "slow", "busy"]) -> None:
        """Count one of which nothing is known but that it was none."""
        self.note(None, reason, _WHY[reason])

    def note(self, source: str | None, reason: Reason, why: str) -> None:
        """Count one more; *why* is for people."""
        metrics.WAKES_REFUSED.labels(source or "", reason).inc()
        key, now = (source, reason), self._monotonic()
        count = self._untold[key] = self._untold.get(key, 0) + 1
        if now - self._told.get(key, now - TOLD_EVERY) >= TOLD_EVERY:
            self._told[key] = now
            self._untold[key] = 0
            telemetry.report(WakesRefused(source, reason, why, count))
