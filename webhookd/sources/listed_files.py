"""The files of a drop directory, listed for people: names, sizes, and why those in failed/ are."""

from __future__ import annotations

import heapq
import json
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from webhookd.errors import SourceError
from webhookd.sources.directory.names import REPORT_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FOLDERS: Final = ("new", "failed", "done", "accepted")

MOST_LOOKED_AT: Final = 50_000
"""Names that are looked at in a folder; one with more is listed in part."""

_LONGEST_REPORT: Final = 4 << 20


class NoFileError(SourceError):
    """A source has no such file, folder or report."""


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file: its *name*, when it was written, and what its report says, if it has one."""

    name: str
    bytes: int
    modified_at: datetime
    bad_rows: int | None = None
    reason: str | None = None
    is_acceptable: bool = False


def files(root: Path, folder: str, limit: int) -> tuple[list[ListedFile], bool]:
    """Return at most *limit* files of a *folder*, the newest first, and whether there are more.

    Raises NoFileError where this machine does not see the folder.
    """
    found: list[tuple[float, str, int]] = []
    is_whole = True
    try:
        with os.scandir(root / folder) as entries:
            for number, entry in enumerate(entries):
                if number >= MOST_LOOKED_AT:
                    is_whole = False
                    break
                found += _looked_at(entry)
    except OSError as error:
        raise NoFileError(f"{root / folder} cannot be read: {error.strerror}") from error
    newest = heapq.nlargest(limit, found)
    return [_listed(root / folder, *one) for one in newest], is_whole and len(found) <= limit


def report(root: Path, name: str) -> dict[str, Any]:
    """Return what the report beside the failed file *name* says; NoFileError without one."""
    if not is_plain(name):
        raise NoFileError(f"{name!r} is no name of a file")
    told = _report(root / "failed", name)
    if told is None:
        raise NoFileError(f"no file {name!r} with a report is in failed/")
    return told


def is_plain(name: str) -> bool:
    """Return whether *name* is one that a folder can have."""
    return bool(name) and name not in {".", ".."} and not {"/", "\0"} & set(name)


def _looked_at(entry: os.DirEntry[str]) -> Iterator[tuple[float, str, int]]:
    if entry.name.startswith(".") or entry.name.endswith(REPORT_SUFFIX):
        return
    with suppress(OSError):
        found = entry.stat(follow_symlinks=False)
        if stat.S_ISREG(found.st_mode):
            yield found.st_mtime, entry.name, found.st_size


def _listed(folder: Path, modified: float, name: str, size: int) -> ListedFile:
    at = datetime.fromtimestamp(modified, UTC)
    # Bytes that are no text: such a file is listed, and cannot be asked for.
    shown = os.fsencode(name).decode(errors="replace")
    told = _report(folder, name) or {} if folder.name == "failed" else {}
    bad, reason = told.get("bad_rows_count"), told.get("reason")
    return ListedFile(
        shown,
        size,
        at,
        bad if isinstance(bad, int) else None,
        reason if isinstance(reason, str) else None,
        bool(told.get("accept")),
    )


def _report(folder: Path, name: str) -> dict[str, Any] | None:
    path = folder / f"{name}{REPORT_SUFFIX}"
    try:
        # One that is a link, or a pipe, is none of ours.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_size > _LONGEST_REPORT:
                return None
            content = json.loads(file.read(_LONGEST_REPORT + 1))
    except (OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None
