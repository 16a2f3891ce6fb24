"""The files that wait in `new/` or `accepted/`: since when each is as it is now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from webhookd.sources.directory.completeness import is_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from webhookd.sources.directory.completeness import FileSigns

_WARN_AFTER: Final = 0.5
"""Seconds; sooner, a file's move may just not have been heard of yet."""


@dataclass(slots=True)
class _Waiting:
    size: int
    modified: int
    noticed_at: float
    still_since: float
    has_grown: bool = False
    is_warned_of: bool = False


class WaitingFiles:
    """Remembers the files that were left in one folder, and why."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._waiting: dict[str, _Waiting] = {}
        self._ignored: set[str] = set()

    @property
    def has_growing(self) -> bool:
        """Return whether a file is waited for."""
        return bool(self._waiting)

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

    def is_whole(self, name: str, seen: FileSigns, *, was_moved_in: bool, now: int) -> bool:
        """Return whether the file can be taken; if not, it is waited for."""
        moment = self._monotonic()
        state = self._waiting.get(name)
        if state is None:
            state = self._waiting[name] = _Waiting(seen.size, seen.modified, moment, moment)
        elif (state.size, state.modified) != (seen.size, seen.modified):
            state.size, state.modified, state.still_since = seen.size, seen.modified, moment
            state.has_grown = True
        state.has_grown |= seen.is_being_written
        still_for = moment - state.still_since
        if not is_whole(seen, was_moved_in=was_moved_in, still_for=still_for, now=now):
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
