"""What files looked like when they were read, and do by now."""

from __future__ import annotations

import hashlib
import stat
from typing import TYPE_CHECKING, Final, TypeAlias

from webhookd.config import bounded_read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LARGEST: Final = 32 * 1024 * 1024
"""Bytes of a file whose content is compared; none that is taken has more."""

Stamp: TypeAlias = tuple[object, ...]
"""Tells a file from another under the same name, and a folder's names from others."""


class FilesSeen:
    """The files that a reading touched, of the configuration for one, each as it was just before.

    *note* is called on the thread that reads; the rest when that is over.
    """

    def __init__(self) -> None:
        self._stamps: dict[Path, Stamp] = {}

    def note(self, path: Path) -> None:
        """Note a file or a folder that is about to be read.

        What is changed between this and the reading looks otherwise at the next look.
        """
        self._stamps.setdefault(path, _stamp(path))

    @property
    def stamps(self) -> Mapping[Path, Stamp]:
        """Return how each of them looked."""
        return self._stamps

    def look(self) -> Mapping[Path, Stamp]:
        """Return how each of them looks now. It asks disks."""
        return {path: _stamp(path) for path in self._stamps}

    def take(self, stamps: Mapping[Path, Stamp]) -> None:
        """Have them look as *stamps* say: what they hold is the same."""
        self._stamps = dict(stamps)

    def content(self) -> bytes | None:
        """Return a digest of what they hold; None where that is not what was read. It asks disks.

        They are others by then, or one is too large to be compared.
        """
        digest = hashlib.sha256()
        for path in self._stamps:
            held = _held(path)
            if held is None:
                return None
            digest.update(hashlib.sha256(held).digest())
        # What looks as it did before the reading, now that all of it was read again, is the same.
        return digest.digest() if self.look() == self._stamps else None

    def holds(self, content: bytes) -> bool:
        """Return whether they hold what *content*, a digest, was made of, whatever they look like.

        It asks disks.
        """
        now = FilesSeen()
        now.take(self.look())
        return now.content() == content


def _held(path: Path) -> bytes | None:
    """Return the content of a file, or the names in a folder; None where it is too large."""
    try:
        if path.is_dir():
            return repr(_stamp(path)).encode("utf-8", "surrogateescape")
        if path.stat().st_size > LARGEST:
            return None
        return b"=" + bounded_read.read(path, largest=LARGEST)
    except (OSError, ValueError, bounded_read.UnreadableError) as error:
        return f"!{error}".encode("utf-8", "surrogateescape")


def _stamp(path: Path) -> Stamp:
    """Return what tells the file that *path* leads to, through whatever links, from others.

    A ConfigMap and a checkout replace a link somewhere on the way: the number of the file changes
    with it.
    """
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            # As they are read: what is hidden counts for nothing.
            return tuple(sorted(one.name for one in path.iterdir() if one.name[:1] != "."))
    except OSError as error:
        return (error.errno,)
    except ValueError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
