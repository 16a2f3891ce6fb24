"""Moves that never overwrite, and that a loss of power does not undo."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make the names in *folder* durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_same(one: Path, other: Path) -> bool:
    """Return whether both names are of one and the same thing."""
    try:
        return os.path.samestat(one.lstat(), other.lstat())
    except FileNotFoundError:
        return False


def place(source: Path, target: Path) -> bool:
    """Move *source* to *target* unless that name is taken; return whether it was free.

    A second call after a crash in the middle of the first goes on where that stopped.
    """
    if is_same(source, target):
        source.unlink()
        return True
    try:
        # rename(2) would overwrite what has the name, link(2) does not.
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError:
        # Folders, other people's files (protected_hardlinks) and some filesystems cannot be linked.
        return _place_by_rename(source, target)
    source.unlink()
    return True


def write_durably(path: Path, content: bytes) -> None:
    """Write *path* as a whole or not at all."""
    beside = path.with_name(".webhookd.tmp")
    # Left by a crash, or put there as a link to have something else overwritten.
    beside.unlink(missing_ok=True)
    with beside.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def _place_by_rename(source: Path, target: Path) -> bool:
    """Reserve the name with an empty file or folder, then rename over that."""
    is_folder = source.is_dir() and not source.is_symlink()
    try:
        if is_folder:
            target.mkdir()
        else:
            target.touch(exist_ok=False)
    except FileExistsError:
        return False
    try:
        source.rename(target)
    except OSError:
        if is_folder:
            target.rmdir()
        else:
            target.unlink()
        raise
    return True


def is_regular(path: Path, largest: int) -> bool:
    """Return whether *path* is a file of at most *largest* bytes: no link, and no pipe to wait at.

    Raises OSError where nothing is there.
    """
    found = path.lstat()
    return stat.S_ISREG(found.st_mode) and found.st_size <= largest
