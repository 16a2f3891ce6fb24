"""What the kernel knows of a connected socket before the event loop has read it."""

from __future__ import annotations

import ctypes
import select
from typing import Final

HUNG_UP: Final = select.POLLRDHUP | select.POLLHUP | select.POLLERR


class _PollFd(ctypes.Structure):
    """The system's `struct pollfd`."""

    _fields_ = (
        ("fd", ctypes.c_int),
        ("events", ctypes.c_short),
        ("revents", ctypes.c_short),
    )


# The interpreter's lock is kept, which `select.poll` gives away: it never waits here, and another
# thread that gets the lock in the middle of an attempt keeps it for longer than the call takes.
_poll = ctypes.PyDLL(None).poll


class SocketState:
    """Tells whether anything has happened to the socket with a *descriptor*, which must be open."""

    __slots__ = ("_asked", "_pointer")

    def __init__(self, descriptor: int) -> None:
        self._asked = _PollFd(descriptor, select.POLLIN | select.POLLRDHUP, 0)
        self._pointer = ctypes.byref(self._asked)

    def events(self) -> int:
        """Return what has happened: the bits of `select.poll`, 0 for nothing."""
        # A call that fails (there is no memory) has to look like a socket that is unfit.
        return self._asked.revents if _poll(self._pointer, 1, 0) >= 0 else select.POLLERR

    def is_quiet(self) -> bool:
        """Return whether nothing has happened."""
        return not _poll(self._pointer, 1, 0)
