"""Events of polls: how reading one type of object from an API goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd.telemetry.events.event import Event

if TYPE_CHECKING:
    from webhookd.telemetry.figures import PollSummary


@dataclass(frozen=True, slots=True)
class SourcePolled(Event):
    """A poll read all there was to read: *read* records, in which *changes* were found."""

    poll: PollSummary
    changes: int
    read: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PollFailed(Event):
    """A poll came to nothing; what was read before stays. The next is in *again_in* seconds."""

    poll: PollSummary
    error: str
    again_in: float


@dataclass(frozen=True, slots=True)
class PollBroke(Event):
    """A bug of webhookd ended a poll."""

    source: str
    object: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class PollRecovered(Event):
    """The first poll went well after some that failed."""

    poll: PollSummary


@dataclass(frozen=True, slots=True)
class ObjectRefused(Event):
    """The token may not read a type of object; the others are read on."""

    poll: PollSummary
    error: str
    again_in: float


@dataclass(frozen=True, slots=True)
class SourceUnauthorized(Event):
    """The token is refused: nothing is read until it is taken; that is asked in *again_in* s."""

    source: str
    error: str
    again_in: float


@dataclass(frozen=True, slots=True)
class FirstReadProgressed(Event):
    """How far a long first read is."""

    poll: PollSummary
    read: int
    per_second: float


@dataclass(frozen=True, slots=True)
class FirstReadDone(Event):
    """Everything that was there has been read."""

    poll: PollSummary
    read: int
    seconds: float


@dataclass(frozen=True, slots=True)
class PropertiesMissing(Event):
    """The API does not have *properties* that the configuration or webhooks name."""

    source: str
    object: str
    properties: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PropertiesTakenOver(Event):
    """Known records were read again, for properties that are asked for the first time."""

    poll: PollSummary
    read: int


@dataclass(frozen=True, slots=True)
class RecordsLeftOut(Event):
    """Records cannot be understood and are left out: *count* of them, the first ids, a reason."""

    source: str
    object: str
    count: int
    record_ids: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ClocksDiffer(Event):
    """*compared* is ahead of this machine's clock by so many seconds, behind where negative."""

    source: str
    compared: str
    ahead_seconds: int


@dataclass(frozen=True, slots=True)
class WakeAccepted(Event):
    """Somebody who may said that *source* has news: it is polled soon."""

    source: str


@dataclass(frozen=True, slots=True)
class WakesRefused(Event):
    """Requests to wake *source* were refused, *count* since this was told last.

    *source* is None where none of that name may be woken; *reason* is of a closed set.
    """

    source: str | None
    reason: str
    why: str
    count: int


@dataclass(frozen=True, slots=True)
class BadRowsFound(Event):
    """Rows of a list cannot be taken: *count* of them, the first ids, a reason."""

    source: str
    object: str
    count: int
    record_ids: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class AbsenceSetAside(Event):
    """A whole list lacks *missing* of the *known* records: nothing is deleted for that."""

    source: str
    object: str
    missing: int
    known: int


@dataclass(frozen=True, slots=True)
class ListRefused(Event):
    """A *list* (by its name in the configuration) cannot be read now; its members stay members."""

    source: str
    object: str
    list: str
    error: str
    again_in: float


@dataclass(frozen=True, slots=True)
class AssociatedCut(Event):
    """Records are associated with more than *most* others: the first of them stand for all.

    *count* records carry too few under the *prefix*; the first ids are told.
    """

    source: str
    object: str
    prefix: str
    count: int
    record_ids: tuple[str, ...]
    most: int


@dataclass(frozen=True, slots=True)
class LabelMissing(Event):
    """No association can have the *label* that is asked for under *prefix*; *labels* are there."""

    source: str
    object: str
    prefix: str
    label: str
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OwnersStale(Event):
    """The list of owners cannot be read again: the one of before is used."""

    source: str
    error: str


@dataclass(frozen=True, slots=True)
class OwnerUnknown(Event):
    """A record names an owner whom the API does not know: what it would carry is not there."""

    source: str
    object: str
    owner_id: str


@dataclass(frozen=True, slots=True)
class ChangeTokenExpired(Event):
    """The token that changes were asked for with is none any more: the whole list is read again."""

    source: str
    object: str


@dataclass(frozen=True, slots=True)
class MoreUnread(Event):
    """A list is read without paging, and seems to have more than one page.

    *sign* says so in the answer; the page has so many *rows*, *is_full* where that is the limit.
    """

    source: str
    object: str
    sign: str | None
    rows: int
    is_full: bool
