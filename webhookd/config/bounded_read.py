"""Read a file that a person named: bounded, never blocking, with a reason when it cannot be."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Note = Callable[[Path], None]

_NOTE: ContextVar[Note | None] = ContextVar("note", default=None)


class UnreadableError(Exception):
    """A file cannot be read; the message is the reason, without the file's name."""


def read(path: Path, *, largest: int) -> bytes:
    """Return the content of *path*, a regular file of at most *largest* bytes."""
    note(path)
    try:
        # Without O_NONBLOCK, opening a FIFO waits for a writer that may never come.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnreadableError(reason(error)) from None
    except ValueError:
        raise UnreadableError("its name is not a path") from None
    try:
        return _content(descriptor, largest)
    except OSError as error:
        raise UnreadableError(reason(error)) from None
    finally:
        os.close(descriptor)


@contextmanager
def noting(call: Note | None) -> Iterator[None]:
    """Have *call* be called, on this thread, for each file that is read within the block.

    It is called just before. Whoever reads them is many calls away from who wants to know.
    """
    token = _NOTE.set(call)
    try:
        yield
    finally:
        _NOTE.reset(token)


def note(path: Path) -> None:
    """Tell whoever wants to know that *path* is about to be read."""
    call = _NOTE.get()
    if call is not None:
        call(path)


def is_directory(path: Path) -> bool | None:
    """Return whether *path* is a directory, None when nothing can be found there."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (OSError, ValueError):
        return None


def reason(error: OSError) -> str:
    """Return the system's own words for *error*, such as `no such file or directory`."""
    return (error.strerror or str(error)).lower()


def size_of(count: int) -> str:
    """Return a number of bytes as people write it."""
    for unit, factor in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= factor:
            return f"{count // factor} {unit}"
    return f"{count} bytes"


def _content(descriptor: int, largest: int) -> bytes:
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise UnreadableError("it is not a regular file")
    with os.fdopen(descriptor, "rb", closefd=False) as file:
        content = file.read(largest + 1)
    if len(content) > largest:
        raise UnreadableError(f"it is larger than {size_of(largest)}")
    return content
