"""What comes next in a sweep, and which sweep is due: pure decisions.

A sweep reads what was modified at a time or later, oldest first. While it goes on records change
and move to its end, so it never counts pages: it goes on from the newest time it saw, and meets the
records of that instant again, which does no harm. Where one instant fills a page, its records are
read in the order of their ids.

A sweep ends where the search has no more, whatever any clock says: a page that is not full is soon
met, since a page takes a fraction of a second.

The index lags: what was modified at a time may be found only later. So sweeps begin behind what
the last one saw: by `overlap` at every poll, by an hour now and then. Where such a sweep is long,
it is made only as often as leaves three quarters of the time to fresh ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from webhookd.sources.hubspot.cursor import Reach, Sweep
from webhookd.sources.polling.refusals import nonsense

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import timedelta

HOUR_MS: Final = 3_600_000
FRESH_MS: Final = 15_000
_LONGEST_NUMBER: Final = 500
"""Digits: Python refuses to make numbers of thousands of them."""
_HOUR_SWEEP_EVERY: Final = 1200.0
_REST_FACTOR: Final = 3.0


def behind(overlap: timedelta) -> dict[Reach, int]:
    """Return how many milliseconds behind its own beginning each sweep is surely whole."""
    by_overlap = int(overlap.total_seconds() * 1000)
    return {
        Reach.HOUR: max(HOUR_MS, by_overlap),
        Reach.OVERLAP: by_overlap,
        Reach.FRESH: min(FRESH_MS, by_overlap),
    }


def following(sweep: Sweep, places: Sequence[tuple[int, str]], *, has_more: bool) -> Sweep | None:
    """Return *sweep* as it goes on after a page with *places* (times and ids), None at its end."""
    if sweep.last_id is not None:
        return _within_instant(sweep, places, has_more=has_more)
    sane = [at for at, _ in places if at >= sweep.at]
    if not has_more:
        return None
    if places and not sane:
        raise nonsense("a search gives records from before the time that was asked for")
    if not sane:
        raise nonsense("a search gives nothing and says that there is more")
    newest = _trusted(sane)
    if newest == sweep.at:
        return replace(sweep, last_id="")
    return replace(sweep, at=newest)


def _within_instant(
    sweep: Sweep, places: Sequence[tuple[int, str]], *, has_more: bool
) -> Sweep | None:
    if not has_more:
        return replace(sweep, at=sweep.at + 1, last_id=None)
    if places and all(at != sweep.at for at, _ in places):
        raise nonsense("a search gives records of another time than was asked for")
    last = _trusted_id([id_ for _, id_ in places]) if places else sweep.last_id
    if last == sweep.last_id:
        raise nonsense("a search by id does not go on")
    return replace(sweep, last_id=last)


def _trusted(times: Sequence[int]) -> int:
    """Return the time to go on from after a page whose records have *times*.

    A page is in the order of its times. One record whose time is not what the index has must not
    lead past others: a time that a later record's is before counts for nothing, and of the rest
    the last but one, which costs that the last record is read again.
    """
    ascending: list[int] = []
    least = times[-1]
    for at in reversed(times):
        if at <= least:
            least = at
            ascending.append(at)
    return ascending[min(1, len(ascending) - 1)]


def _trusted_id(ids: Sequence[str]) -> str:
    """Return the id to go on behind, by the same rule, where ids are numbers.

    One that is none would be refused as the place to go on from, at every poll.
    """
    numbers = [id_ for id_ in ids if id_.isascii() and id_.isdigit()]
    if not numbers:
        return ids[-1]
    by_number = {int(id_[:_LONGEST_NUMBER]): id_ for id_ in numbers}
    return by_number[_trusted([int(id_[:_LONGEST_NUMBER]) for id_ in numbers])]


@dataclass(slots=True)
class Timetable:
    """When each sweep may be made next, on a clock that never jumps; at first, all may."""

    next: dict[Reach, float] = field(default_factory=lambda: dict.fromkeys(Reach, 0.0))

    def due(self, now: float) -> Reach:
        """Return the farthest reach that is due."""
        return next((reach for reach in Reach if self.next[reach] <= now), Reach.FRESH)

    def done(self, reach: Reach, *, seconds: float, now: float) -> None:
        """Note that a sweep ended that took so long; it did what nearer ones do."""
        for one in list(Reach)[list(Reach).index(reach) :]:
            period = _HOUR_SWEEP_EVERY if one is Reach.HOUR else 0.0
            rest = _REST_FACTOR * seconds if one is reach and one is not Reach.FRESH else 0.0
            self.next[one] = max(self.next[one], now + max(period, rest))
