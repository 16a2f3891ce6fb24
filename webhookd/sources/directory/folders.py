"""The folders of a drop directory, and the way of a file through them.

`new/NAME` is claimed into `work/CLAIM/NAME` and ends in `done/` or `failed/`. Names and inodes
are used again and again, a CLAIM never: it is what the database knows the file by. Each method
makes its step durable before it returns; between two steps the daemon may die.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from webhookd.config.checks import one_filesystem
from webhookd.errors import SourceError
from webhookd.sources.directory import durable_moves, names
from webhookd.sources.directory.arrivals import file_order
from webhookd.sources.source import FileCounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

_FOLDERS: Final = ("tmp", "new", "work", "done", "failed", "accepted")
_ACCEPTED: Final = "-accepted"
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

    @property
    def is_accepted(self) -> bool:
        """Return whether the file came by way of `accepted/`: a person let it through."""
        return self.id.endswith(_ACCEPTED)


class Folders:
    """The folders below *root*; files are taken from them in *order*."""

    def __init__(self, root: Path, order: Literal["name", "modified"] = "name") -> None:
        self.root = root
        self._order: Literal["name", "modified"] = order
        self.new, self.work = root / "new", root / "work"
        self.done, self.failed = root / "done", root / "failed"
        self.accepted = root / "accepted"

    def create(self) -> None:
        """Create what is missing; SourceError when that is impossible, or files cannot be moved."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.restore()
        except OSError as error:
            raise SourceError(
                f"the drop directory {self.root} cannot be prepared: {error.strerror}"
                f" ({error.filename}); create it and let the daemon's user write there"
            ) from error
        if (reason := one_filesystem.why_apart(self.root)) is not None:
            raise SourceError(reason)

    def are_there(self) -> bool:
        """Return whether files can be dropped."""
        return self.new.is_dir()

    def restore(self) -> None:
        """Create the missing folders of a root that exists: an absent one may be unmounted."""
        for folder in _FOLDERS:
            (self.root / folder).mkdir(exist_ok=True)
        durable_moves.sync_folder(self.root)

    def identity(self) -> tuple[int, int]:
        """Return what tells this `new/` from another that is mounted or created in its place."""
        found = self.new.stat()
        return found.st_dev, found.st_ino

    def waiting(self) -> list[str]:
        """Return the names in `new/`, in the order in which they are taken."""
        return file_order.in_order(self.new, _names(self.new), self._order)

    def beside(self) -> list[str]:
        """Return the names in the root that are none of the folders."""
        with os.scandir(self.root) as entries:
            return [entry.name for entry in entries if entry.name not in _FOLDERS]

    def count(self, ignore: Sequence[str] | None) -> FileCounts | None:
        """Count the files in `new/` and `failed/`; None where this machine does not see both.

        *ignore* is the source's own. The reports beside failed files do not count, nor do names
        with a dot that nobody takes.
        """
        waiting = ignored = 0
        try:
            for name in (path.name for path in self.new.iterdir()):
                if names.why_ignored(name, ignore) is None:
                    waiting += 1
                elif not name.startswith("."):
                    ignored += 1
            failed = sum(
                not name.startswith(".") and not name.endswith(names.REPORT_SUFFIX)
                for name in (path.name for path in self.failed.iterdir())
            )
        except OSError:
            return None
        return FileCounts(waiting, failed, ignored)

    def let_through(self) -> list[str]:
        """Return the names in `accepted/`, in the order in which they are taken."""
        found = [name for name in _names(self.accepted) if name[0] != "."]
        return file_order.in_order(self.accepted, found, self._order)

    def claimed(self) -> list[Claim]:
        """Return the claims in `work/`, oldest first."""
        with os.scandir(self.work) as entries:
            ids = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
        return [self._claim(claim_id) for claim_id in ids]

    def are_claimed(self) -> bool:
        """Return whether there is any claim in `work/`."""
        with os.scandir(self.work) as entries:
            return any(entry.is_dir(follow_symlinks=False) for entry in entries)

    def claim(self, wanted: Iterable[tuple[str, str]]) -> list[Claim | OSError]:
        """Move files, each given as a name in `new/` and the id of a fresh claim, into those.

        Returns each one's claim, or why it cannot be moved: FileNotFoundError when it is gone.
        """
        return self._claim_from(self.new, [(name, id_, name) for name, id_ in wanted])

    def claim_accepted(self, wanted: Iterable[tuple[str, str]]) -> list[Claim | OSError]:
        """Do the same in `accepted/`; the claims say where they came from."""
        return self._claim_from(
            self.accepted, [(name, id_ + _ACCEPTED, name) for name, id_ in wanted]
        )

    def claim_again(self, path: Path, name: str, claim_id: str) -> Claim | OSError:
        """Move a file that was put away at *path* into a fresh claim, by its first *name*."""
        return self._claim_from(path.parent, [(path.name, claim_id, name)])[0]

    def _claim_from(
        self, origin: Path, wanted: Sequence[tuple[str, str, str]]
    ) -> list[Claim | OSError]:
        """Move files from *origin*: each is its name there, a claim, and its name in that."""
        for _, claim_id, _ in wanted:
            (self.work / claim_id).mkdir()
        durable_moves.sync_folder(self.work)
        found = [self._move_in(origin / name, *into) for name, *into in wanted]
        # The new places first: after a loss of power a file in two places is better than in none.
        for claim in found:
            if isinstance(claim, Claim):
                durable_moves.sync_folder(claim.folder)
        durable_moves.sync_folder(origin)
        return found

    def _move_in(self, path: Path, claim_id: str, name: str) -> Claim | OSError:
        folder = self.work / claim_id
        try:
            path.rename(folder / name)
        except OSError as error:
            folder.rmdir()
            return error
        return Claim(claim_id, folder, folder / name)

    def archive(self, claims: Sequence[Claim]) -> list[Path | None]:
        """Move files to `done/`, each under the first free name; return where they are."""
        places = [self._place(claim.file, self.done) for claim in claims]
        if any(places):
            durable_moves.sync_folder(self.done)
            self._sync_emptied(claims)
        return places

    def delete(self, claims: Sequence[Claim]) -> None:
        """Delete files."""
        for claim in claims:
            if claim.file is not None:
                claim.file.unlink(missing_ok=True)
        self._sync_emptied(claims)

    @staticmethod
    def _place(file: Path | None, folder: Path) -> Path | None:
        """Move *file* into *folder* under the first free name; None where there is no file."""
        if file is None:
            return None
        return next(
            folder / name
            for name in names.candidates(file.name)
            if durable_moves.place(file, folder / name)
        )

    @staticmethod
    def _sync_emptied(claims: Iterable[Claim]) -> None:
        for claim in claims:
            if claim.file is not None:
                durable_moves.sync_folder(claim.folder)

    def fail(self, claim: Claim, report: Callable[[Path], Mapping[str, Any]]) -> tuple[Path, Path]:
        """Move the file to `failed/` with a report beside it; return where both are.

        *report* gives the report's content when it is told where the file goes.
        """
        reserved = len(names.REPORT_SUFFIX)
        for name in names.candidates(
            claim.file.name if claim.file else claim.id, reserved=reserved
        ):
            target = self.failed / name
            beside = self.failed / (name + names.REPORT_SUFFIX)
            if not self._is_free(claim, target, beside):
                continue
            # Whoever sees the file finds the report.
            content = json.dumps({**report(target), "claim": claim.id}, indent=2)
            durable_moves.write_durably(beside, content.encode() + b"\n")
            if claim.file is None or durable_moves.place(claim.file, target):
                break
            beside.unlink()
        durable_moves.sync_folder(self.failed)
        durable_moves.sync_folder(claim.folder)
        return target, beside

    def release(self, claims: Iterable[Claim]) -> None:
        """Remove the folders of claims that are empty."""
        for claim in claims:
            with suppress(OSError):
                claim.folder.rmdir()
        durable_moves.sync_folder(self.work)

    def _claim(self, claim_id: str) -> Claim:
        folder = self.work / claim_id
        found = file_order.in_order(folder, _names(folder))
        return Claim(claim_id, folder, folder / found[0] if found else None)

    @staticmethod
    def _is_free(claim: Claim, target: Path, beside: Path) -> bool:
        """Return whether both names are free, or taken by this very claim before a crash."""
        if os.path.lexists(target) and not (
            claim.file and durable_moves.is_same(claim.file, target)
        ):
            return False
        return not os.path.lexists(beside) or _claim_of(beside) == claim.id


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def _claim_of(report: Path) -> object:
    """Return the claim whose error report this is; None for any other file."""
    try:
        if not durable_moves.is_regular(report, _LONGEST_REPORT):
            return None
        content = json.loads(report.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return content.get("claim") if isinstance(content, dict) else None
