"""Writing the file of a database anew, so that no page of it holds what was deleted.

A deleted row leaves its bytes behind: in pages, in free pages and in the write-ahead log. A server
sees to its own pages.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final

from webhookd.errors import StorageError
from webhookd.storage.database.connection import Dialect
from webhookd.storage.database.database import open_as_it_is
from webhookd.storage.database.sqlite import QUICKLY_CHECKED

if TYPE_CHECKING:
    from webhookd.storage.database.database import Database

_CHECKPOINTS: Final = 5
"""How often the log is tried to be emptied, each time for `BUSY_SECONDS` at the most."""


def rewrite(database: Database) -> bool | None:
    """Write a small file anew beside those who work on it, and empty its log.

    Return whether both were done: a large file would keep the writer waiting for longer than it
    waits. None for a server. Never on the event loop.
    """
    if database.dialect is not Dialect.SQLITE:
        return None
    try:
        is_small = Path(database.place).stat().st_size <= QUICKLY_CHECKED
        return _rewritten(database, is_whole=is_small) and is_small
    except (sqlite3.OperationalError, OSError):
        # Somebody else has it for longer, or there is no room: what was erased is erased.
        return False


def write_anew(url: str) -> None:
    """Write the file of the database at *url* anew, whatever its size.

    Raises StorageError where that cannot be done; nobody else may have it open.
    """
    database = open_as_it_is(url, mode="rw")
    try:
        with database.refusing("write"):
            if not _rewritten(database, is_whole=True, pragma="temp_store=FILE"):
                raise StorageError(f"something else works on the database {database.place}")
    finally:
        database.close()


def _rewritten(database: Database, *, is_whole: bool, pragma: str | None = None) -> bool:
    """Write the file anew, if *is_whole*, and empty its log; return whether nobody kept it."""
    raw = database.engine.raw_connection()
    try:
        connection = raw.driver_connection
        if not isinstance(connection, sqlite3.Connection):
            raise StorageError(f"unexpected driver {type(connection).__name__}")
        if pragma is not None:
            # What is written anew would else be kept in memory meanwhile.
            connection.execute(f"PRAGMA {pragma}")
        if is_whole:
            connection.execute("VACUUM")
        # Frames of the log are overwritten only when it begins anew; readers may be in the way.
        query = "PRAGMA wal_checkpoint(TRUNCATE)"
        return any(not connection.execute(query).fetchone()[0] for _ in range(_CHECKPOINTS))
    finally:
        raw.close()
