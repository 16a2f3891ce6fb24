"""The disk of a drop directory: whether it has room, and whether the kernel knows every writer.

On a network filesystem the writers of other machines are neither told by inotify nor held against
a lease, and a lease may be refused for reasons of the protocol (NFSv4 grants it by delegation).
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

from webhookd.sources.source import DiskSpace
from webhookd.telemetry.events import DiskRanLow, DiskRecovered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.sources.source import Report

LEAST_FREE: Final = 64 << 20
"""Bytes free on the disk below which nothing more is claimed."""

_LOCAL: Final = frozenset(
    {"bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "jfs", "ntfs3", "overlay"}
    | {"ramfs", "reiserfs", "tmpfs", "vfat", "xfs", "zfs"}
)
_MOUNTS: Final = Path("/proc/self/mountinfo")
_ESCAPE: Final = re.compile(rb"\\([0-7]{3})")


class DiskRoom:
    """Judges how much is free on the disk of the source *name*, and reports when that is low."""

    def __init__(self, name: str, report: Report, least_free: int) -> None:
        self._name = name
        self._report = report
        self._least_free = least_free
        self._is_low = False

    def is_enough(self, space: DiskSpace) -> bool:
        """Return whether another file may be claimed where so much is free."""
        if space.is_low and not self._is_low:
            needed = self._least_free
            self._report(DiskRanLow(self._name, free_bytes=space.free_bytes, needed_bytes=needed))
        if self._is_low and not space.is_low:
            self._report(DiskRecovered(self._name))
        self._is_low = space.is_low
        return not space.is_low


def disk_space(root: Path, least_free: int = LEAST_FREE) -> DiskSpace:
    """Return how much of the disk of *root* is free; OSError where that cannot be known."""
    free = shutil.disk_usage(root).free
    return DiskSpace(free, is_low=free < least_free)


def is_local(folder: Path) -> bool:
    """Return whether *folder* is surely on a filesystem of this machine alone."""
    try:
        lines = _MOUNTS.read_bytes().splitlines()
        place = folder.resolve()
    except OSError:
        return False
    # Later mounts hide earlier ones in the same place.
    found = [(len(point.parts), number, kind)
             for number, (point, kind) in enumerate(_mounts(lines))
             if place.is_relative_to(point)]  # fmt: skip
    return bool(found) and max(found)[2] in _LOCAL


def _mounts(lines: list[bytes]) -> Iterator[tuple[Path, str]]:
    """Yield where each filesystem is mounted, and its kind (proc(5), mountinfo)."""
    for line in lines:
        before, _, behind = line.partition(b" - ")
        fields = before.split(b" ")
        point = _ESCAPE.sub(lambda match: bytes([int(match[1], 8)]), fields[4])
        yield Path(point.decode("utf-8", "surrogateescape")), behind.split(b" ")[0].decode()
