"""A source that polls: a job for each type of object, and what a failure of one means.

A poll that fails costs a line in the log and a pause that grows; what was read before it stays
committed, and the next one goes on from there. A refused type of object rests alone; with a refused
token the whole source rests, and one poll asks again from time to time. `wake` ends such rests.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.sources.polling.hinted_polls import HintedPolls
from webhookd.sources.polling.object_polls import ObjectPolls, Reader
from webhookd.sources.polling.poll_memory import PollMemory
from webhookd.telemetry.events import SourceUnauthorized

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import timedelta

    from webhookd.clock import Clock
    from webhookd.sources.polling.refusals import PollError
    from webhookd.sources.polling.request_budget import Budget
    from webhookd.sources.source import PollLedger, Schedule
    from webhookd.telemetry.figures import PollFigures

UNAUTHORIZED_PAUSE: Final = 60.0
"""Seconds until a token that was refused is tried again; each further refusal doubles them."""

LONGEST_UNAUTHORIZED: Final = 900.0
"""Seconds: a token that is right again is noticed within a quarter of an hour."""


class Poller:
    """Has every type of object of the source *name* read, each by a reader of its own.

    *schedule* runs a poll every *period*. *figures* of a reader are what `status` shows of it; the
    *ledger* keeps what of that a restart must not lose. *periods* are those of types of objects
    that have one of their own. Polls that are hinted at keep to *requests_per_second*. *wake_parts*
    ends the rests of what readers let rest by itself.
    """

    def __init__(  # noqa: PLR0913 - the parts that polls are joined to
        self,
        name: str,
        period: timedelta,
        readers: Iterable[tuple[Reader, PollFigures]],
        *,
        schedule: Schedule,
        budget: Budget,
        clock: Clock,
        ledger: PollLedger | None = None,
        requests_per_second: float = 1.0,
        periods: Mapping[str, timedelta] | None = None,
        wake_parts: Callable[[], None] = lambda: None,
    ) -> None:
        self._name = name
        self._period = period
        self._periods = periods or {}
        self._schedule = schedule
        self._clock = clock
        self._wake_parts = wake_parts
        self._refusals = 0
        self._is_asking = False
        self._is_running = False
        self._ask_at = 0.0
        self._woken: set[asyncio.Task[None]] = set()
        self._polls = tuple(
            ObjectPolls(
                reader, figures, budget, clock, self._refuse, PollMemory(figures, ledger, clock)
            )
            for reader, figures in readers
        )
        self._hinted = HintedPolls(
            self._fire, self._rest, len(self._polls) / requests_per_second, clock
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
        following = [asyncio.create_task(self._hinted.follow(poll)) for poll in self._polls]
        self._is_running = True
        try:
            await asyncio.Event().wait()
        finally:
            self._is_running = False
            for task in following:
                task.cancel()
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
        self._wake_parts()
        was_refused, self._ask_at = bool(self._refusals), 0.0
        for poll in self._polls:
            if poll.wake() or was_refused:
                task = asyncio.create_task(self._fire(poll), name=f"wake {poll.object}")
                self._woken.add(task)
                task.add_done_callback(self._woken.discard)

    def hint(self) -> bool:
        """Have every type of object polled soon, if the source is read here; return whether it is.

        Runs on the event loop. What rests goes on resting, and is polled behind that.
        """
        if self._is_running:
            for poll in self._polls:
                poll.hint.set()
        return self._is_running

    def _rest(self, poll: ObjectPolls) -> float:
        """Return for how many seconds *poll* is not to be begun."""
        asked_in = self._ask_at - self._clock.monotonic() if self._refusals else 0.0
        return max(poll.rest, asked_in)

    async def _fire(self, poll: ObjectPolls) -> None:
        if not self._refusals:
            await poll.fire()
        elif not self._is_asking and self._clock.monotonic() >= self._ask_at:
            await self._ask_again(poll)

    async def _ask_again(self, poll: ObjectPolls) -> None:
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
