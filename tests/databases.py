"""New databases of each kind, and such that an older webhookd left behind."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests import postgresql

KINDS = ("sqlite", "postgresql")
DUMPS = Path(__file__).parent / "data" / "databases"


def new_url(kind: str, folder: Path) -> str:
    """Return the URL of a database of this kind that is not there yet; a file is in *folder*."""
    if kind == "postgresql":
        server = postgresql.server()
        return server.url(server.new())
    return f"sqlite:///{folder / 'webhookd.db'}"


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


KILLED_UPGRADE = """
import os, signal, sys
import sqlalchemy
from webhookd.storage.schema import upgrade

WRITES = ("CREATE", "ALTER", "DROP", "INSERT", "UPDATE", "DELETE")
left = int(sys.argv[2])

def executing(connection, cursor, statement, *_):
    if statement.lstrip().startswith(WRITES):
        die()

def die(*_):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

sqlalchemy.event.listen(sqlalchemy.Engine, "before_cursor_execute", executing)
sqlalchemy.event.listen(sqlalchemy.Engine, "commit", die)
upgrade.upgrade(sys.argv[1])
"""
"""Upgrades the database at a URL, and is killed before the write whose number comes second."""
