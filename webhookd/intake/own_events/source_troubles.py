"""Sources that cannot be read for a while, and can again, from what is reported of them.

    trouble is reported ─► begun ──── for `FAILED_SECONDS` ────► told as failed
                             │                                        │
                             └─ a poll went well, the folder is there ┴─► told as recovered, if told

A source has several troubles at a time, one for each type of object that it polls. What is not
reported again although it would be by now has ended: the source goes on, or another daemon reads
it. Everything runs on the event loop.
"""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from webhookd import clock
from webhookd.telemetry.events import (
    Event,
    ObjectRefused,
    PollFailed,
    SourceFailed,
    SourcePolled,
    SourceRecovered,
    SourceUnauthorized,
    SourceUnreadable,
)

if TYPE_CHECKING:
    from collections.abc import Callable

FAILED_SECONDS: Final = 300.0
"""How long a source cannot be read before that is told: shorter troubles mend themselves."""

SLACK_SECONDS: Final = 60.0
"""How much later than announced a source may be tried again: polls wait for others, too."""

REPORTED: Final = (
    *(ObjectRefused, PollFailed, SourceFailed, SourcePolled),
    *(SourceRecovered, SourceUnauthorized, SourceUnreadable),
)
"""What says how a source does."""

_RUN: Final = "run"
_FOLDER: Final = "folder"
_TOKEN: Final = "token"  # noqa: S105 - the name of a trouble


@dataclass(slots=True)
class _Trouble:
    """Since when something of a source does not work, why, and by when it would be said again."""

    since: float
    reason: str
    until: float


@dataclass(slots=True)
class _Troubled:
    """A source's troubles by what they are with; *told* is the reason that was told of them."""

    troubles: dict[str, _Trouble] = field(default_factory=dict)
    told: str | None = None


class SourceTroubles:
    """Calls *failed* and *recovered* with a source and a reason.

    *seconds* and *slack*: see `FAILED_SECONDS` and `SLACK_SECONDS`.
    """

    def __init__(
        self,
        failed: Callable[[str, str], None],
        recovered: Callable[[str, str], None],
        *,
        seconds: float = FAILED_SECONDS,
        slack: float = SLACK_SECONDS,
        monotonic: Callable[[], float] = clock.monotonic,
    ) -> None:
        self._failed = failed
        self._recovered = recovered
        self._seconds = seconds
        self._slack = slack
        self._monotonic = monotonic
        self._sources: dict[str, _Troubled] = {}
        self._timer: asyncio.TimerHandle | None = None

    def note(self, event: Event) -> None:
        """Take note of what was reported."""
        match event:
            case SourceFailed(source=source, error=error, again_in=again):
                self._begin(source, _RUN, error, again)
            case SourceUnreadable(source=source, reason=reason):
                self._begin(source, _FOLDER, reason, math.inf)
            case SourceUnauthorized(source=source, error=error, again_in=again):
                self._begin(source, _TOKEN, error, again)
            case (
                PollFailed(poll=poll, error=error, again_in=again)
                | ObjectRefused(poll=poll, error=error, again_in=again)
            ):
                self._begin(poll.source, f"{poll.object}: ", f"{poll.object}: {error}", again)
            case SourceRecovered(source=source):
                self._end(source, _FOLDER)
            case SourcePolled(poll=poll):
                self._end(poll.source, f"{poll.object}: ", _TOKEN, _RUN)
            case _:
                pass

    def stop(self) -> None:
        """Look at nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self, source: str, what: str, reason: str, again_in: float) -> None:
        now = self._monotonic()
        troubles = self._sources.setdefault(source, _Troubled()).troubles
        trouble = troubles.setdefault(what, _Trouble(now, reason, now))
        trouble.reason, trouble.until = reason, now + again_in + self._slack
        self._look_later()

    def _end(self, source: str, *what: str) -> None:
        troubled = self._sources.get(source)
        if troubled is None:
            return
        for one in what:
            troubled.troubles.pop(one, None)
        if not troubled.troubles:
            del self._sources[source]
            if troubled.told is not None:
                self._recovered(source, troubled.told)

    def _look_later(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(min(self._seconds / 10, self._slack), self._look)

    def _look(self) -> None:
        self._timer, now = None, self._monotonic()
        for source, troubled in tuple(self._sources.items()):
            self._end(source, *[one for one, it in troubled.troubles.items() if now > it.until])
            old = [it for it in troubled.troubles.values() if now - it.since >= self._seconds]
            if old and troubled.told is None:
                troubled.told = min(old, key=lambda it: it.since).reason
                self._failed(source, troubled.told)
        if self._sources:
            self._look_later()
