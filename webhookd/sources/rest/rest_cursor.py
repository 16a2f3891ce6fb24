"""How far a type of object has been read: all that a restart needs to go on.

Times are microseconds since 1970.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

import orjson

from webhookd.rules.time_forms import instant
from webhookd.sources.rest.detection.one_instant import Backwards
from webhookd.sources.source import ReadTo, SetAside

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.model import JsonText

VERSION: Final = 1
MOST_PAGES: Final = 100_000
"""Pages of one list; more are taken for a circle."""

MOST_EMPTY: Final = 100
"""Empty pages in a row."""


@dataclass(frozen=True, slots=True)
class Place:
    """What leads to a page: its *number* from 0, the rows before it, or a cursor or link.

    *mark* is what led to an earlier page, of which there is one for each power of two of *number*:
    where pages lead in a circle, however long, the mark is met again (Brent, "An improved Monte
    Carlo factorization algorithm", 1980, section 3). *empty* counts empty pages in a row.
    """

    number: int = 0
    offset: int = 0
    next: str | None = None
    mark: str | None = None
    empty: int = 0

    def following(self, rows: int, leads_on: str | None = None) -> Place:
        """Return the place behind a page of so many *rows*; *leads_on* is a cursor or link."""
        number = self.number + 1
        mark = leads_on if number.bit_count() == 1 else self.mark
        empty = 0 if rows else self.empty + 1
        return Place(number, self.offset + rows, leads_on, mark, empty)


START: Final = Place()
"""The first page."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """A reading that is under way of what was modified at *at* or later.

    It began when the API's time was *began*. *newest* is the newest time met that is not later.
    *place* is where it is within one request's pages; *tied* is the last id that was read of the
    one instant *at*, empty before the first, None where records are not read by their ids;
    *inside* is how far that instant is read where its pages are read backwards.
    """

    at: int
    began: int
    newest: int | None = None
    place: Place = START
    tied: str | None = None
    inside: Backwards | None = None


@dataclass(frozen=True, slots=True)
class Validator:
    """What the answer to a *request* (a digest) said of the list, seen *at* the daemon's time."""

    request: str
    value: str
    at: int


@dataclass(frozen=True, slots=True)
class Walk:
    """A reading that is under way of what changed since a token.

    It began when the API's time was *began*. *found* is the token to ask with next, as far as pages
    had one.
    """

    began: int = 0
    place: Place = START
    found: str | None = None


@dataclass(frozen=True, slots=True)
class Pass:
    """A reading of the whole list that is under way, the *number*th.

    *stage* `deciding`: all of it is read, and what it lacks is looked at, up to the id *checked*;
    `over`: what it met is forgotten.
    *bad* are the ids of its bad rows; *has_nameless* says that there were some without an id.
    *is_noted*: what it met is noted, so that it can be told what it lacks. *validator* is what all
    of its pages said of the list, None where they differed.
    """

    number: int
    began: int
    place: Place = START
    stage: Literal["listing", "deciding", "over"] = "listing"
    checked: str = ""
    rows: int = 0
    bad: tuple[str, ...] = ()
    has_nameless: bool = False
    is_noted: bool = True
    validator: str | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far one type of object has been read.

    *since* is when reading began, or what `start` says. *mark* is where the next sweep begins,
    None before the first has met a record; *sample* is a time as records have it. *is_first* says
    that the first read is not over, *is_again* that it is a later one since the *definition* (a
    digest) is another. *proved* is the definition for which all proofs held. *short* is how many
    rows a page was seen to have that was the last one.

    *listing* is the pass under way; *passes* counts those that are over, *listed* is when the last
    of them was; *absent* is the claim of what it lacked. *bad* counts in how many passes in turn an
    id had a bad row. *gone_mark* is how far the list of deleted records was read.

    *token* is what the API gave to ask with for what changed; None: the whole list is to be read.
    *walk* is the reading under way of either. *is_owed*: a pass could not tell of all that it lacks
    whether that is gone. *validator* is what the list said of itself that was read last.
    *swept* is when the last sweep began that is over.
    """

    since: int
    definition: str = ""
    mark: int | None = None
    sample: str | None = None
    is_first: bool = True
    is_again: bool = False
    proved: str = ""
    short: int = 0
    sweep: Sweep | None = None
    listing: Pass | None = None
    passes: int = 0
    listed: int | None = None
    absent: str | None = None
    set_aside: SetAside | None = None
    bad: Mapping[str, int] = field(default_factory=dict)
    gone_mark: int | None = None
    token: str | None = None
    walk: Walk | None = None
    is_owed: bool = False
    validator: Validator | None = None
    swept: int = 0

    def text(self) -> JsonText:
        """Return the cursor as it is stored."""
        return orjson.dumps({"rest": VERSION, **asdict(self)}).decode()

    def anew(self, definition: str) -> Cursor:
        """Return the cursor of an object that is read whole once more: it is defined otherwise."""
        return replace(
            self,
            definition=definition,
            mark=None,
            sample=None,
            is_first=True,
            is_again=True,
            sweep=None,
            # What an abandoned pass met is forgotten when the next one begins.
            listing=None,
            passes=self.passes if self.listing is None else self.listing.number,
            proved="",
            short=0,
            token=None,
            walk=None,
            validator=None,
            swept=0,
        )

    def restarted(self) -> Cursor:
        """Return the cursor of an object whose token is none any more: it is read whole."""
        listing = self.listing
        passes = self.passes if listing is None else listing.number
        # With a token the first read was over, even if a crash kept that from being noted.
        return replace(self, token=None, walk=None, listing=None, passes=passes, is_first=False)


def described(text: JsonText) -> ReadTo | None:
    """Return what the cursor *text* says for people; None when it is not one of a REST API."""
    try:
        cursor = parsed(text)
        return ReadTo(
            instant(cursor.listed if cursor.mark is None else cursor.mark),
            is_first_read=cursor.is_first,
        )
    except (AttributeError, KeyError, OverflowError, TypeError, ValueError):
        # `sources list` shows whatever is in the database, and that may be anything.
        return None


def aside(text: JsonText) -> SetAside | None:
    """Return the absences that the cursor *text* has set aside; None of another kind's."""
    try:
        return parsed(text).set_aside
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def parsed(text: JsonText) -> Cursor:
    """Return the cursor that *text* is; ValueError where another version wrote it."""
    stored = orjson.loads(text)
    if stored.pop("rest") != VERSION:
        raise ValueError("a cursor of another version")
    sweep, listing, aside = (stored.pop(key) for key in ("sweep", "listing", "set_aside"))
    walk, validator = stored.pop("walk", None), stored.pop("validator", None)
    return Cursor(
        **stored,
        sweep=sweep and _sweep(sweep),
        listing=listing
        and Pass(**{**listing, "place": Place(**listing["place"]), "bad": tuple(listing["bad"])}),
        set_aside=aside and SetAside(**aside),
        walk=walk and Walk(**{**walk, "place": Place(**walk["place"])}),
        validator=validator and Validator(**validator),
    )


def _sweep(stored: dict[str, Any]) -> Sweep:
    inside = stored.get("inside")
    told = {**stored, "place": Place(**stored["place"])}
    return Sweep(**{**told, "inside": inside and Backwards(**inside)})
