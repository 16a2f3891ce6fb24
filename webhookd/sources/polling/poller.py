"""A source that polls: a job for each type of object, and what a failure of one means.

A poll that fails costs a line in the log and a pause that grows; what was read before it stays
committed, and the next one goes on from there. A refused type of object rests alone; with a refused
token the whole source rests, and one poll asks again from time to time. `wake` ends such rests.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final, Protocol

from webhookd import telemetry
from webhookd.errors import NotHeldError
from webhookd.sources.polling.poll_memory import PollMemory
from webhookd.sources.polling.refusals import PollError
from webhookd.telemetry.events import (
    ObjectRefused,
    PollBroke,
    PollFailed,
    PollRecovered,
    SourcePolled,
    SourceUnauthorized,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import timedelta

    from webhookd.clock import Clock
    from webhookd.sources.polling.request_budget import Budget
    from webhookd.sources.source import PollLedger, Schedule
    from webhookd.telemetry.figures import PollFigures

FIRST_PAUSE: Final = 1.0
"""Seconds without polls after a first failure; each further one doubles them."""

LONGEST_PAUSE: Final = 300.0
"""Seconds: an API that is back is noticed within five minutes."""

REFUSED_PAUSE: Final = 3600.0
"""Seconds until a type of object that was refused is tried again."""


UNAUTHORIZED_PAUSE: Final = 60.0
"""Seconds until a token that was refused is tried again; each further refusal doubles them."""

LONGEST_UNAUTHORIZED: Final = 900.0
"""Seconds: a token that is right again is noticed within a quarter of an hour."""


class Reader(Protocol):
    """Reads one type of object."""

    async def poll(self) -> None:
        """Read everything that is new, and commit it.

        Raises PollError when that failed; what was committed before stays.
        """


class Poller:
    """Has every type of object of the source *name* read, each by a reader of its own.

    *schedule* runs a poll every *period*. *figures* of a reader are what `status` shows of it; the
    *ledger* keeps what of that a restart must not lose. *periods* are those of types of objects
    that have one of their own.
    """

    def __init__(
        self,
        name: str,
        period: timedelta,
        readers: Iterable[tuple[Reader, PollFigures]],
        *,
        schedule: Schedule,
        budget: Budget,
        clock: Clock,
        ledger: PollLedger | None = None,
        periods: Mapping[str, timedelta] | None = None,
    ) -> None:
        self._name = name
        self._period = period
        self._periods = periods or {}
        self._schedule = schedule
        self._clock = clock
        self._refusals = 0
        self._is_asking = False
        self._is_running = False
        self._ask_at = 0.0
        self._woken: set[asyncio.Task[None]] = set()
        self._polls = tuple(
            _Poll(reader, figures, budget, clock, self._refuse, PollMemory(figures, ledger, clock))
            for reader, figures in readers
        )

    @property
    def name(self) -> str:
        """Return the key of the source in the configuration."""
        return self._name

    async def prepare(self) -> None:
        """Do nothing: others need nothing of this source."""

    async def is_there(self) -> bool:
        """Return True: an API is seen from everywhere, as far as anybody knows."""
        return True

    async def run(self) -> None:
        """Have every type of object polled until cancelled."""
        stops = [
            self._schedule(
                self._periods.get(poll.object, self._period),
                partial(self._fire, poll),
                f"{self.name}/{poll.object}",
            )
            for poll in self._polls
        ]
        self._is_running = True
        try:
            await asyncio.Event().wait()
        finally:
            self._is_running = False
            for stop in stops:
                stop()
            for task in tuple(self._woken):
                task.cancel()
            await asyncio.gather(*(poll.stop() for poll in self._polls))

    def wake(self) -> None:
        """Poll at once what rests after a refusal or a failure: somebody may have mended it.

        Runs on the event loop. A pause that the API asked for is kept.
        """
        if not self._is_running:
            return
        was_refused, self._ask_at = bool(self._refusals), 0.0
        for poll in self._polls:
            if poll.wake() or was_refused:
                task = asyncio.create_task(self._fire(poll), name=f"wake {poll.object}")
                self._woken.add(task)
                task.add_done_callback(self._woken.discard)

    async def _fire(self, poll: _Poll) -> None:
        if not self._refusals:
            await poll.fire()
        elif not self._is_asking and self._clock.monotonic() >= self._ask_at:
            await self._ask_again(poll)

    async def _ask_again(self, poll: _Poll) -> None:
        """Let one poll find out whether the token is taken again; the others wait for that."""
        before, self._is_asking = self._refusals, True
        try:
            has_asked = await poll.fire()
        finally:
            self._is_asking = False
        if has_asked and self._refusals == before:
            self._refusals = 0

    def _refuse(self, error: PollError) -> None:
        """Let the source rest: the token is refused. Other polls under way may say so as well."""
        if self._refusals and not self._is_asking:
            return
        doubled = UNAUTHORIZED_PAUSE * 2.0 ** min(self._refusals, 10)
        pause = min(doubled, LONGEST_UNAUTHORIZED)
        self._refusals += 1
        self._ask_at = self._clock.monotonic() + pause
        telemetry.report(SourceUnauthorized(self.name, str(error), again_in=pause))


class _Poll:
    """The polls of one type of object, one at a time."""

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
        await self._poll()
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
        figures.last_success_at, figures.budget_left = self._clock.now(), self._budget.left
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
        figures = self._figures
        figures.failures += 1
        figures.last_error, figures.last_error_at = error, self._clock.now()
        figures.budget_left = self._budget.left

    def _pause(self, at_least: float) -> float:
        """Let the next poll wait: longer after each failure, and never two alike."""
        self._failures += 1
        doubled = FIRST_PAUSE * 2.0 ** min(self._failures - 1, 10)
        pause = max(at_least, min(doubled, LONGEST_PAUSE)) * (1 + self._clock.dice() / 2)
        now = self._clock.monotonic()
        self._not_before, self._asked_until = now + pause, now + at_least
        return pause
