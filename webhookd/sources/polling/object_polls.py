"""The polls of one type of object: one at a time, with pauses after those that fail."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Protocol

from webhookd import telemetry
from webhookd.errors import NotHeldError
from webhookd.sources.polling.refusals import PollError
from webhookd.telemetry.events import (
    ObjectRefused,
    PollBroke,
    PollFailed,
    PollRecovered,
    SourcePolled,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.clock import Clock
    from webhookd.sources.polling.poll_memory import PollMemory
    from webhookd.sources.polling.request_budget import Budget
    from webhookd.telemetry.figures import PollFigures

FIRST_PAUSE: Final = 1.0
"""Seconds without polls after a first failure; each further one doubles them."""

LONGEST_PAUSE: Final = 300.0
"""Seconds: an API that is back is noticed within five minutes."""

REFUSED_PAUSE: Final = 3600.0
"""Seconds until a type of object that was refused is tried again."""


class Reader(Protocol):
    """Reads one type of object."""

    async def poll(self) -> None:
        """Read everything that is new, and commit it.

        Raises PollError when that failed; what was committed before stays.
        """


class ObjectPolls:
    """The polls of one type of object, one at a time.

    A *hint* says that there may be news: any poll that begins after it follows it, unless that
    fails.
    """

    def __init__(
        self,
        reader: Reader,
        figures: PollFigures,
        budget: Budget,
        clock: Clock,
        refuse: Callable[[PollError], None],
        memory: PollMemory,
    ) -> None:
        self._reader = reader
        self._figures = figures
        self._budget = budget
        self._clock = clock
        self._refuse = refuse
        self._memory = memory
        self._task: asyncio.Task[None] | None = None
        self._not_before = 0.0
        self._asked_until = 0.0
        self._failures = 0
        self.hint = asyncio.Event()

    @property
    def object(self) -> str:
        """Return the type of object."""
        return self._figures.object

    async def fire(self) -> bool:
        """Poll and return True, unless a poll is under way or a pause is on."""
        is_busy = self._task is not None and not self._task.done()
        if is_busy or self._clock.monotonic() < self._not_before:
            return False
        # A task of the source's own: the job that waits for it is not the source's to cancel.
        self._task = asyncio.create_task(self._remembered(), name=f"poll {self.object}")
        await asyncio.wait([self._task])
        return True

    @property
    def rest(self) -> float:
        """Return for how many seconds a pause is on."""
        return max(0.0, self._not_before - self._clock.monotonic())

    async def idle(self) -> None:
        """Return once no poll is under way."""
        if self._task is not None and not self._task.done():
            await asyncio.wait([self._task])

    def wake(self) -> bool:
        """End a pause, but for one that the API asked for; return whether there was one to end."""
        rests = self._clock.monotonic() < self._not_before
        self._not_before = min(self._not_before, self._asked_until)
        return rests and self._clock.monotonic() >= self._not_before

    async def stop(self) -> None:
        """Break off a poll under way; what it has committed stays."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _remembered(self) -> None:
        await self._memory.recall()
        is_hinted, failures = self.hint.is_set(), self._figures.failures
        # What is hinted at from here on, this poll may have passed already.
        self.hint.clear()
        await self._poll()
        if is_hinted and self._figures.failures > failures:
            self.hint.set()
        await self._memory.keep()

    async def _poll(self) -> None:
        figures, began = self._figures, self._clock.monotonic()
        records, changes = figures.records, figures.changes
        try:
            await self._reader.poll()
        except PollError as error:
            self._fail(error)
        except NotHeldError:
            # The source is another daemon's, and this poll about to be broken off.
            return
        except Exception as error:  # noqa: BLE001 - a bug in one poll stops only that
            self._note(f"a bug in webhookd ({type(error).__name__}); its log has the details")
            telemetry.report(PollBroke(figures.source, figures.object, error))
            self._pause(0)
        else:
            self._succeed()
            seconds = self._clock.monotonic() - began
            records, changes = figures.records - records, figures.changes - changes
            telemetry.report(
                SourcePolled(figures.summary(), changes=changes, read=records, seconds=seconds)
            )

    def _succeed(self) -> None:
        figures = self._figures
        figures.poll_succeeded(self._clock.now(), budget_left=self._budget.left)
        if self._failures:
            self._failures = 0
            telemetry.report(PollRecovered(figures.summary()))

    def _fail(self, error: PollError) -> None:
        figures, refused = self._figures, error.refusal
        self._note(str(error))
        match refused.concerns:
            case "source":
                self._failures += 1
                self._refuse(error)
            case "object":
                self._not_before = self._clock.monotonic() + REFUSED_PAUSE
                telemetry.report(
                    ObjectRefused(figures.summary(), str(error), again_in=REFUSED_PAUSE)
                )
            case "request" | "poll" | "token":
                pause = self._pause(refused.wait)
                telemetry.report(PollFailed(figures.summary(), str(error), again_in=pause))

    def _note(self, error: str) -> None:
        self._figures.poll_failed(error, self._clock.now(), budget_left=self._budget.left)

    def _pause(self, at_least: float) -> float:
        """Let the next poll wait: longer after each failure, and never two alike."""
        self._failures += 1
        doubled = FIRST_PAUSE * 2.0 ** min(self._failures - 1, 10)
        pause = max(at_least, min(doubled, LONGEST_PAUSE)) * (1 + self._clock.dice() / 2)
        now = self._clock.monotonic()
        self._not_before, self._asked_until = now + pause, now + at_least
        return pause
