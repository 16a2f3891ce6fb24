"""What a source hands over, and how far it is with a file or a type of object."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.model.records import JsonText, Observation


LIST_PLACE: Final = "/lists/"
"""What stands between a type of object and a list of its records where cursors are kept by both."""

LIST_CLAIM: Final = "list:"
"""What the claim of a pass over a list begins with; no folder of a file does."""


def list_place(object_: str, list_: str) -> str:
    """Return what the cursor of a *list_* of records of the type *object_* is kept by."""
    return f"{object_}{LIST_PLACE}{list_}"


def list_claim(source: str, object_: str, number: int) -> str:
    """Return the claim under which the pass *number* over a list notes what it met."""
    return f"{LIST_CLAIM}{source}/{object_}/{number}"


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
class Listed:
    """Ids of records that a pass over a whole list met; *claim* names the pass."""

    claim: str
    record_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Members:
    """What was found out about the members of a list that an API has of its records.

    *list* is its name in the configuration, *object* the type of its records. *met* were met by the
    pass *number* over the list, or by other ways while it is under way or the last; those that were
    no members are now. *left* are members no more.
    """

    object: str
    list: str
    number: int
    met: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PollProgress:
    """How far a type of object has been read from an API once this batch is committed.

    *cursor* is JSON that only its source understands. *archived* are ids that were met in the
    archive, in the pass *archive_pass* over it; *unarchived* are those that left it. *listed* are
    met in passes over whole lists; *forgotten* is the claim of a pass of which a bounded part is
    forgotten. *members* is news of lists whose members the source tells.
    """

    source: str
    object: str
    cursor: JsonText
    archive_pass: int = 0
    archived: tuple[str, ...] = ()
    unarchived: tuple[str, ...] = ()
    listed: tuple[Listed, ...] = ()
    forgotten: str | None = None
    members: tuple[Members, ...] = ()


@dataclass(frozen=True, slots=True)
class FilesProgress:
    """Small files that were taken whole together, in their order, each as a `FileProgress`.

    They are known as opened, and none of them has a bad row.
    """

    source: str
    files: tuple[FileProgress, ...]


Progress: TypeAlias = FileProgress | FilesProgress | PollProgress


@dataclass(frozen=True, slots=True)
class ClaimedFile:
    """A claimed file as the database knows it.

    *openings* counts how often it was opened since its last progress: a file that
    ended a daemon each time, or met a bug, is set aside unopened. *bad_count* counts its bad rows.
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
class LatestFile:
    """The file of *source* that was taken last; *modified* is in nanoseconds since 1970."""

    source: str
    name: str
    modified: int


@dataclass(frozen=True, slots=True)
class PutAway:
    """The file of *source* that was put away last, and when; *error* is why it went to `failed/`.

    *bad_rows* of it were not taken.

    No text in it holds a secret.
    """

    source: str
    name: str
    at: datetime
    error: str | None = None
    bad_rows: int = 0


@dataclass(frozen=True, slots=True)
class PollOutcome:
    """What the latest polls of a type of object came to; None where that never happened.

    No text in it holds a secret.
    """

    last_success_at: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None

    @property
    def fails(self) -> bool:
        """Return whether no poll went well since one last failed."""
        failed, succeeded = self.last_error_at, self.last_success_at
        return failed is not None and (succeeded is None or succeeded < failed)


@dataclass(frozen=True, slots=True)
class Batch:
    """What a source hands over at once: taken whole, in one transaction with its *progress*.

    *as_known* takes the records as already known: stored, and reported to nobody.
    """

    source: str
    observations: tuple[Observation, ...]
    progress: Progress
    as_known: bool = False
