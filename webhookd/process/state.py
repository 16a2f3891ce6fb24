"""The state directory: made, and held by one daemon at a time."""

from __future__ import annotations

import fcntl
import os
import secrets
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from webhookd.config import bounded_read
from webhookd.errors import StateLockedError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK_NAME = "daemon.lock"
NAME_NAME = "daemon.name"
DATABASE_NAME = "daemon.database"
"""The file that names the daemon's database, so that a lost one is not taken for a new one."""

LARGEST = 64 * 1024


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Hold *directory*, made if need be, until the process ends or the block is left.

    Raises StateLockedError, naming the holder, when another daemon has it; StorageError when
    it cannot be made or written.
    """
    try:
        directory.mkdir(mode=0o750, parents=True, exist_ok=True)
        descriptor = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        raise StorageError(
            f"cannot use the state directory {directory}: {error.strerror}"
        ) from error
    try:
        _lock(descriptor, directory)
        # Who holds it is only told to others: a full disk need not keep the daemon from starting.
        with suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def name_of(directory: Path) -> str:
    """Return the name that a held *directory* has among those of other daemons; StorageError.

    It is made once and stays: who holds the directory later comes after who held it before.
    """
    path = directory / NAME_NAME
    name = _kept(path)
    if not name:
        # There is none, or a crash left an empty file, which two daemons might share.
        name = secrets.token_hex(16)
        _keep(path, name)
    return name


def had_database(directory: Path) -> bool:
    """Return whether a daemon that held *directory* had a database; StorageError."""
    # Daemons of before this was noted had made their names when their databases were there.
    return bool(_kept(directory / DATABASE_NAME) or _kept(directory / NAME_NAME))


def note_database(directory: Path, place: str) -> None:
    """Write into a held *directory* that its database is at *place*. Raises StorageError."""
    path = directory / DATABASE_NAME
    if _kept(path) != place:
        _keep(path, place)


def _kept(path: Path) -> str:
    """Return the line that *path* holds, nothing where there is no such file."""
    try:
        if not path.exists():
            return ""
        return bounded_read.read(path, largest=LARGEST).decode().strip()
    except (OSError, UnicodeDecodeError, bounded_read.UnreadableError) as error:
        raise StorageError(f"cannot read or write {path}: {error}") from error


def _keep(path: Path, line: str) -> None:
    beside = path.with_name(f"{path.name}.new")
    try:
        with beside.open("w") as file:
            file.write(f"{line}\n")
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except (OSError, ValueError) as error:
        raise StorageError(f"cannot read or write {path}: {error}") from error


def _lock(descriptor: int, directory: Path) -> None:
    try:
        # The lock belongs to the open file and goes with the process, however it dies.
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        raise StateLockedError(
            f"another webhookd (process {holder}) works on {directory}; stop it, or give this"
            " one its own --state-directory"
        ) from None
    except OSError as error:
        raise StorageError(f"cannot lock {directory / LOCK_NAME}: {error.strerror}") from error
