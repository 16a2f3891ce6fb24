"""The real webhookd at the time and on the host of the pictures: `fixed_past`.

A daemon's clock goes on from there, for its jobs are told by it; a console's stands still.
"""

from __future__ import annotations

import os
import sys

import apscheduler.schedulers.base
import apscheduler.triggers.interval

from tests.console import fixed_past
from tests.crash import daemon_with_another_clock as another
from webhookd import cli, clock

if __name__ == "__main__":
    os.environ["WEBHOOKD_HOST"] = fixed_past.HOST
    if "console" in sys.argv:
        clock.now = lambda: fixed_past.NOW
    else:
        another.offset = fixed_past.NOW - another.true_now()
        clock.now = another.now
        apscheduler.schedulers.base.datetime = another.Datetime
        apscheduler.triggers.interval.datetime = another.Datetime
    cli.main()
