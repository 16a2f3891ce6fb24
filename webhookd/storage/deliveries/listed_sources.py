"""The sources that were ever read: what is known of each, what waits of it, its file in work."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, func, select, text

from webhookd.model import LIST_CLAIM
from webhookd.storage.database.times import from_micros
from webhookd.storage.deliveries import record_order
from webhookd.storage.schema.tables import DELIVERIES, FILES, KNOWN_RECORDS, SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy import Connection, Select

    from webhookd.storage.database.connection import Dialect
    from webhookd.storage.database.database import Database


@dataclass(frozen=True, slots=True)
class ListedSource:
    """A source that is known, and the file it has in work, if any.

    *records* are those known and not deleted, *pending* its deliveries that wait, held ones
    included; *identity* is JSON. *phase* is that of a snapshot; *ends_at* is an estimate.
    """

    name: str
    identity: str
    records: int
    pending: int
    file: str | None
    rows_taken: int
    bad_rows: int
    phase: str | None = None
    deletions: int = 0
    rows_per_second: int | None = None
    ends_at: datetime | None = None


def sources(database: Database, pending: Mapping[str, int] | None = None) -> list[ListedSource]:
    """Return every source that was ever read, by name.

    *pending* is how many deliveries wait of each, where that is known: else each is looked at,
    which takes a second for a million of them.
    """
    with database.connected() as connection:
        records = _counts(
            connection,
            select(KNOWN_RECORDS.c.source, func.count())
            .where(KNOWN_RECORDS.c.deleted == 0)
            .group_by(KNOWN_RECORDS.c.source),
        )
        if pending is None:
            pending = _pending(connection, database.dialect)
        query = (
            select(
                SOURCES.c.name,
                SOURCES.c.identity,
                FILES.c.name.label("file"),
                *(column for column in FILES.c if column.name not in {"name", "source"}),
            )
            .outerjoin(
                FILES,
                and_(FILES.c.source == SOURCES.c.name, FILES.c.claim.notlike(f"{LIST_CLAIM}%")),
            )
            .order_by(SOURCES.c.name, FILES.c.claim)
        )
        return [
            ListedSource(
                name=row.name,
                identity=row.identity,
                records=records.get(row.name, 0),
                pending=pending.get(row.name, 0),
                file=None if row.file is None else row.file.decode("utf-8", "surrogateescape"),
                rows_taken=row.rows_taken or 0,
                bad_rows=row.bad_count or 0,
                phase=row.phase,
                deletions=row.deletions or 0,
                rows_per_second=row.rows_per_second,
                ends_at=from_micros(row.ends_at),
            )
            for row in connection.execute(query)
        ]


def _pending(connection: Connection, dialect: Dialect) -> dict[str, int]:
    found: Counter[str] = Counter()
    for waiting in record_order.WAITING[dialect]:
        query = select(DELIVERIES.c.source, func.count()).where(text(waiting))
        found.update(_counts(connection, query.group_by(DELIVERIES.c.source)))
    return dict(found)


def _counts(connection: Connection, query: Select[Any]) -> dict[str, int]:
    return {row[0]: row[1] for row in connection.execute(query)}
