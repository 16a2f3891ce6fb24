"""The words of the domain as frozen values.

A property's value is kept as its compact JSON text (`"Ada"` with its quotes, `1.10`, `true`,
`{"a":1}`), so that numbers stay exactly as the source wrote them and two values are equal when
their texts are. A property that is absent or null has no entry. `text_of` gives the form that
conditions and query parameters use.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, NoReturn, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

JsonText: TypeAlias = str
"""The compact JSON text of one value."""

Properties: TypeAlias = Mapping[str, JsonText]
"""The properties of a record that have a value, by name."""


def text_of(value: JsonText) -> str:
    """Return a property's value as plain text: strings without quotes, all else as its JSON."""
    if not value.startswith('"'):
        return value
    # Parsing costs ten times the rest, and a text without escapes needs none.
    return str(json.loads(value)) if "\\" in value else value[1:-1]


class Secret:
    """A resolved secret. It shows itself as `***` everywhere but in `reveal`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the secret itself: for the request that needs it, never for text."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(
            self._value.encode(), other._value.encode()
        )

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __reduce__(self) -> NoReturn:
        """Refuse pickling, which would write the secret out."""
        raise TypeError("a secret cannot be pickled")


class ChangeKind(StrEnum):
    """What happened to a record."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Asked:
    """Which properties a source asked for: others may have a value, and nobody knows.

    *instants* are those of them that are dates or times; *unwatched* those whose moving alone
    is no change.
    """

    names: frozenset[str]
    instants: frozenset[str] = frozenset()
    unwatched: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Observation:
    """One sighting of a record by a source: its state as the source gave it.

    *modified_at* is the source's own time of the last modification, where it has one.
    A *deleted* observation need not carry properties. A *partial* one carries some of them:
    those it lacks are as before, and *cleared* names those that have no value any more.
    *asked* is None when the source gives all it has. *occurred_at* is when the change happened,
    if that is not *modified_at*. A record that was not known is reported as *unknown_is*, and to
    nobody if that is None.
    """

    object: str
    record_id: str
    properties: Properties
    deleted: bool = False
    modified_at: datetime | None = None
    is_partial: bool = False
    cleared: frozenset[str] = frozenset()
    asked: Asked | None = None
    occurred_at: datetime | None = None
    unknown_is: ChangeKind | None = ChangeKind.CREATED


@dataclass(frozen=True, slots=True)
class KnownRecord:
    """The last state of a record that the outbox has; *deleted* makes it a tombstone."""

    properties: Properties
    modified_at: datetime | None = None
    deleted: bool = False
    asked: Asked | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One observed change of a record.

    *properties* are those now (of a deleted record: the last known); *previous* are all those
    before, None where nothing is known of it. *occurred_at* is the source's own time where it
    has one, else the time it was seen. *instants* are the properties that are dates or times.
    """

    kind: ChangeKind
    source: str
    object: str
    record_id: str
    properties: Properties
    previous: Properties | None
    occurred_at: datetime
    instants: frozenset[str] = frozenset()

    @property
    def changed(self) -> frozenset[str]:
        """Return the names of the properties whose value changed."""
        if self.previous is None:
            return frozenset(self.properties)
        before, now = self.previous, self.properties
        names = before.keys() | now.keys()
        return frozenset(name for name in names if before.get(name) != now.get(name))


@dataclass(frozen=True, slots=True)
class Rendered:
    """What is frozen of a request when its delivery is stored.

    *query* is the percent-encoded text of the parameters that come from the record, without
    a leading `?` or `&`; empty when there are none.
    """

    method: str
    body: bytes | None
    content_type: str | None
    query: str


class DeliveryState(StrEnum):
    """Where a delivery stands. `HELD` is how a pending one shows while its webhook is held."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    HELD = "held"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook's duty to report one change.

    *id* is the header `webhook-id`, the same in every attempt. *first_attempt_at* is None
    before the first attempt. *held_before* is how long its webhook had been held in all when
    the first attempt started, so that later holds move the time of giving up. *is_behind* says
    that an older delivery of its record must end first.
    """

    id: str
    webhook: str
    source: str
    object: str
    record_id: str
    change: ChangeKind
    rendered: Rendered
    created_at: datetime
    due_at: datetime
    attempts_made: int = 0
    first_attempt_at: datetime | None = None
    held_before: float = 0.0
    is_behind: bool = False


Reason: TypeAlias = Literal[
    "dns",
    "refused",
    "egress",
    "tls",
    "connect_timeout",
    "timeout",
    "reset",
    "protocol",
    "internal",
]
"""Why an attempt got no answer: a closed set, for logs, metrics and stored attempts."""


@dataclass(frozen=True, slots=True)
class Response:
    """What the receiver answered: enough of it to judge and to show.

    *answer* is the beginning of the body; *retry_after* the header's text as it came.
    """

    status: int
    retry_after: str | None = None
    answer: bytes = b""


@dataclass(frozen=True, slots=True)
class Unreachable:
    """No usable answer came, and why: *detail* is one sentence that helps."""

    reason: Reason
    detail: str


Reply: TypeAlias = Response | Unreachable


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver took it."""


@dataclass(frozen=True, slots=True)
class RetryAt:
    """Try again no sooner than *when*; *lane_paused_until* holds all of the webhook back."""

    when: datetime
    why: str
    lane_paused_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class GivenUp:
    """No attempt will follow by itself."""

    why: str


@dataclass(frozen=True, slots=True)
class Held:
    """The webhook is paused and its deliveries wait until it is changed or resumed."""

    why: str


Outcome: TypeAlias = Delivered | RetryAt | GivenUp | Held


@dataclass(frozen=True, slots=True)
class Attempt:
    """One HTTP request for a delivery, as it is remembered.

    *number* counts from 1, *seconds* is the length of the whole exchange; *status* is None when
    no answer came, *error* None when it was delivered. *answer* is the first 2 KiB of what the
    receiver said, secrets replaced. *config_hash* names the configuration in force.
    """

    number: int
    started_at: datetime
    seconds: float
    status: int | None
    error: str | None
    answer: str = field(repr=False)
    config_hash: str


@dataclass(frozen=True, slots=True)
class Settlement:
    """An attempt that ended, and what it led to.

    *epoch* is the lane's when it ended; *is_paced* says that a rate limit counted its start.
    *kind* says what came back, from a closed set: a `Reason`, or the status as `2xx`, `5xx`.
    """

    delivery: Delivery
    lane: int
    epoch: int
    attempt: Attempt
    outcome: Outcome
    first_attempt_at: datetime
    held_before: float
    ended_at: datetime
    is_paced: bool = False
    kind: str = ""


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row of a file that could not be taken, by its place (both from 1), and why."""

    line: int
    column: int
    reason: str


class SnapshotPhase(StrEnum):
    """What is done with a snapshot: its rows are counted, then taken; then the rest is deleted."""

    COUNTING = "counting"
    TAKING = "taking"
    DELETING = "deleting"


@dataclass(frozen=True, slots=True)
class SnapshotCursor:
    """How far a snapshot is, beside the rows read in its *phase*.

    *rows_counted* are all rows of the file, known once they are counted. *place* is the id up
    to which known records were looked at for *deletions*.
    """

    phase: SnapshotPhase = SnapshotPhase.COUNTING
    rows_counted: int = 0
    place: str = ""
    deletions: int = 0


@dataclass(frozen=True, slots=True)
class CountedRow:
    """A good row of a snapshot as it is counted: whose, what (as a digest), and where.

    *number* counts the file's rows from 1, bad ones included.
    """

    record_id: str
    digest: bytes
    number: int
    line: int


@dataclass(frozen=True, slots=True)
class MissingRecords:
    """Known records that a snapshot lacks, found up to the id *place*.

    *known* counts those looked at that are not deleted.
    """

    record_ids: tuple[str, ...]
    known: int
    place: str
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a file is read, and when its end is expected, where that can be told."""

    rows_per_second: float
    ends_at: datetime | None


@dataclass(frozen=True, slots=True)
class FileProgress:
    """How far a claimed file has been taken once this batch is committed.

    *claim* is the unique folder the file was claimed into. *rows_taken* counts all rows read
    so far, bad ones included: a restart reads over that many. *bad_rows* are those of this
    batch. *is_finished* says that nothing is left to take. *snapshot* is None for a file of
    records.
    """

    source: str
    claim: str
    name: str
    rows_taken: int
    bad_rows: tuple[BadRow, ...] = ()
    is_finished: bool = False
    snapshot: SnapshotCursor | None = None
    pace: Pace | None = None


@dataclass(frozen=True, slots=True)
class PollProgress:
    """How far a type of object has been read from an API once this batch is committed.

    *cursor* is JSON that only its source understands. *archived* are ids that were met in the
    archive, in the pass *archive_pass* over it; *unarchived* are those that left it.
    """

    source: str
    object: str
    cursor: JsonText
    archive_pass: int = 0
    archived: tuple[str, ...] = ()
    unarchived: tuple[str, ...] = ()


Progress: TypeAlias = FileProgress | PollProgress


@dataclass(frozen=True, slots=True)
class ClaimedFile:
    """A claimed file as the database knows it.

    *openings* counts how often it was opened since its last progress: a file that
    crashed the daemon each time is set aside unopened. *bad_count* counts its bad rows.
    *snapshot* is None for a file of records.
    """

    source: str
    claim: str
    name: str
    rows_taken: int = 0
    bad_count: int = 0
    openings: int = 0
    is_finished: bool = False
    snapshot: SnapshotCursor | None = None

    def progress(self, bad_rows: tuple[BadRow, ...] = (), pace: Pace | None = None) -> FileProgress:
        """Return what makes the database know the file as it is here."""
        return FileProgress(
            self.source,
            self.claim,
            self.name,
            rows_taken=self.rows_taken,
            bad_rows=bad_rows,
            is_finished=self.is_finished,
            snapshot=self.snapshot,
            pace=pace,
        )


@dataclass(frozen=True, slots=True)
class Batch:
    """What a source hands over at once: taken whole, in one transaction with its *progress*.

    *as_known* takes the records as already known: stored, and reported to nobody.
    """

    source: str
    observations: tuple[Observation, ...]
    progress: Progress
    as_known: bool = False


ReloadOutcome: TypeAlias = Literal["loaded", "reloaded", "unchanged", "rejected"]


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """What came of reading a configuration; *config_hash* is of the one in force now."""

    outcome: ReloadOutcome
    at: datetime
    config_hash: str
    problems: tuple[str, ...] = ()

    @property
    def is_in_force(self) -> bool:
        """Return whether what was read is what runs."""
        return self.outcome != "rejected"
