"""Deleting what was settled long ago, a little at a time, and giving the room back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.storage.database.connection import Dialect
from webhookd.storage.database.times import to_micros
from webhookd.storage.deliveries import kept_heads

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.storage.database.connection import Statements

PAGES_AT_ONCE = 400
"""Free pages that one step of retention gives back to the disk."""


def retire(connection: Statements, before: datetime, limit: int) -> int:
    """Delete at most *limit* deliveries settled before *before*; return how many."""
    query = "SELECT id, number FROM deliveries WHERE settled_at < ? ORDER BY settled_at LIMIT ?"
    rows = connection.execute(query, (to_micros(before), limit)).fetchall()
    ids = [(id_,) for id_, _ in rows]
    kept_heads.retire(connection, [number for _, number in rows])
    connection.executemany("DELETE FROM attempts WHERE delivery_id = ?", ids)
    connection.executemany("DELETE FROM deliveries WHERE id = ?", ids)
    _give_back(connection, PAGES_AT_ONCE)
    return len(ids)


def _give_back(connection: Statements, pages: int) -> None:
    """Return at most *pages* free pages to the file system; a server sees to its own."""
    if connection.dialect is not Dialect.SQLITE:
        return
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    for _ in range(min(free, pages)):
        # The driver takes one step of a PRAGMA without columns, and one step is one page.
        connection.execute("PRAGMA incremental_vacuum(1)")
