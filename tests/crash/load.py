"""Files dropped without end: rows of few records, each row a change of its own."""

from __future__ import annotations

import gzip
import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    import random

SHARE_CHOSEN = 0.012
EVERY_SECONDS = 0.1
BURST_EVERY = 20
"""At every so-manieth time there is a burst, packed: more than one batch takes to read it."""


class Directory(Protocol):
    """Where files are dropped."""

    def drop(self, name: str, content: str | bytes) -> None:
        """Drop a file as every producer should."""


@dataclass(frozen=True)
class Pace:
    """How much is dropped: rows of so many *records*, so many in a file, and in a burst."""

    records: int = 200
    rows: int = 10
    burst: int = 250


@dataclass(frozen=True)
class Row:
    """A row that was dropped; *is_chosen* rows fire the webhook that fires for few."""

    record: str
    value: int
    is_chosen: bool


class Load:
    """Drops files into a directory, from a thread. A context manager."""

    def __init__(self, directory: Directory, chance: random.Random, pace: Pace = Pace()) -> None:
        self._directory = directory
        self._chance = chance
        self._pace = pace
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._drop, daemon=True)
        self.rows: list[Row] = []
        self.files = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def is_running(self) -> bool:
        """Return whether files are being dropped."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Drop no more."""
        self._stop.set()
        self._thread.join()

    def drop(self, count: int) -> None:
        """Drop one file of so many rows; a long one is packed."""
        first = len(self.rows)
        rows = [self._row(first + number) for number in range(count)]
        # Known before it is dropped: it may be delivered at once.
        self.rows += rows
        text = "".join(
            json.dumps(
                {
                    "id": row.record,
                    "value": row.value,
                    "kind": "chosen" if row.is_chosen else "common",
                }
            )
            + "\n"
            for row in rows
        ).encode()
        name = f"{self.files:06}.ndjson"
        self.files += 1
        if count > self._pace.rows:
            self._directory.drop(f"{name}.gz", gzip.compress(text))
        else:
            self._directory.drop(name, text)

    def _row(self, value: int) -> Row:
        chance = self._chance
        return Row(str(chance.randrange(self._pace.records)), value, chance.random() < SHARE_CHOSEN)

    def _drop(self) -> None:
        while not self._stop.wait(EVERY_SECONDS):
            is_burst = self.files % BURST_EVERY == BURST_EVERY - 1
            self.drop(self._pace.burst if is_burst else self._pace.rows)
