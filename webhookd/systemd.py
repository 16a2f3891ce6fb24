"""Tells systemd how the process is doing (sd_notify(3)), and learns from it what it wants.

Nothing here fails, and nothing waits: a supervisor that does not listen is none.
"""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


PRIORITIES: Final = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
"""What journald calls the levels (sd-daemon(3))."""


def is_supervised(environment: Mapping[str, str]) -> bool:
    """Return whether somebody wants to hear how this process is doing."""
    return _address(environment) is not None


def notify(environment: Mapping[str, str], *states: str) -> None:
    """Send *states* (`READY=1`, `STATUS=…`) in one datagram, if somebody wants them."""
    address = _address(environment)
    if address is None:
        return
    # A full queue must not stop the event loop: what is lost here is said again soon.
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as connection:
        connection.setblocking(False)
        connection.sendto("\n".join(states).encode(), address)


def watchdog_period(environment: Mapping[str, str]) -> timedelta | None:
    """Return how often to send `WATCHDOG=1`: twice as often as asked; None when not asked."""
    if environment.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    asked = environment.get("WATCHDOG_USEC", "")
    is_number = asked.isascii() and asked.isdecimal() and len(asked) <= len(str(2**64))
    microseconds = int(asked) // 2 if is_number else 0
    return timedelta(microseconds=microseconds) if microseconds else None


def extension(length: timedelta) -> str:
    """Return the state that asks for *length* more before the process is killed."""
    return f"EXTEND_TIMEOUT_USEC={length // timedelta(microseconds=1)}"


def _address(environment: Mapping[str, str]) -> bytes | None:
    name = os.fsencode(environment.get("NOTIFY_SOCKET", ""))
    if name.startswith(b"@"):
        return b"\0" + name[1:]
    return name if name.startswith(b"/") else None


def is_journal() -> bool:
    """Return whether stderr leads to journald, which then reads a priority before each line."""
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def with_priority(text: str, level: str) -> str:
    """Return *text* as journald wants it: every line begins with the priority of *level*."""
    return "\n".join(f"<{PRIORITIES[level]}>{line}" for line in text.split("\n"))
