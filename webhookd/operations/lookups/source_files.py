"""The files of sources: listed, with why they failed, and let through by a person."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from webhookd.operations.unknown_names import UnknownNameError
from webhookd.sources import kinds, listed_files
from webhookd.sources.directory import approval
from webhookd.sources.listed_files import NoFileError
from webhookd.storage.records import cursors, snapshots
from webhookd.storage.records.lists import listings
from webhookd.views.sources import AcceptedView, FileReportView, SourceFilesView, SourceFileView

if TYPE_CHECKING:
    from pathlib import Path

    from webhookd.operations.control_dependencies import ControlDependencies
    from webhookd.sources.source import SetAside


class SourceFiles:
    """Lists files, and lets through what was set aside.

    Each method raises an UnknownNameError for a source that is not in force, and a NoFileError for
    what it has not.
    """

    def __init__(self, dependencies: ControlDependencies) -> None:
        self._dependencies = dependencies

    async def listed(self, source: str, folder: str, limit: int) -> SourceFilesView:
        """Return the files in a *folder* of a drop directory, the newest first."""
        root = self._root(source)
        found, is_whole = await asyncio.to_thread(listed_files.files, root, folder, limit)
        redact = self._dependencies.secrets.redactor.text
        shown = (
            SourceFileView(
                name=one.name,
                bytes=one.bytes,
                modified_at=one.modified_at,
                bad_rows=one.bad_rows,
                reason=None if one.reason is None else redact(one.reason),
                is_acceptable=one.is_acceptable,
            )
            for one in found
        )
        return SourceFilesView(folder, tuple(shown), not is_whole)

    async def report(self, source: str, name: str) -> FileReportView:
        """Return the report beside a file in `failed/`."""
        told = await asyncio.to_thread(listed_files.report, self._root(source), name)
        redact = self._dependencies.secrets.redactor.text
        return FileReportView(name, cast("dict[str, Any]", _redacted(told, redact)))

    async def accept_absences(
        self, source: str, object_: str, *, number: int | None, is_dry_run: bool
    ) -> AcceptedView:
        """Let through what the list of an *object_* lacked, or say how much that is.

        With *number*, only of that reading. Raises a NotAcceptedError where nothing was set aside.
        """
        self._require(source)
        aside = await asyncio.to_thread(self._aside, source, object_)
        if number is not None and number != aside.number:
            raise approval.NotAcceptedError(
                f"{source}/{object_}: the list was read again since, and lacks {aside.missing:,}"
                f" of {aside.known:,} now; look at it anew"
            )
        if not is_dry_run:
            database = self._dependencies.database
            await asyncio.to_thread(listings.accept, database, source, object_, aside.number)
        return AcceptedView(source, object=object_, missing=aside.missing, number=aside.number)

    async def accept(self, source: str, file: str) -> AcceptedView:
        """Let a *file* through that was set aside; raises a NotAcceptedError where it was not."""
        if not listed_files.is_plain(file):
            raise NoFileError(f"{file!r} is no name of a file")
        root = self._root(source)
        await asyncio.to_thread(listed_files.report, root, file)
        path = root / "failed" / file
        target = await asyncio.to_thread(approval.accept, path, partial(self._last_taken, source))
        return AcceptedView(source, file=target.name)

    def _aside(self, source: str, object_: str) -> SetAside:
        cursor = cursors.cursors(self._dependencies.database).get(source, {}).get(object_)
        aside = None if cursor is None else kinds.set_aside(cursor)
        if aside is None:
            raise approval.NotAcceptedError(f"{source}/{object_}: nothing of it was set aside")
        return aside

    def _last_taken(self, source: str) -> str | None:
        with self._dependencies.database.reading() as connection:
            return snapshots.last_taken(connection, source)

    def _require(self, source: str) -> Any:
        sources = self._dependencies.reloader.definitions.sources
        if source not in sources:
            raise UnknownNameError(f"no source {source!r} is in force")
        return sources[source]

    def _root(self, source: str) -> Path:
        root = kinds.root_of(self._require(source))
        if root is None:
            raise NoFileError(f"the source {source!r} has no files")
        return root


def _redacted(value: Any, redact: Any) -> Any:
    match value:
        case str():
            return redact(value)
        case list():
            return [_redacted(one, redact) for one in value]
        case dict():
            return {name: _redacted(one, redact) for name, one in value.items()}
        case _:
            return value
