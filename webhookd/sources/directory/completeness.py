"""Whether a file in `new/` is whole, or somebody still writes it there.

A producer should write elsewhere and rename; `cp` straight into `new/` is common all the same.
No single sign tells the two apart, so several are weighed, from the surest down.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

STILL_AFTER: Final = 2.0
"""Seconds without a change after which a file counts as whole."""


@dataclass(frozen=True, slots=True)
class FileSigns:
    """What a file shows of itself at one moment. Times are nanoseconds since 1970."""

    is_regular: bool
    size: int
    modified: int
    changed: int
    is_being_written: bool


def signs_of(path: Path) -> FileSigns:
    """Look at *path* without following it; FileNotFoundError when it is gone."""
    found = path.lstat()
    is_regular = stat.S_ISREG(found.st_mode)
    written = is_regular and _has_writer(path)
    return FileSigns(is_regular, found.st_size, found.st_mtime_ns, found.st_ctime_ns, written)


def is_whole(seen: FileSigns, *, was_moved_in: bool, still_for: float, now: int) -> bool:
    """Return whether the file that was *seen* can be taken.

    *was_moved_in* says that it was seen to come by a rename and was not written since,
    *still_for* for how many seconds it has looked the same, *now* is in nanoseconds since 1970.
    """
    if not seen.is_regular or still_for >= STILL_AFTER:
        return True
    if seen.is_being_written:
        return False
    # A rename or a link changes the inode's times but not the content's: it came last. Kernels
    # with coarse times do not show that of a file renamed within a tick of its last write.
    if seen.changed > seen.modified or now - seen.modified > STILL_AFTER * 1e9:
        return True
    return was_moved_in


def _has_writer(path: Path) -> bool:
    """Return whether somebody surely has *path* open for writing.

    The kernel grants a read lease only on a file that nobody writes (fcntl(2), F_SETLEASE).
    On another owner's file or some filesystems it cannot be asked: then False.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # A writer that comes while we hold the lease makes the kernel send us a signal; the
        # default, SIGIO, would end the process. SIGURG is ignored.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return error.errno == errno.EAGAIN
    finally:
        os.close(descriptor)
    return False
