"""Whether a file in `new/` is whole, or somebody still writes it there.

A producer should write elsewhere and rename; `cp` straight into `new/` is common all the same, and
a producer may pause for as long as it likes. No single sign tells the two apart, so several are
weighed, from the surest down: a lease, which the kernel grants only on a file that nobody has open
for writing; what the watch saw happen in the folder, whoever did it; and only where neither can
tell, for how long the file has stood still.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final

from webhookd.sources.directory.arrivals.inotify import Arrival

if TYPE_CHECKING:
    from pathlib import Path

STILL_AFTER: Final = 2.0
"""Seconds without a change after which a file that its writer closed counts as whole."""

_LINK_SEEN_AFTER: Final = 0.15
"""Seconds after which a file whose content nobody was seen to write was surely linked in."""


class Writer(Enum):
    """Whether somebody has a file open for writing."""

    SURELY = 1
    SURELY_NOT = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True)
class FileSigns:
    """What a file shows of itself at one moment. Times are nanoseconds since 1970."""

    is_regular: bool
    size: int
    modified: int
    changed: int
    writer: Writer


def signs_of(path: Path, *, is_local: bool) -> FileSigns:
    """Look at *path* without following it; FileNotFoundError when it is gone.

    *is_local* says that leases tell of all writers there.
    """
    found = path.lstat()
    is_regular = stat.S_ISREG(found.st_mode)
    can_tell = is_regular and is_local and _may_ask(found)
    writer = _writer_of(path) if can_tell else Writer.UNKNOWN
    return FileSigns(is_regular, found.st_size, found.st_mtime_ns, found.st_ctime_ns, writer)


def is_whole(
    seen: FileSigns,
    arrival: Arrival,
    *,
    was_there: bool,
    is_opened: bool = False,
    still_for: float,
    settle: float,
    now: int,
) -> bool:
    """Return whether the file that was *seen* can be taken.

    *arrival* is what the watch saw of it, *was_there* says that it is older than the watch,
    *is_opened* that somebody seems to have it open, who may only read it.
    *still_for* is for how many seconds it has looked the same, *settle* how many it takes where
    nothing else tells; *now* is in nanoseconds since 1970.
    """
    if seen.writer is Writer.SURELY or not seen.is_regular:
        return not seen.is_regular
    is_unopened = seen.writer is Writer.SURELY_NOT
    # A rename or a link changes the inode's times but not the content's: it came last.
    was_published = seen.changed > seen.modified
    match arrival:
        case Arrival.MOVED_IN:
            return True
        case Arrival.CLOSED:
            is_doubtful = is_opened and not is_unopened
            return still_for >= (max(settle, STILL_AFTER) if is_doubtful else STILL_AFTER)
        case Arrival.CREATED if seen.size:
            # Content without a write that was seen: the name was linked to a file made elsewhere.
            return was_published or still_for >= _LINK_SEEN_AFTER
        case Arrival.CREATED | Arrival.WRITTEN:
            return is_unopened and still_for >= STILL_AFTER
        case Arrival.UNSEEN:
            needed = STILL_AFTER if is_unopened else settle
            is_old = now - seen.modified > needed * 1e9 and (was_there or is_unopened)
            return still_for >= needed or is_old or (was_published and is_unopened)


def writer_of(descriptor: int) -> Writer:
    """Return whether somebody has the file open for writing; it is open for reading here.

    The kernel grants a read lease only on a file that nobody writes (fcntl(2), F_SETLEASE).
    On another owner's file and some filesystems it cannot be asked. Only root tries on another's:
    it would be refused, and each refusal is an entry in the audit log of a hardened machine.
    """
    if not _may_ask(os.fstat(descriptor)):
        return Writer.UNKNOWN
    try:
        # A writer that comes while we hold the lease makes the kernel send us a signal; the
        # default, SIGIO, would end the process. SIGURG is ignored.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        return Writer.SURELY if error.errno == errno.EAGAIN else Writer.UNKNOWN
    return Writer.SURELY_NOT


def _may_ask(found: os.stat_result) -> bool:
    """Return whether this process may have a lease on a file (without CAP_LEASE: its own ones)."""
    return os.geteuid() in {0, found.st_uid}


def _writer_of(path: Path) -> Writer:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return Writer.UNKNOWN
    try:
        return writer_of(descriptor)
    finally:
        os.close(descriptor)
