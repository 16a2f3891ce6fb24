"""Sources: what is known of each, and how reading it goes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar

from webhookd.views.view import Count, View


@dataclass(frozen=True, slots=True)
class CursorView(View):
    """How far a type of object has been read from an API, or a list of its records."""

    lacks_where_none: ClassVar[frozenset[str]] = frozenset({"list", "missing", "known"})

    object: str
    """The type of object."""
    read_to: datetime | None
    """Everything modified before has been read; null where the source cannot say. Of a list, when
    all its members were read last."""
    first_read: bool
    """Whether the first read of all records, or of all members of a list, is not yet over."""
    list: str | None = None
    """The list of these records, by its name in the configuration; absent for the type itself."""
    missing: Count | None = None
    """How many records or members are missing from the last reading, and are not believed to be
    gone until a person lets it through; absent where nothing was set aside."""
    known: Count | None = None
    """Of how many that are known; absent likewise."""


@dataclass(frozen=True, slots=True)
class PollView(View):
    """How reading a type of object from an API goes; what is counted, since the daemon began."""

    object: str
    """The type of object."""
    lag_seconds: float | None
    """How far behind now the reading is; null before the first poll ended."""
    last_success_at: datetime | None
    """When a poll last went well."""
    last_error: str | None
    """Why the latest poll that failed did."""
    last_error_at: datetime | None
    """When it failed."""
    failures: Count
    """Polls that came to nothing."""
    records: Count
    """Records read."""
    changes: Count
    """Changes found in them."""
    requests: Mapping[str, Count]
    """Requests by the status of the answer, or by why there was none."""
    budget_left: int | None
    """Requests that might start at once."""
    resting: Mapping[str, str] = field(default_factory=dict)
    """The parts that cannot be read now and are as they were (`lists/NAME`, `owners`), and why."""


@dataclass(frozen=True, slots=True)
class StoredSourceView(View):
    """A source that was ever read, as the database knows it."""

    lacks_where_none: ClassVar[frozenset[str]] = frozenset(
        {"path", "object", "id_property", "base_url"}
    )

    source: str
    """The source's key in the configuration."""
    path: str | None = None
    """The folder of a drop directory."""
    object: str | None = None
    """The type of the records of a drop directory."""
    id_property: str | None = None
    """The property that is the id of a record of a drop directory."""
    base_url: str | None = None
    """Where an API is."""
    records: Count = 0
    """Records that are known and not deleted."""
    pending: Count = 0
    """Its deliveries that wait, held ones included."""
    file: str | None = None
    """The file in work."""
    phase: str | None = None
    """What is done with a snapshot: its rows are counted, taken, then the rest is deleted."""
    rows_taken: Count = 0
    """Rows of the file that were read, bad ones included."""
    bad_rows: Count = 0
    """Rows of the file that could not be taken."""
    deletions: Count = 0
    """Records that the snapshot lacks, found so far."""
    rows_per_second: int | None = None
    """How fast the file is read."""
    ends_at: datetime | None = None
    """When the end of the file is expected."""
    cursors: tuple[CursorView, ...] = ()
    """How far each type of object has been read from an API."""
    last_file: str | None = None
    """The file of a drop directory that was put away last, into `done/` or `failed/`."""
    last_file_at: datetime | None = None
    """When it was."""
    last_error: str | None = None
    """Why the latest file that went to `failed/` did, or the directory could not be read; or why
    the latest poll of an API failed, as long as none of that type of object went well since, or a
    list or the owners cannot be read."""
    last_error_at: datetime | None = None
    """When that was."""


@dataclass(frozen=True, slots=True)
class SourceView(StoredSourceView):
    """A source that was ever read, as the running daemon knows it."""

    lacks_where_none: ClassVar[frozenset[str]] = StoredSourceView.lacks_where_none | frozenset(
        {
            *("files_waiting", "files_failed", "files_ignored", "disk_free_bytes", "is_disk_low"),
            *("wakes", "last_woken_at"),
        }
    )

    host: str | None = None
    """The only host on which it is read."""
    objects: tuple[PollView, ...] = ()
    """How reading each type of object from an API goes."""
    files_waiting: Count | None = None
    """Files in `new/` of a drop directory that will be taken; absent where they are not seen."""
    files_failed: Count | None = None
    """Files in `failed/`, without the reports beside them; absent where they are not seen."""
    files_ignored: Count | None = None
    """Files in `new/` that are left alone for their names; absent where they are not seen."""
    disk_free_bytes: Count | None = None
    """Bytes free on the disk of a drop directory; absent where it is not seen."""
    is_disk_low: bool | None = None
    """Whether that is too little for files to be taken; absent where it is not seen."""
    wakes: Count | None = None
    """Wakes that were accepted since the daemon began; absent where nobody may wake the source."""
    last_woken_at: datetime | None = None
    """When one last was, by this daemon; absent before the first."""


@dataclass(frozen=True, slots=True)
class SourcesView(View):
    """Every source that was ever read."""

    sources: tuple[SourceView, ...]
    """The sources by name."""


@dataclass(frozen=True, slots=True)
class PropertyView(View):
    """A property that known records have, or a webhook uses."""

    name: str
    """Its name."""
    examples: tuple[str, ...]
    """Some of its values, as texts, at most 100 characters of each."""
    records: Count
    """How many of the records that were looked at have a value of it."""
    share: float
    """How many of the records that were looked at have a value of it, from 0 to 1."""
    used_by: tuple[str, ...]
    """Webhooks that use it by name."""


@dataclass(frozen=True, slots=True)
class SourceFileView(View):
    """A file of a drop directory."""

    name: str
    """Its name."""
    bytes: Count
    """Its size."""
    modified_at: datetime
    """When it was written last."""
    bad_rows: int | None
    """How many of its rows are bad, where a report says so."""
    reason: str | None
    """Why it failed, where a report says so."""
    is_acceptable: bool
    """Whether it was set aside for a person to decide."""


@dataclass(frozen=True, slots=True)
class SourceFilesView(View):
    """Files in a folder of a drop directory, the newest first."""

    folder: str
    """The folder."""
    files: tuple[SourceFileView, ...]
    """The files; reports, and names with a dot, are left out."""
    is_partial: bool
    """Whether there are more."""


@dataclass(frozen=True, slots=True)
class FileReportView(View):
    """The report beside a file in `failed/`."""

    name: str
    """The file's name."""
    report: Mapping[str, Any]
    """What it says: `reason`, `bad_rows` with `line`, `column` and `reason`, and the rest."""


@dataclass(frozen=True, slots=True)
class AcceptedView(View):
    """What a person let through."""

    source: str
    """The source."""
    file: str | None = None
    """The file, by its name in `accepted/`; null where it was a list."""
    object: str | None = None
    """The type of object whose list lacked records; null where it was a file."""
    missing: int | None = None
    """How many records that list lacked."""
    number: int | None = None
    """Which reading of the list it was; null where it was a file."""


@dataclass(frozen=True, slots=True)
class PropertiesView(View):
    """The properties that known records of a source and object have, of some of them."""

    records: Count
    """Records that were looked at; deleted ones do not count, nor those read by chosen names."""
    names: tuple[str, ...]
    """The properties that at least one of them has."""
    is_whole: bool
    """Whether these are all the known records there are."""
    looked_at: Count = 0
    """Records that changed last, of which `properties` tells: all of them, up to a thousand."""
    properties: tuple[PropertyView, ...] = ()
    """The same with those that webhooks use, of the records that changed last."""
