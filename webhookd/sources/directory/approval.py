"""Lets a snapshot through that was set aside: from `failed/` to `accepted/`, by hand.

Only files are moved: the daemon notices, whether it runs now or later.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from webhookd.errors import SourceError
from webhookd.sources.directory import durable_moves, names
from webhookd.sources.directory.folders import Folders

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LONGEST_REPORT: Final = 16 << 20


class NotAcceptedError(SourceError):
    """A file that cannot be let through; it stays where it is."""


def root_of(path: Path) -> Path:
    """Return the drop directory in whose `failed/` the file *path* is, else say what is wrong."""
    if not os.path.lexists(path):
        raise NotAcceptedError(f"{_shown(path)}: there is no such file")
    if path.parent.name != "failed":
        raise NotAcceptedError(
            f"{_shown(path)}: only a snapshot that was set aside in the folder failed/ of a drop"
            " directory can be let through"
        )
    if path.name.endswith(names.REPORT_SUFFIX):
        meant = path.name.removesuffix(names.REPORT_SUFFIX)
        raise NotAcceptedError(f"{_shown(path)}: this is the report; name the file itself: {meant}")
    return path.parent.parent.resolve()


def source_of(path: Path) -> str | None:
    """Return the source that read the file *path*, as its report says; None when it does not."""
    source = _report(_beside(path)).get("source")
    return source if isinstance(source, str) else None


def accept(path: Path, last_taken: Callable[[], str | None]) -> Path:
    """Move the set-aside *path* to `accepted/` and return its new place.

    *last_taken* gives the claim of the last snapshot that its source took.
    """
    folders = Folders(path.parent.parent)
    beside = _beside(path)
    claim = _set_aside_claim(path, beside)
    _refuse_older(path, claim, folders, last_taken)
    try:
        target = _moved(path, folders)
        try:
            # The daemon may have claimed a newer one between the look and the move.
            _refuse_older(path, claim, folders, last_taken)
        except NotAcceptedError:
            if _is_taken_back(target, path):
                raise
        with suppress(FileNotFoundError):
            beside.unlink()
        durable_moves.sync_folder(folders.failed)
    except OSError as error:
        raise NotAcceptedError(
            f"{_shown(path)} cannot be moved to accepted/: {error.strerror}; is this the daemon's"
            " user, or root?"
        ) from error
    return target


def _set_aside_claim(path: Path, beside: Path) -> str:
    """Return the claim under which the file was read, else say why it cannot be let through."""
    report = _report(beside)
    claim = report.get("claim")
    if not isinstance(claim, str):
        raise NotAcceptedError(
            f"{_shown(path)}: its report {_shown(beside)} is missing or is none of webhookd's;"
            " drop the file into new/ again"
        )
    if not report.get("accept"):
        raise NotAcceptedError(
            f"{_shown(path)}: it was not set aside for a person to decide, it failed:"
            f" {report.get('reason')!s:.500}; drop a corrected file into new/"
        )
    return claim


def _beside(path: Path) -> Path:
    return path.with_name(path.name + names.REPORT_SUFFIX)


def _report(beside: Path) -> dict[str, Any]:
    try:
        if not durable_moves.is_regular(beside, _LONGEST_REPORT):
            return {}
        content = json.loads(beside.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _refuse_older(
    path: Path, claim: str, folders: Folders, last_taken: Callable[[], str | None]
) -> None:
    # In work first: what leaves that folder meanwhile is in the database by then.
    in_work = [other.id for other in folders.claimed() if other.file is not None]
    if max(in_work, default="") > claim:
        raise NotAcceptedError(
            f"{_shown(path)}: a newer file is being taken now; look again when it is done"
        )
    if (last_taken() or "") > claim:
        raise NotAcceptedError(
            f"{_shown(path)}: a newer snapshot was taken since, and this one would undo it;"
            " drop a new one into new/"
        )


def _moved(path: Path, folders: Folders) -> Path:
    for name in names.candidates(path.name):
        target = folders.accepted / name
        if durable_moves.place(path, target):
            break
    durable_moves.sync_folder(folders.accepted)
    return target


def _is_taken_back(target: Path, path: Path) -> bool:
    """Move the file back; return False when the daemon has it already: it is the newer one."""
    try:
        is_back = durable_moves.place(target, path)
    except FileNotFoundError:
        return False
    durable_moves.sync_folder(path.parent)
    return is_back


def _shown(path: Path) -> str:
    return names.printable(str(path))
