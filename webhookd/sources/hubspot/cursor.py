"""How far a type of object has been read: all that a restart needs to go on.

Times are milliseconds since 1970, as the API filters by them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import orjson

from webhookd.sources.source import ReadTo, SetAside

if TYPE_CHECKING:
    from webhookd.model import JsonText


class Reach(StrEnum):
    """How far behind now a sweep begins, the farthest first; each does what nearer ones do."""

    HOUR = "hour"
    OVERLAP = "overlap"
    FRESH = "fresh"


@dataclass(frozen=True, slots=True)
class Sweep:
    """A search that is under way for what was modified, in the order of the times.

    It began when HubSpot's time was *began* at least (None where no record told it) and goes on
    with what was modified at *at* or later. *last_id* is set while the records of that one instant
    are read in the order of their ids: it is the last of those that were, empty before the first.
    """

    reach: Reach
    at: int
    began: int | None = None
    last_id: str | None = None


CIRCLE: Final = "circle"
"""The status of a list whose pages lead back to one that was read."""

NOWHERE: Final = frozenset({"400", "410", "422", CIRCLE})
"""Statuses of a page that leads no further: its pass begins anew, or it would be asked for ever."""


@dataclass(frozen=True, slots=True)
class ListPass:
    """A pass over the archive, or over the whole list; *after* leads to its next page.

    *mark* is what led to an earlier page, of which there is one for each power of two of *pages*:
    where pages lead in a circle, however long, the mark is met again (Brent, "An improved Monte
    Carlo factorization algorithm", 1980, section 3).
    """

    number: int
    after: str | None = None
    pages: int = 0
    mark: str | None = None

    def at(self, after: str) -> ListPass:
        """Return the pass one page on."""
        pages = self.pages + 1
        mark = after if pages.bit_count() == 1 else self.mark
        return ListPass(self.number, after, pages, mark)

    def was_met(self, after: str | None) -> bool:
        """Return whether a page that is told to come next was met before: they lead in a circle."""
        return after is not None and after in {self.mark, self.after}

    def is_dead(self, status: str) -> bool:
        """Return whether the pass has to begin anew, where its next page is refused with *status*.

        Its place is none any more, or the pages lead in a circle.
        """
        return self.after is not None and status in NOWHERE


@dataclass(frozen=True, slots=True)
class Absence:
    """What the whole list lacks: the pass over it that is under way, or was the last one.

    It began at *began*, when an answer's `Date` was *dated*. *listing* is where it is, and None
    once all of the list is read; *met* counts its ids. Then known records that it lacks are looked
    at, up to the id *checked*; *is_over* says that this is done, and that what it met may be
    forgotten. *set_aside* is what nobody believed.
    """

    number: int
    began: int
    listing: ListPass | None = None
    met: int = 0
    checked: str = ""
    is_over: bool = False
    set_aside: SetAside | None = None
    dated: int = 0


@dataclass(frozen=True, slots=True)
class CatchUp:
    """Records are read again for properties that are asked for the first time, up to an id."""

    after: str = ""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far one type of object has been read.

    Everything modified before *marks[reach]* has been read no sooner than *reach* behind its
    modification. *since* is when reading began, or what `start` says. *listing* is None once the
    first read is over, else what leads to its next page. *asked* names, by a digest, the
    properties that all known records have been read with. *passes* counts those over the archive.
    *takeover* is the catch-up that is under way; stored cursors have it under this name. *absence*
    is None where nobody ever asked what the list lacks.
    """

    since: int
    marks: dict[Reach, int]
    listing: str | None = None
    sweep: Sweep | None = None
    archive: ListPass | None = None
    passes: int = 0
    asked: str = ""
    takeover: CatchUp | None = None
    absence: Absence | None = None

    @property
    def read_to(self) -> datetime:
        """Return the time up to which all that was modified has been read, but for stragglers."""
        return datetime.fromtimestamp(self.marks[Reach.FRESH] / 1000, UTC)

    def text(self) -> JsonText:
        """Return the cursor as it is stored."""
        stored = asdict(self)
        # Versions that do not know it work on cursors that have none.
        if self.absence is None:
            del stored["absence"]
        return orjson.dumps(stored, option=orjson.OPT_NON_STR_KEYS).decode()

    def listed(self, newest: int, mark: int) -> Cursor:
        """Return the cursor after the first read, which met records modified up to *newest*.

        Sweeps begin at *mark* at the latest.
        """
        since = min(self.since, newest)
        marks = {reach: min(one, mark) for reach, one in self.marks.items()}
        return replace(self, since=since, marks=marks)

    def swept(self, sweep: Sweep, behind: dict[Reach, int]) -> Cursor:
        """Return the cursor after *sweep*, which has read everything up to its beginning."""
        began = sweep.at if sweep.began is None else sweep.began
        done = list(Reach)[list(Reach).index(sweep.reach) :]
        marks = {
            reach: max(mark, began - behind[reach]) if reach in done else mark
            for reach, mark in self.marks.items()
        }
        return replace(self, marks=marks, sweep=None)


def beginning(since: int, *, listing: str | None, mark: int | None = None) -> Cursor:
    """Return the cursor of a type of object that was never read.

    Sweeps begin at *mark*, at *since* where it is None.
    """
    return Cursor(since, dict.fromkeys(Reach, since if mark is None else mark), listing)


def described(text: JsonText) -> ReadTo | None:
    """Return what the cursor *text* says for people; None when it is not one of HubSpot's."""
    try:
        cursor = parsed(text)
        return ReadTo(cursor.read_to, is_first_read=cursor.listing is not None)
    except (AttributeError, KeyError, OSError, OverflowError, TypeError, ValueError):
        # `sources list` shows whatever is in the database, and that may be anything.
        return None


def parsed(text: JsonText) -> Cursor:
    """Return the cursor that *text* is."""
    stored = orjson.loads(text)
    sweep, archive, takeover = (stored.pop(key) for key in ("sweep", "archive", "takeover"))
    absence = stored.pop("absence", None)
    marks = {Reach(reach): mark for reach, mark in stored.pop("marks").items()}
    return Cursor(
        **stored,
        marks=marks,
        sweep=sweep and Sweep(**{**sweep, "reach": Reach(sweep["reach"])}),
        archive=archive and ListPass(**archive),
        absence=absence and _absence(absence),
        takeover=takeover and CatchUp(**takeover),
    )


def aside(text: JsonText) -> SetAside | None:
    """Return the absences that the cursor *text* has set aside; None of another kind's."""
    try:
        absence = parsed(text).absence
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
    return None if absence is None else absence.set_aside


def _absence(stored: dict[str, Any]) -> Absence:
    listing, aside_ = stored["listing"], stored["set_aside"]
    known = {
        "listing": listing and ListPass(**listing),
        "set_aside": aside_ and SetAside(**aside_),
    }
    return Absence(**{**stored, **known})
