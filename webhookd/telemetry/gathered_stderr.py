"""Stderr, with lines that are gathered for a few milliseconds and written at once.

Each write costs a call of the system and gives the interpreter's lock away, which costs more than
the line. So the lines of delivered attempts, by far the most, wait for each other. Whatever else is
written hands them over first: the order of lines is that of the events. And before settlements go
to the disk they are handed over as well (`delivery.settlements`): what is settled is in the log.
"""

from __future__ import annotations

import asyncio
import atexit
import sys
import threading
from collections import deque
from contextlib import suppress
from typing import Final

GATHER_SECONDS: Final = 0.005
"""Seconds for which a line waits for others at the most."""


class GatheredStderr:
    """Stderr, whose refusal (a full disk, a reader that is gone) costs a line and nothing else.

    No file of Python's own: those are flushed once more when the interpreter has ended.
    """

    def __init__(self) -> None:
        # Rule: lines are added on the event loop's thread and taken out under the lock, on every
        # thread; the deque is never replaced, so that none is added to one that was written.
        self._lines: deque[str] = deque()
        self._lock = threading.Lock()
        self._is_timed = False

    def gather(self, line: str) -> None:
        """Write *line*, which ends with a line break, within a few milliseconds.

        Called on the event loop; where none runs it is written now.
        """
        self._lines.append(line)
        if self._is_timed:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.hand_over()
            return
        self._is_timed = True
        loop.call_later(GATHER_SECONDS, self._time_is_over)

    def hand_over(self) -> None:
        """Write the lines that were gathered, on any thread."""
        # Nearly always there is one: a lock costs less than to look twice.
        with self._lock:
            self._write_with("")

    def write(self, text: str) -> int:
        """Write *text* behind the lines that were gathered, if that is possible now."""
        with self._lock:
            self._write_with(text)
        return len(text)

    def flush(self) -> None:
        """Hand over what was written, if that is possible now."""
        with suppress(OSError, ValueError):
            sys.stderr.flush()

    def _time_is_over(self) -> None:
        self._is_timed = False
        self.hand_over()

    def _write_with(self, text: str) -> None:
        pieces = []
        with suppress(IndexError):
            while True:
                pieces.append(self._lines.popleft())
        if text:
            pieces.append(text)
        if pieces:
            with suppress(OSError, ValueError):
                sys.stderr.write("".join(pieces))


STDERR: Final = GatheredStderr()
"""The process's: all lines of the log go through it."""

atexit.register(STDERR.hand_over)
