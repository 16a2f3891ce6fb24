"""What of a poll's outcome outlives the daemon: when one last went well, and why one failed.

Of the parts of a type of object that may rest by themselves, it is which of them rest, and why.
"""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from webhookd.errors import NotHeldError, StorageError
from webhookd.model import PollOutcome
from webhookd.telemetry import logs
from webhookd.telemetry.figures import part_place

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
        self._kept_parts: dict[str, PollOutcome] = {}

    async def recall(self) -> None:
        """Give the figures what the daemon before this one knew, before the first poll."""
        if self._ledger is None or self._is_recalled:
            return
        figures = self._figures
        with suppress(StorageError, NotHeldError):
            known = await self._ledger.outcome(figures.source, figures.object)
            for name in figures.parts:
                place = part_place(figures.object, name)
                part = self._kept_parts[name] = await self._ledger.outcome(figures.source, place)
                figures.recall_part(name, part)
            self._is_recalled, self._kept = True, known
            figures.recall(known.last_success_at, known.last_error, known.last_error_at)

    async def keep(self) -> None:
        """Remember how a poll ended, where that is news or a while ago."""
        figures = self._figures
        error = _redacted(figures.last_error)
        outcome = PollOutcome(figures.last_success_at, error, figures.last_error_at)
        await self._keep_parts()
        is_news = (
            outcome.last_error_at != self._kept.last_error_at or outcome.fails != self._kept.fails
        )
        is_old = self._monotonic() - self._kept_at >= KEPT_EVERY
        if self._ledger is None or outcome == self._kept or not (is_news or is_old):
            return
        with suppress(StorageError, NotHeldError):
            await self._ledger.remember(figures.source, figures.object, outcome)
            self._kept, self._kept_at = outcome, self._monotonic()

    async def _keep_parts(self) -> None:
        """Remember of each part that it rests, or does not any more."""
        figures = self._figures
        if self._ledger is None:
            return
        for name, outcome in figures.parts.items():
            error = _redacted(outcome.last_error)
            if error == self._kept_parts.get(name, PollOutcome()).last_error:
                continue
            now = PollOutcome(outcome.last_success_at, error, outcome.last_error_at)
            with suppress(StorageError, NotHeldError):
                place = part_place(figures.object, name)
                await self._ledger.remember(figures.source, place, now)
                self._kept_parts[name] = now


def _redacted(error: str | None) -> str | None:
    return None if error is None else logs.redacted(error)
