"""Databases that an older webhookd left behind."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

DUMPS = Path(__file__).parent / "data" / "databases"


def leave_behind(version: str, path: Path) -> None:
    """Make the database at *path* as the webhookd with *version* of the tables left it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript((DUMPS / f"version-{version}.sql").read_text())


def everything(path: Path) -> list[str]:
    """Return all that a database holds, as statements."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return list(connection.iterdump())
