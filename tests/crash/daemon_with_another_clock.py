"""The real daemon, whose wall clock can be set: `CLOCK_OFFSET_FILE` is read at every SIGUSR1.

What it says at the start, if it is there then, is how wrong the clock is from the beginning.

The clock that measures lengths goes on as it does, as it would on a machine whose time is set.
APScheduler reads the wall clock by itself, and is given this one.
"""

from __future__ import annotations

import os
import signal
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import apscheduler.schedulers.base
import apscheduler.triggers.interval

from webhookd import cli, clock

offset = timedelta()
true_now = clock.now


def now() -> datetime:
    """Return what the clock on the wall says."""
    return true_now() + offset


class Datetime(datetime):
    """A datetime whose *now* is the wall clock's."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """Return the time, in *tz*."""
        return datetime.now(tz) + offset  # type: ignore[return-value]  # any datetime will do


def set_clock(*_: object) -> None:
    """Set the clock on the wall."""
    global offset  # noqa: PLW0603 - there is one wall
    offset = timedelta(seconds=int(Path(os.environ["CLOCK_OFFSET_FILE"]).read_text()))


if __name__ == "__main__":
    clock.now = now
    apscheduler.schedulers.base.datetime = Datetime
    apscheduler.triggers.interval.datetime = Datetime
    signal.signal(signal.SIGUSR1, set_clock)
    if Path(os.environ["CLOCK_OFFSET_FILE"]).exists():
        set_clock()
    cli.main()
