"""Events of sources in general, and of drop directories with their files.

Names of files are in printable form. Each trouble is reported once, not at every try.
"""

from __future__ import annotations

from dataclasses import dataclass

from webhookd.telemetry.events.event import Event


@dataclass(frozen=True, slots=True)
class BatchTaken(Event):
    """A batch is committed: so many observations, changes in them, and deliveries of those."""

    source: str
    observations: int
    changes: int
    deliveries: int


@dataclass(frozen=True, slots=True)
class ValueNotComparable(Event):
    """A condition's operator of order met a property value that is no *expected*."""

    source: str
    object: str
    property: str
    example: str
    expected: str


@dataclass(frozen=True, slots=True)
class SourceFailed(Event):
    """A source cannot work now; it is run again after *again_in* seconds."""

    source: str
    error: str
    again_in: float


@dataclass(frozen=True, slots=True)
class SourceElsewhere(Event):
    """A source is left to the daemon of another host."""

    source: str
    host: str
    this_host: str


@dataclass(frozen=True, slots=True)
class PresetUsed(Event):
    """A *source* extends a *preset*, which was held against what its *status* says."""

    source: str
    preset: str
    status: str


@dataclass(frozen=True, slots=True)
class SourceBlocked(Event):
    """The database refuses, and a source waits for it."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class SourceUnreadable(Event):
    """A source cannot be read now; it is tried again."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class SourceRecovered(Event):
    """A source can be read again after `SourceUnreadable`."""

    source: str


@dataclass(frozen=True, slots=True)
class SourceUnwatched(Event):
    """No wake-ups come: files are found by scanning only."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileClaimed(Event):
    """A file was moved from `new/` to `work/`, or found there at a restart."""

    source: str
    file: str
    claim: str


@dataclass(frozen=True, slots=True)
class FileProgressed(Event):
    """How far a long file is, every few seconds; *rows* are those that *doing* is done with.

    *seconds_left* is None while nothing can be said.
    """

    source: str
    file: str
    doing: str
    rows: int
    rows_per_second: float
    seconds_left: float | None


@dataclass(frozen=True, slots=True)
class FileTaken(Event):
    """Every row of a file was taken; *deletions* is None if the file is not a snapshot."""

    source: str
    file: str
    rows: int
    seconds: float
    deletions: int | None


@dataclass(frozen=True, slots=True)
class FileFailed(Event):
    """A file went to `failed/`, whole or some rows of it; *rows* were taken.

    *error_file* is the name of the report beside it.
    """

    source: str
    file: str
    reason: str
    rows: int
    bad_rows: int
    error_file: str


@dataclass(frozen=True, slots=True)
class FileColumnsIgnored(Event):
    """Columns have no name in the header and are left out; they are counted from 1.

    *columns* are the first of so many (*count*).
    """

    source: str
    file: str
    columns: tuple[int, ...]
    count: int


@dataclass(frozen=True, slots=True)
class FileColumnsRepeated(Event):
    """Several columns have one name, and no webhook needs it: they are left out.

    *columns* are the first of so many (*count*).
    """

    source: str
    file: str
    property: str
    columns: tuple[int, ...]
    count: int


@dataclass(frozen=True, slots=True)
class FileHeaderRepeated(Event):
    """The header of a CSV file stands in it again, first at *line*; it is skipped each time."""

    source: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class FilePropertyMissing(Event):
    """A file has no column for a property that webhooks use."""

    source: str
    file: str
    property: str


@dataclass(frozen=True, slots=True)
class FileGrowing(Event):
    """A file seems to be written in place, and is left until it stands still."""

    source: str
    file: str


@dataclass(frozen=True, slots=True)
class FileIgnored(Event):
    """A file is left where it is."""

    source: str
    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileEmpty(Event):
    """A file of no bytes is taken: there is nothing in it."""

    source: str
    file: str


@dataclass(frozen=True, slots=True)
class FileChanged(Event):
    """A file changed while it was read, or after; *then* says how reading goes on."""

    source: str
    file: str
    then: str


@dataclass(frozen=True, slots=True)
class FileWrittenLate(Event):
    """A file was written to after it was put away, and that cannot be taken."""

    source: str
    file: str
    reason: str


@dataclass(frozen=True, slots=True)
class FileOlder(Event):
    """A file is taken whose content is older than that of the file *taken_before* it."""

    source: str
    file: str
    modified_at: str
    taken_before: str
    taken_modified_at: str


@dataclass(frozen=True, slots=True)
class FileMisplaced(Event):
    """Something lies in the root of a drop directory, where nobody takes it."""

    source: str
    file: str


@dataclass(frozen=True, slots=True)
class DiskRanLow(Event):
    """No file is claimed because *free_bytes* are fewer than *needed_bytes*."""

    source: str
    free_bytes: int
    needed_bytes: int


@dataclass(frozen=True, slots=True)
class DiskRecovered(Event):
    """Files are claimed again after `DiskRanLow`."""

    source: str


@dataclass(frozen=True, slots=True)
class RecordsAhead(Event):
    """A file's record was modified so many seconds in the future; it is taken as of now."""

    source: str
    object: str
    record_id: str
    ahead_seconds: int
