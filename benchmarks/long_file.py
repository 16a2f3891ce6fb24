"""A file of a million rows of which one in a hundred matches: how fast, in how much memory.

The baseline, in the same run: the same rows read as JSON and inserted into a table of their own
by a thousand in a transaction, with nothing compared, matched or rendered.
"""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from contextlib import closing
from itertools import islice
from pathlib import Path

from benchmarks.processes import daemon, hook, receiver
from benchmarks.rows import Row

ROWS = 1_000_000
ONE_IN = 100
BATCH = 1_000


def measure() -> list[Row]:
    """Take the file in once: it takes long enough."""
    with tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name:
        folder = Path(name)
        file = folder / "rows"
        file.write_text("".join(_row(number) for number in range(ROWS)))
        bare = _insert(file, folder / "bare.db")
        rate, resident = _take(folder, file)
    quarter = len(resident) // 4
    growth = max(resident[-quarter:]) - max(resident[quarter : 2 * quarter])
    return [
        Row(
            "a file of 1,000,000 rows, 1 % matching",
            "20,000 rows/s",
            [rate],
            20_000,
            digits=0,
            unit=" rows/s",
            figures={"only read and inserted, rows/s": [bare], "ratio": [rate / bare]},
        ),
        Row(
            "the same: memory, the last quarter above the second",
            "flat (10 MiB)",
            [growth],
            10,
            is_most=True,
            digits=1,
            unit=" MiB",
            figures={"most, MiB": [max(resident)]},
        ),
    ]


def _row(number: int) -> str:
    stage = "customer" if number % ONE_IN == 0 else "lead"
    row = {"id": number, "email": f"p{number}@example.com", "stage": stage, "note": "x" * 60}
    return json.dumps(row) + "\n"


def _insert(file: Path, database: Path) -> float:
    """Return rows a second, where nothing but reading and storing is done."""
    started = time.perf_counter()
    with (
        closing(sqlite3.connect(database, isolation_level=None)) as connection,
        file.open() as rows,
    ):
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE records (id TEXT PRIMARY KEY, row TEXT) WITHOUT ROWID")
        while batch := list(islice(rows, BATCH)):
            read = map(json.loads, batch)
            values = [(str(row["id"]), json.dumps(row)) for row in read]
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany("INSERT INTO records VALUES (?, ?)", values)
            connection.execute("COMMIT")
    return ROWS / (time.perf_counter() - started)


def _take(folder: Path, file: Path) -> tuple[float, list[float]]:
    """Return rows a second of the daemon, and its memory all the while, in MiB."""
    customers = {"property": "stage", "operator": "EQ", "value": "customer"}
    with receiver() as receiving, daemon(folder) as running:
        running.configure({"rare": hook(receiving.url(), trigger={"when": [customers]})})
        running.start()
        resident: list[float] = []
        started = time.perf_counter()
        file.rename(folder / "crm" / "new" / "1.ndjson")
        while not (folder / "crm" / "done" / "1.ndjson").exists():
            resident.append(running.resident_mib())
            # Ten looks a second: more would take from what is measured.
            time.sleep(0.1)
        return ROWS / (time.perf_counter() - started), resident
