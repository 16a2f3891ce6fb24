"""What a source is, and what it needs from the rest of the daemon.

A new kind of source implements `Source`. It hands what it read to `Ingest`, one batch at a time,
and says what happened through `Report`; a source of files remembers them in a `FileLedger`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias

from webhookd.model import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from webhookd.model import (
        BadRow,
        ClaimedFile,
        CountedRow,
        FileProgress,
        JsonText,
        KnownState,
        LatestFile,
        MissingRecords,
        PollOutcome,
        PutAway,
    )
    from webhookd.telemetry.events import Event


@dataclass(frozen=True, slots=True)
class ReadTo:
    """What a cursor says of how far a type of object was read, for people.

    *read_to* is None where the cursor is no time, *is_first_read* says that what was there from
    the start is still being read.
    """

    read_to: datetime | None = None
    is_first_read: bool = False


@dataclass(frozen=True, slots=True)
class SetAside:
    """Absences that nobody believed: *missing* of *known* records, since the pass *number*."""

    number: int
    missing: int
    known: int


@dataclass(frozen=True, slots=True)
class FileCounts:
    """How many files of a source wait, were set aside, and are left alone for their names."""

    waiting: int
    failed: int
    ignored: int


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """How much of a source's disk is free; *is_low* is too little for files to be claimed."""

    free_bytes: int
    is_low: bool


Tried: TypeAlias = Literal["held", "wrong", "unreachable"]
"""How it went to try a source: all that could be proved was, or not, or nothing answered."""

Ingest: TypeAlias = Callable[[Batch], Awaitable[int]]
"""Take a batch whole: returns how many changes it led to, when it is committed durably.

Raises StorageError when nothing was taken; the same batch is then handed over again.
"""

Report: TypeAlias = Callable[["Event"], None]
"""Say what happened, once, not at every try: `telemetry.report` in the daemon.

Names of files are in printable form.
"""

Periodic: TypeAlias = Callable[[], Awaitable[None]]
"""Work that is done again and again."""

Schedule: TypeAlias = Callable[["timedelta", Periodic, str], Callable[[], None]]
"""Run work at once and then every period, never twice at the same time, under a name of its own.

Returns what ends it; work that is under way is not touched.
"""


class Source(Protocol):
    """Reads records until it is cancelled."""

    @property
    def name(self) -> str:
        """Return the key of the source in the configuration."""

    async def prepare(self) -> None:
        """Create what producers need, once, before the first `run`; may raise SourceError."""

    async def is_there(self) -> bool:
        """Return whether this machine sees what is to be read."""

    async def run(self) -> None:
        """Read until cancelled; SourceError when the source as a whole cannot work."""


class SnapshotLedger(Protocol):
    """What is remembered of snapshots in work. Every method may raise StorageError."""

    async def count(self, made: FileProgress, rows: Sequence[CountedRow]) -> None:
        """Commit *rows* that were counted, together with how far that is."""

    async def begin(self, made: FileProgress) -> None:
        """Commit that a counted snapshot is now taken: none older is accepted any more."""

    async def last_rows(
        self, claim: str, record_ids: Iterable[str]
    ) -> dict[str, tuple[int, bytes]]:
        """Return number and digest of the last counted row of each id, by id."""

    async def count_differing(self, claim: str) -> int:
        """Return how many records stand in counted rows that differ."""

    async def differing(self, claim: str, limit: int) -> tuple[tuple[str, int], ...]:
        """Return the first *limit* of those records: id, and line of the last row."""

    async def missing(self, claim: str, source: str, object_: str, after: str) -> MissingRecords:
        """Return some known records behind the id *after* that were not counted.

        Each call looks at a bounded number of records, in the order of their ids.
        """


class FileLedger(SnapshotLedger, Protocol):
    """What is remembered of claimed files. Every method may raise StorageError."""

    async def check(self) -> None:
        """Do nothing; NotHeldError when files are another daemon's to take by now."""

    async def claims(self, source: str) -> tuple[ClaimedFile, ...]:
        """Return the claimed files of *source* that are not forgotten."""

    async def open(
        self,
        source: str,
        claim: str,
        name: str,
        *,
        is_snapshot: bool = False,
        is_counted: bool = True,
    ) -> ClaimedFile:
        """Count (unless not *is_counted*) and commit one more opening, and return the file's row.

        A known file stays what it was when it was new: a snapshot, or none. Committed progress
        sets the count of openings back to zero.
        """

    async def open_all(self, source: str, named: Sequence[tuple[str, str]]) -> None:
        """Count and commit the first opening of new files of records, by claim and name.

        Asked for again, it is counted once.
        """

    async def rest(self, claims: Iterable[str]) -> None:
        """Take back one opening each: files were left in good order; an unknown one is no error.

        Any daemon may, even one whose turn it is no more.
        """

    async def bad_rows(self, claim: str, limit: int) -> tuple[BadRow, ...]:
        """Return the first *limit* bad rows of a file, in file order."""

    async def forget(
        self, claim: str, put_away: PutAway | None = None, latest: LatestFile | None = None
    ) -> None:
        """Forget a file and its rows, bad or counted; an unknown one is no error.

        In the same transaction is remembered what was *put_away* last, and that the file is the
        *latest* one whose rows were taken.
        """

    async def forget_all(
        self, claims: Iterable[str], put_away: PutAway, latest: LatestFile | None = None
    ) -> None:
        """Forget files of records without bad rows; *put_away* is the last of them."""

    async def note_error(self, source: str, error: str, at: datetime) -> None:
        """Remember why *source* could not be read as the last that went wrong with it."""

    async def latest(self, source: str) -> LatestFile | None:
        """Return the file of *source* that was taken last; None before the first."""

    async def has_started(self, source: str) -> bool:
        """Return whether a first file of *source* was ever finished."""


class PollLedger(Protocol):
    """What is remembered of types of objects that are polled. Every method may raise StorageError.

    What is written comes with a batch, in its `PollProgress`, but for the outcome of polls.
    """

    async def outcome(self, source: str, object_: str) -> PollOutcome:
        """Return what the latest polls came to, as it was last remembered."""

    async def remember(self, source: str, object_: str, outcome: PollOutcome) -> None:
        """Remember what the latest polls came to."""

    async def cursor(self, source: str, object_: str) -> JsonText | None:
        """Return the cursor that was last committed; None before the first."""

    async def known(
        self, source: str, object_: str, record_ids: Sequence[str]
    ) -> Mapping[str, bool]:
        """Return those of *record_ids* that are known, and whether as deleted."""

    async def modified(
        self, source: str, object_: str, record_ids: Sequence[str]
    ) -> Mapping[str, datetime | None]:
        """Return when those of *record_ids* were modified that are known, and not as deleted."""

    async def states(
        self, source: str, object_: str, record_ids: Sequence[str]
    ) -> Mapping[str, KnownState]:
        """Return those of *record_ids* that are known, without their properties."""

    async def outdated(
        self, source: str, object_: str, names: frozenset[str], *, after: str, limit: int
    ) -> tuple[str, ...]:
        """Return ids behind *after* of known records that were read without some of *names*."""

    async def unarchived(
        self, source: str, object_: str, *, before: int, limit: int
    ) -> tuple[str, ...]:
        """Return ids that were met in the archive in a pass *before* this one, and not since."""

    async def listed(self, claim: str, record_ids: Sequence[str]) -> frozenset[str]:
        """Return those of *record_ids* that the pass *claim* over a list met."""

    async def is_kept(self, claim: str) -> bool:
        """Return whether anything is kept of the pass *claim*."""

    async def missing(
        self,
        source: str,
        object_: str,
        claim: str,
        *,
        after: str,
        modified_before: datetime | None = None,
    ) -> MissingRecords:
        """Return some known records behind the id *after* that the pass *claim* did not meet.

        Each call looks at a bounded number of records, in the order of their ids. Those modified
        at *modified_before* or later are passed over.
        """

    async def memberships(
        self, source: str, object_: str, lists: Sequence[str], record_ids: Sequence[str]
    ) -> Mapping[str, frozenset[str]]:
        """Return those of the *lists* that each of *record_ids* is a member of, as far as known.

        A record that is a member of none has no entry.
        """

    async def unmet(
        self, source: str, object_: str, list_: str, *, number: int, after: str
    ) -> MissingRecords:
        """Return which members of a list behind the id *after* the pass *number* did not meet.

        Each call looks at a bounded number of members, in the order of their ids. Those that joined
        while the pass was under way do not count as known.
        """

    async def accepted(self, source: str, object_: str) -> int | None:
        """Return the pass whose absences a person let through last, None without one."""
