"""How much of the processor something may take: what it waits for meanwhile does not count.

A limit on the clock's time would say how busy the machine is.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Fail what takes more *seconds* of the process's CPU time, even if it would never end.

    For the main thread, where signals come; what else runs in the process counts as well. Also a
    decorator.
    """

    def complain(*_: object) -> NoReturn:
        message = f"it took more than {seconds:g} s of the processor"
        raise AssertionError(message)

    before = signal.signal(signal.SIGVTALRM, complain)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
