"""The files that wait in `new/` or `accepted/`: since when each is as it is now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from webhookd.sources.directory.arrivals.completeness import Writer, is_whole
from webhookd.sources.directory.arrivals.inotify import Arrival

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from webhookd.sources.directory.arrivals.completeness import FileSigns

_LOOK_AFTER: Final = 0.2
_LOOK_SELDOM_AFTER: Final = 1.0
_SOON: Final = 20.0
"""Seconds; a file that was left for longer is looked at seldom. Its end wakes the source anyway."""

_WARN_AFTER: Final = 0.5
"""Seconds; sooner, a file's move may just not have been heard of yet."""


@dataclass(slots=True)
class _Waiting:
    seen: tuple[int, int, Arrival]
    noticed_at: float
    still_since: float
    has_grown: bool = False
    is_warned_of: bool = False


class WaitingFiles:
    """Remembers the files that were left in one folder, and why."""

    def __init__(self, monotonic: Callable[[], float], settle: float) -> None:
        self._monotonic = monotonic
        self._settle = settle
        self._waiting: dict[str, _Waiting] = {}
        self._ignored: set[str] = set()

    @property
    def look_after(self) -> float | None:
        """Return after how many seconds to look again; None when no file is waited for."""
        if not self._waiting:
            return None
        since = max(state.still_since for state in self._waiting.values())
        is_soon = self._monotonic() - since < self._settle + _SOON
        return _LOOK_AFTER if is_soon else _LOOK_SELDOM_AFTER

    def keep(self, names: Iterable[str]) -> None:
        """Forget all files but *names*."""
        kept = set(names)
        self._ignored &= kept
        for name in self._waiting.keys() - kept:
            del self._waiting[name]

    def is_newly_ignored(self, name: str) -> bool:
        """Return whether *name* is left alone for the first time since it is there."""
        is_new = name not in self._ignored
        self._ignored.add(name)
        return is_new

    def is_whole(
        self,
        name: str,
        seen: FileSigns,
        arrival: Arrival,
        *,
        was_there: bool,
        is_opened: bool = False,
        now: int,
    ) -> bool:
        """Return whether the file can be taken; if not, it is waited for."""
        moment = self._monotonic()
        looks = (seen.size, seen.modified, arrival)
        state = self._waiting.get(name)
        if state is None:
            state = self._waiting[name] = _Waiting(looks, moment, moment)
        elif state.seen != looks:
            state.seen, state.still_since = looks, moment
            state.has_grown = True
        state.has_grown |= _is_being_written(seen, arrival)
        if not is_whole(
            seen,
            arrival,
            was_there=was_there,
            is_opened=is_opened,
            still_for=moment - state.still_since,
            settle=self._settle,
            now=now,
        ):
            return False
        del self._waiting[name]
        return True

    def is_in_doubt(self, name: str) -> bool:
        """Return whether the file is waited for, but was never seen to be written."""
        state = self._waiting.get(name)
        return state is not None and not state.has_grown

    def is_first_warning(self, name: str) -> bool:
        """Return whether it is time to warn of a growing file, once."""
        state = self._waiting.get(name)
        if state is None or state.is_warned_of:
            return False
        state.is_warned_of = self._monotonic() - state.noticed_at >= _WARN_AFTER
        return state.is_warned_of


def _is_being_written(seen: FileSigns, arrival: Arrival) -> bool:
    """Return whether there is more to it than that nobody knows yet."""
    if seen.writer is Writer.SURELY_NOT:
        return False
    is_open = arrival is Arrival.WRITTEN or (arrival is Arrival.CREATED and not seen.size)
    return is_open or seen.writer is Writer.SURELY
