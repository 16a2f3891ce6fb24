"""The only place where the wall clock, the monotonic clock and the dice are read.

Everything else gets time and chance as arguments, so that every decision can be tested.
"""

from __future__ import annotations

import random
import secrets
import time
from datetime import UTC, datetime


def now() -> datetime:
    """Return the time, aware, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Return seconds from a clock that never jumps: for lengths of time."""
    return time.monotonic()


def boottime() -> float:
    """Return seconds from a clock that never jumps and goes on while the machine sleeps.

    A lease ends by it: whoever slept through its end must know.
    """
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def dice() -> float:
    """Return a random number in [0, 1): for jitter, not for secrets."""
    return random.random()  # noqa: S311 - jitter needs no cryptography


def new_id(at: datetime) -> str:
    """Return a new delivery id: 48 bits of milliseconds, then 80 random bits, as hex.

    Unique across daemons and databases, and in the order of time within a
    millisecond's resolution, which keeps the index over ids growing at its end.
    """
    return f"{int(at.timestamp() * 1000):012x}{secrets.token_hex(10)}"
