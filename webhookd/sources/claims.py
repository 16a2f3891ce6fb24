"""The folders of a drop directory, and the way of a file through them.

`new/NAME` is claimed into `work/CLAIM/NAME` and ends in `done/` or `failed/`. Names and inodes
are used again and again, a CLAIM never: it is what the database knows the file by. Each method
makes its step durable before it returns; between two steps the daemon may die.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhookd.errors import SourceError
from webhookd.sources import moves, names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FOLDERS: Final = ("tmp", "new", "work", "done", "failed", "accepted")
_LONGEST_REPORT: Final = 16 << 20


@dataclass(frozen=True, slots=True)
class Claim:
    """A folder `work/CLAIM`; *file* is what is in it, None when it is empty."""

    id: str
    folder: Path
    file: Path | None

    @property
    def name(self) -> str:
        """Return the printable name of the file."""
        return names.printable(self.file.name) if self.file else ""


class Folders:
    """The folders below *root*."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.new, self.work = root / "new", root / "work"
        self.done, self.failed = root / "done", root / "failed"

    def create(self) -> None:
        """Create what is missing; SourceError when that is impossible."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.restore()
        except OSError as error:
            raise SourceError(
                f"the drop directory {self.root} cannot be prepared: {error.strerror}"
                f" ({error.filename}); create it and let the daemon's user write there"
            ) from error

    def restore(self) -> None:
        """Create the missing folders of a root that exists: an absent one may be unmounted."""
        for folder in _FOLDERS:
            (self.root / folder).mkdir(exist_ok=True)
        moves.sync_folder(self.root)

    def identity(self) -> tuple[int, int]:
        """Return what tells this `new/` from another that is mounted or created in its place."""
        found = self.new.stat()
        return found.st_dev, found.st_ino

    def waiting(self) -> list[str]:
        """Return the names in `new/`, in the order in which they are taken."""
        return sorted((path.name for path in self.new.iterdir()), key=names.order)

    def claimed(self) -> list[Claim]:
        """Return the claims in `work/`, oldest first."""
        with os.scandir(self.work) as entries:
            ids = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        return [self._claim(claim_id) for claim_id in ids]

    def claim(self, name: str, claim_id: str) -> Claim:
        """Move `new/NAME` into a fresh claim; FileNotFoundError when it is gone."""
        folder = self.work / claim_id
        folder.mkdir()
        moves.sync_folder(self.work)
        file = folder / name
        try:
            (self.new / name).rename(file)
        except OSError:
            folder.rmdir()
            raise
        # The new place first: after a loss of power a file in two places is better than in none.
        moves.sync_folder(folder)
        moves.sync_folder(self.new)
        return Claim(claim_id, folder, file)

    def archive(self, claim: Claim) -> None:
        """Move the file to `done/`, under the first free name."""
        if claim.file is None:
            return
        for name in names.candidates(claim.file.name):
            if moves.place(claim.file, self.done / name):
                break
        moves.sync_folder(self.done)
        moves.sync_folder(claim.folder)

    def delete(self, claim: Claim) -> None:
        """Delete the file."""
        if claim.file is not None:
            claim.file.unlink(missing_ok=True)
            moves.sync_folder(claim.folder)

    def fail(self, claim: Claim, report: Mapping[str, Any]) -> Path:
        """Move the file to `failed/` with *report* beside it; return the report's path."""
        content = json.dumps({**report, "claim": claim.id}, indent=2).encode() + b"\n"
        reserved = len(names.REPORT_SUFFIX)
        for name in names.candidates(
            claim.file.name if claim.file else claim.id, reserved=reserved
        ):
            target = self.failed / name
            beside = self.failed / (name + names.REPORT_SUFFIX)
            if not self._is_free(claim, target, beside):
                continue
            # Whoever sees the file finds the report.
            moves.write_durably(beside, content)
            if claim.file is None or moves.place(claim.file, target):
                break
            beside.unlink()
        moves.sync_folder(self.failed)
        moves.sync_folder(claim.folder)
        return beside

    def release(self, claim: Claim) -> None:
        """Remove the claim's folder when it is empty."""
        try:
            claim.folder.rmdir()
        except OSError:
            return
        moves.sync_folder(self.work)

    def _claim(self, claim_id: str) -> Claim:
        folder = self.work / claim_id
        found = sorted(folder.iterdir(), key=lambda path: names.order(path.name))
        return Claim(claim_id, folder, found[0] if found else None)

    @staticmethod
    def _is_free(claim: Claim, target: Path, beside: Path) -> bool:
        """Return whether both names are free, or taken by this very claim before a crash."""
        if os.path.lexists(target) and not (claim.file and moves.is_same(claim.file, target)):
            return False
        return not os.path.lexists(beside) or _claim_of(beside) == claim.id


def _claim_of(report: Path) -> object:
    """Return the claim that an error report is of; None when it is none of ours."""
    try:
        if report.is_symlink() or report.stat().st_size > _LONGEST_REPORT:
            return None
        content = json.loads(report.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return content.get("claim") if isinstance(content, dict) else None
