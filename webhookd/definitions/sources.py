"""Where records are read: what every kind of source tells, and the kinds there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final, Literal, Protocol

from webhookd.definitions import event_kinds, record_path
from webhookd.definitions.durations import Duration
from webhookd.definitions.requests import ApiKey, Basic, Bearer, Signature
from webhookd.definitions.value_reading import PLAIN, ValueReading


class Source(Protocol):
    """The settings of a source, whichever its kind: an immutable value that compares by content."""

    @property
    def name(self) -> str:
        """Return the key of the source in the configuration."""

    @property
    def identity(self) -> Mapping[str, str]:
        """Return the settings that may not change under the same key."""

    @property
    def host(self) -> str | None:
        """Return the name of the only host on which the source is read, None when any will do."""

    @property
    def urls(self) -> Mapping[str, str]:
        """Return the URLs that the source connects to, by their key in the configuration."""

    @property
    def polled_objects(self) -> tuple[str, ...]:
        """Return the types of objects that are polled; none for a source of files."""

    @property
    def value_reading(self) -> ValueReading:
        """Return how conditions read the texts of its records."""

    @property
    def wake(self) -> Wake | None:
        """Return who may have the source polled now; None where nobody may."""

    def listed_properties(self, object_: str) -> tuple[str, ...] | None:
        """Return the properties that are read of *object_*, None when that is all of them."""


@dataclass(frozen=True, slots=True)
class Wake:
    """How a request shows that it may have a source polled now: one of the two.

    Of several *signatures*, one that verifies is enough.
    """

    signatures: tuple[Signature, ...] = ()
    authentication: ApiKey | Bearer | Basic | None = None


class NamedObject(Protocol):
    """How one type of objects is read from an API."""

    @property
    def name(self) -> str:
        """Return what the API calls it."""


class ApiSource:
    """What the settings of all sources that ask an API have in common."""

    __slots__ = ()

    base_url: str
    objects: Sequence[NamedObject]

    @property
    def host(self) -> str | None:
        """Return None: an API is reached from every host."""
        return None

    @property
    def urls(self) -> Mapping[str, str]:
        """Return the URL of the API."""
        return {"base_url": self.base_url}

    @property
    def polled_objects(self) -> tuple[str, ...]:
        """Return the types of objects, each of which is polled by itself."""
        return tuple(read.name for read in self.objects)

    @property
    def value_reading(self) -> ValueReading:
        """Return that an API writes numbers and dates as JSON and ISO 8601 do."""
        return PLAIN


@dataclass(frozen=True, slots=True)
class CsvSettings:
    """How CSV files are written. *encoding* and *delimiter* may be `auto`.

    *skip_lines* stand before the header. *decimal* and *dates* are for conditions alone: what is
    sent stays as it was written.
    """

    decimal: Literal["point", "comma"] | None = None
    dates: tuple[str, ...] = ()
    encoding: str = "auto"
    skip_lines: int = 0
    delimiter: str = "auto"

    @property
    def value_reading(self) -> ValueReading:
        """Return how conditions read texts that are written so."""
        return ValueReading(self.decimal or "clear", self.dates)


ANY_CSV: Final = CsvSettings()
"""CSV files of which nothing is said."""


@dataclass(frozen=True, slots=True)
class JsonSettings:
    """Where JSON files have their records: under the path *records*, or at the top."""

    records: str | None = None

    @property
    def path(self) -> tuple[str, ...]:
        """Return the names that lead to the list of records; none where it is the document."""
        return () if self.records is None else record_path.steps(self.records)


ANY_JSON: Final = JsonSettings()
"""JSON files that are lists of records."""


@dataclass(frozen=True, slots=True)
class DirectorySource:
    """A drop directory. *format* `auto` goes by each file's suffix.

    *content* `snapshot`: each file lists all records. *partial*: what a row lacks is as before.
    *host*: only a daemon on the host of that name reads it. *settle*: how long a file stands still
    whose writer could not be seen. *ignore*: patterns of names that are left alone, beside those
    that every source leaves alone; empty: every name is taken. *order*: what says
    which file is taken first. *id_text*: an id that looks like a number which a spreadsheet made
    of one is taken as it is.
    """

    name: str
    path: Path
    object: str
    id_property: str = "id"
    content: Literal["records", "snapshot"] = "records"
    partial: bool = False
    format: Literal["auto", "csv", "json", "ndjson"] = "auto"
    start: Literal["beginning", "now"] = "beginning"
    order: Literal["name", "modified"] = "name"
    on_done: Literal["archive", "delete"] = "archive"
    host: str | None = None
    settle: Duration = timedelta(seconds=10)
    ignore: tuple[str, ...] | None = None
    id_text: bool = False
    csv: CsvSettings = ANY_CSV
    json: JsonSettings = ANY_JSON

    @property
    def identity(self) -> Mapping[str, str]:
        """Return the settings that may not change under the same key."""
        return {
            "path": str(self.path),
            "object": self.object,
            "id_property": self.id_property,
        }

    @property
    def urls(self) -> Mapping[str, str]:
        """Return nothing: a directory is on the daemon's disk."""
        return {}

    @property
    def polled_objects(self) -> tuple[str, ...]:
        """Return nothing: files are found, not polled."""
        return ()

    @property
    def wake(self) -> None:
        """Return nobody: files are found at once."""
        return

    @property
    def value_reading(self) -> ValueReading:
        """Return how the files write numbers and dates."""
        return self.csv.value_reading

    def listed_properties(self, object_: str) -> tuple[str, ...] | None:  # noqa: ARG002 - all alike
        """Return None: every column of a file is read."""
        return None


@dataclass(frozen=True, slots=True)
class OwnEventsSource:
    """What happens to the daemon itself, as records of the type `events`.

    *every*: events of one kind and subject that follow the first within this time become one.
    *backlog_after*: how old what waits of a webhook may be before that is an event.
    """

    name: str
    every: Duration = timedelta(minutes=5)
    backlog_after: Duration = timedelta(hours=1)

    @property
    def identity(self) -> Mapping[str, str]:
        """Return nothing: nothing is known of its records."""
        return {}

    @property
    def host(self) -> str | None:
        """Return None: each daemon tells of itself."""
        return None

    @property
    def urls(self) -> Mapping[str, str]:
        """Return nothing: nothing is connected to."""
        return {}

    @property
    def polled_objects(self) -> tuple[str, ...]:
        """Return nothing: events are not asked for."""
        return ()

    @property
    def wake(self) -> None:
        """Return nobody: events come by themselves."""
        return

    @property
    def value_reading(self) -> ValueReading:
        """Return that numbers are JSON and times ISO 8601."""
        return PLAIN

    def listed_properties(self, object_: str) -> tuple[str, ...] | None:  # noqa: ARG002 - all alike
        """Return the properties that events have."""
        return event_kinds.PROPERTIES


def is_same_host(one: str, other: str) -> bool:
    """Return whether two names of hosts mean the same: case does not count."""
    return one.casefold() == other.casefold()


def are_read_alike(one: Source, other: Source) -> bool:
    """Return whether two definitions differ in nothing but who may wake the source."""
    if type(one) is not type(other) or not is_dataclass(one):
        return False
    names = (field.name for field in fields(one))
    return all(getattr(one, name) == getattr(other, name) for name in names if name != "wake")
