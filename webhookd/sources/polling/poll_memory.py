"""What of a poll's outcome outlives the daemon: when one last went well, and why one failed."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from webhookd.errors import NotHeldError, StorageError
from webhookd.model import PollOutcome
from webhookd.telemetry import logs

if TYPE_CHECKING:
    from webhookd.clock import Clock
    from webhookd.sources.source import PollLedger
    from webhookd.telemetry.figures import PollFigures

KEPT_EVERY: Final = 60.0
"""Seconds: a poll that goes well is no news, and need not cost a write each time."""


class PollMemory:
    """Keeps the outcome of polls of one type of object in the *ledger*, if there is one.

    Each failure is kept, and the success that ends failures; others once in a while.

    What cannot be kept or recalled now is so later: polls do not wait for it.
    """

    def __init__(self, figures: PollFigures, ledger: PollLedger | None, clock: Clock) -> None:
        self._figures = figures
        self._ledger = ledger
        self._monotonic = clock.monotonic
        self._is_recalled = False
        self._kept = PollOutcome()
        self._kept_at = -math.inf

    async def recall(self) -> None:
        """Give the figures what the daemon before this one knew, before the first poll."""
        if self._ledger is None or self._is_recalled:
            return
        figures = self._figures
        with suppress(StorageError, NotHeldError):
            known = await self._ledger.outcome(figures.source, figures.object)
            self._is_recalled, self._kept = True, known
            figures.recall(known.last_success_at, known.last_error, known.last_error_at)

    async def keep(self) -> None:
        """Remember how a poll ended, where that is news or a while ago."""
        figures = self._figures
        error = None if figures.last_error is None else logs.redacted(figures.last_error)
        outcome = PollOutcome(figures.last_success_at, error, figures.last_error_at)
        is_news = (
            outcome.last_error_at != self._kept.last_error_at or outcome.fails != self._kept.fails
        )
        is_old = self._monotonic() - self._kept_at >= KEPT_EVERY
        if self._ledger is None or outcome == self._kept or not (is_news or is_old):
            return
        with suppress(StorageError, NotHeldError):
            await self._ledger.remember(figures.source, figures.object, outcome)
            self._kept, self._kept_at = outcome, self._monotonic()
