"""The only place where the wall clock, the monotonic clock and the dice are read.

Everything else gets time and chance as arguments, so that every decision can be tested.
"""

from __future__ import annotations

import os
import random
import secrets
import time
from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


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


def sleep(seconds: float) -> Awaitable[None]:
    """Return what waits so many seconds on the event loop."""
    from asyncio import sleep as wait  # noqa: PLC0415 - 20 ms that commands need not wait for

    return wait(seconds)


def new_id(at: datetime) -> str:
    """Return a new delivery id: 48 bits of milliseconds, then 80 random bits, as hex.

    Unique across daemons and databases, and in the order of time within a
    millisecond's resolution, which keeps the index over ids growing at its end.
    """
    while True:
        try:
            return f"{int(at.timestamp() * 1000):012x}{_drawn.pop()}"
        except IndexError:
            # Several threads may find none at once; each draws, and none takes what another took.
            _draw()


_DRAWN_AT_ONCE = 4096
_RANDOM_BYTES = 10
# The random parts of ids to come: to ask the system for each takes longer than the rest of an id.
# Taken and added on any thread, each by one step of the interpreter; one that forks must not leave
# its own to its child.
_drawn: deque[str] = deque()
os.register_at_fork(after_in_child=_drawn.clear)


def _draw() -> None:
    text = secrets.token_hex(_DRAWN_AT_ONCE // _RANDOM_BYTES * _RANDOM_BYTES)
    size = 2 * _RANDOM_BYTES
    _drawn.extend(text[place : place + size] for place in range(0, len(text), size))


@dataclass(frozen=True, slots=True)
class Clock:
    """Time, chance and waiting in one value, which the parts of the daemon are built with.

    Each is the function of this module by that name, unless another is given: the daemon gives
    *now* the fleet's time (`fleet.database_clock`), a test all of them.
    """

    now: Callable[[], datetime] = now
    monotonic: Callable[[], float] = monotonic
    boottime: Callable[[], float] = boottime
    dice: Callable[[], float] = dice
    sleep: Callable[[float], Awaitable[None]] = sleep


SYSTEM = Clock()
"""The clock of this machine."""
