"""The kinds of sources that can be read: the table of what builds them and reads their cursors.

A new kind adds a line here, under the class of its definition. What checks and compiles its
configuration stands in `webhookd.config.source_kinds`, the other table.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from webhookd.definitions import DirectorySource, HubspotSource, OwnEventsSource, RestSource
from webhookd.sources.directory.drop_directory import DropDirectory
from webhookd.sources.directory.filesystem import disk_space
from webhookd.sources.directory.folders import Folders
from webhookd.sources.hubspot import cursor, described_object, factory, single_record
from webhookd.sources.hubspot.lists import list_cursor
from webhookd.sources.rest import first_records, rest_cursor, rest_factory, rest_record, trial
from webhookd.sources.source import ReadTo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from webhookd import definitions
    from webhookd.authentication.keyring import CredentialsOf
    from webhookd.clock import Clock
    from webhookd.definitions import Egress
    from webhookd.model import JsonText, Observation
    from webhookd.sources.dependencies import SourceDependencies
    from webhookd.sources.described import Described
    from webhookd.sources.polling.api_client import ApiTransport
    from webhookd.sources.source import DiskSpace, FileCounts, SetAside, Source, Tried


class Fetch(Protocol):
    """Reads one record of a source now."""

    async def __call__(
        self,
        settings: Any,
        object_: str,
        record_id: str,
        *,
        transport: ApiTransport,
        egress: Egress,
        clock: Clock,
        credentials_of: CredentialsOf,
    ) -> Observation:
        """Return the record of the type *object_*; raises SourceError where it cannot be had."""


class Attempt(Protocol):
    """Tries whether a source does what its definition says."""

    async def __call__(
        self,
        settings: Any,
        object_: str,
        *,
        transport: ApiTransport,
        egress: Egress,
        clock: Clock,
        credentials_of: CredentialsOf,
        say: Callable[[str], None],
    ) -> Tried:
        """Return how it went with the type *object_*; *say* gets each line that tells of it."""


class Describe(Protocol):
    """Asks a source what it has of a type of object."""

    async def __call__(
        self,
        settings: Any,
        object_: str,
        *,
        transport: ApiTransport,
        egress: Egress,
        clock: Clock,
        credentials_of: CredentialsOf,
    ) -> Described:
        """Return properties and some records of *object_*; SourceError where they cannot be had."""


@dataclass(frozen=True, slots=True)
class SourceKind:
    """How a kind of source is read."""

    build: Callable[[Any, SourceDependencies], Source] | None
    """Return the source that a definition describes; None where nothing is to be read."""

    describe_cursor: Callable[[JsonText], ReadTo | None] = lambda _: None
    """Return what a cursor says for people; None when it is not one of this kind's."""

    count_files: Callable[[Any], FileCounts | None] = lambda _: None
    """Return how many files there are of a definition; None where there can be none to count."""

    root: Callable[[Any], Path | None] = lambda _: None
    """Return where the files of a definition are; None where it has none here."""

    disk_space: Callable[[Any], DiskSpace | None] = lambda _: None
    """Return how much of the disk of a definition is free; None where it has none that is seen."""

    set_aside: Callable[[JsonText], SetAside | None] = lambda _: None
    """Return the absences that a cursor has set aside; None where there are none."""

    attempt: Attempt | None = None
    """Try one type of object against the source; None where there is nothing to try."""

    fetch: Fetch | None = None
    """Read one record now; None where a source cannot be asked for one."""

    describe: Describe | None = None
    """Ask what there is of a type of object; None where a source cannot be asked."""


def _directory(settings: DirectorySource, dependencies: SourceDependencies) -> Source:
    return DropDirectory(
        settings,
        ingest=dependencies.ingest,
        ledger=dependencies.files(settings.name),
        report=dependencies.report,
        used=lambda: dependencies.used(settings.name),
        has_others=dependencies.has_others,
        openings=dependencies.openings,
    )


def _count_files(settings: DirectorySource) -> FileCounts | None:
    return Folders(settings.path).count(settings.ignore)


def _disk_space(settings: DirectorySource) -> DiskSpace | None:
    try:
        return disk_space(settings.path)
    except OSError:
        return None


def set_aside(text: JsonText) -> SetAside | None:
    """Return the absences that the cursor *text* has set aside, of whichever kind it is."""
    return next((found for kind in KINDS.values() if (found := kind.set_aside(text))), None)


KINDS: Mapping[type, SourceKind] = {
    DirectorySource: SourceKind(
        _directory,
        count_files=_count_files,
        disk_space=_disk_space,
        root=lambda settings: settings.path,
    ),
    HubspotSource: SourceKind(
        factory.make,
        lambda text: cursor.described(text) or list_cursor.described(text),
        set_aside=lambda text: cursor.aside(text) or list_cursor.aside(text),
        fetch=single_record.fetch,
        describe=described_object.describe,
    ),
    OwnEventsSource: SourceKind(None),
    RestSource: SourceKind(
        rest_factory.make,
        rest_cursor.described,
        set_aside=rest_cursor.aside,
        attempt=trial.attempt,
        fetch=rest_record.fetch,
        describe=first_records.describe,
    ),
}
"""Each kind by the class of its definition."""


def is_read(settings: definitions.Source) -> bool:
    """Return whether something reads the source: own events come by themselves."""
    return KINDS[type(settings)].build is not None


def build(settings: definitions.Source, dependencies: SourceDependencies) -> Source:
    """Return the source that *settings* describe, of a kind that is read."""
    make = KINDS[type(settings)].build
    if make is None:
        raise ValueError(f"nothing reads the source {settings.name}")
    return make(settings, dependencies)


def count_files(settings: definitions.Source) -> FileCounts | None:
    """Return how many files of a source there are now; None of one that has no files here.

    It looks at folders, so it belongs on a thread of its own.
    """
    return KINDS[type(settings)].count_files(settings)


def root_of(settings: definitions.Source) -> Path | None:
    """Return the folder that a source's files are in; None of one that has no files here."""
    return KINDS[type(settings)].root(settings)


def space_of(settings: definitions.Source) -> DiskSpace | None:
    """Return how much of a source's disk is free now; None of one that has none here.

    It asks a disk, so it belongs on a thread of its own.
    """
    return KINDS[type(settings)].disk_space(settings)


def attempt(settings: definitions.Source) -> Attempt | None:
    """Return what tries a source against what its definition says; None where nothing can."""
    return KINDS[type(settings)].attempt


def fetch(settings: definitions.Source) -> Fetch | None:
    """Return what reads one record of a source; None where it cannot be asked for one."""
    return KINDS[type(settings)].fetch


def describe(settings: definitions.Source) -> Describe | None:
    """Return what asks a source for its properties; None where it cannot be asked."""
    return KINDS[type(settings)].describe


def describe_cursor(text: JsonText) -> ReadTo:
    """Return what the cursor *text* says, whichever kind of source it is of.

    The database may hold cursors of sources that are no longer configured, of kinds that a newer
    webhookd knows, and damaged ones: of those nothing is said, and nothing is raised.
    """
    described = (kind.describe_cursor(text) for kind in KINDS.values())
    return next((one for one in described if one is not None), ReadTo())
