"""A daemon with many webhooks and many deliveries that nobody made: to be asked about them."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.processes import hook

if TYPE_CHECKING:
    from benchmarks.processes import DaemonProcess

HOUR = 3_600_000_000


@dataclass(frozen=True, slots=True)
class Filling:
    """So many deliveries of so many *webhooks*, of which the last *waiting* wait.

    *insert* makes them of `:last`, `:settled`, `:due`, `:at`, `:webhooks`, and of `:length`: of the
    microseconds that they were stored within.
    """

    insert: str
    webhooks: int
    deliveries: int
    waiting: int
    length: int = 0


def start_filled(running: DaemonProcess, filling: Filling) -> None:
    """Start a daemon whose database holds what *filling* says, written by one statement."""
    running.configure(
        {
            f"webhook-{number:04}": hook(f"http://127.0.0.1:1/hook/{number}")
            for number in range(filling.webhooks)
        }
    )
    running.start()
    running.stop()
    at = int(time.time() * 1e6)
    values = {
        "last": filling.deliveries - 1,
        "settled": filling.deliveries - filling.waiting,
        "due": at + HOUR,
        "at": at,
        "webhooks": filling.webhooks,
        "length": filling.length,
    }
    with closing(sqlite3.connect(running.database, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(filling.insert, values)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    running.start()
