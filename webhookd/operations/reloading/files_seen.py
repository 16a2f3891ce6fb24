"""What files looked like when they were read, and do by now."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

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
