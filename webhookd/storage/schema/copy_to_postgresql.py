"""Moving all of a SQLite database to PostgreSQL: in one transaction there, or not at all.

The old database says where it goes before anything is copied, and no daemon works on it from then
on: one that did would add to it what the new one lacks. An error takes that back. After a kill the
move is done again, to its end: if all was there already, nothing is copied.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
import sqlalchemy
from sqlalchemy import func, or_, select

from webhookd.errors import StorageError
from webhookd.storage.database.connection import Dialect
from webhookd.storage.database.database import open_as_it_is, open_database
from webhookd.storage.database.postgresql_reader import without_nul
from webhookd.storage.deliveries import lanes
from webhookd.storage.records import cursors, last_files
from webhookd.storage.records.lists import listings
from webhookd.storage.schema import versions
from webhookd.storage.schema.tables import META, METADATA

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection, Table

    from webhookd.storage.database.database import Database

_TABLES = [table for table in METADATA.sorted_tables if table is not META]
_IDENTITY = "moving_as"
"""Where both databases keep what shows that one is the other, moved."""

_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Moved:
    """How many rows of each table the new database got. *is_new* is False if it had them."""

    rows: Mapping[str, int]
    is_new: bool = True


def move(url: str, to: str) -> Moved:
    """Copy the database at *url* to the new one at *to*, and let no daemon use the old one.

    Raises StorageError when either cannot be used, or the new one has something in it already;
    StateLockedError when a daemon works on the new one.
    """
    old = open_as_it_is(url, mode="rw")
    try:
        if old.dialect is not Dialect.SQLITE:
            raise StorageError(f"{old.place} is no SQLite file, and only those are moved")
        versions.require_known(old.version(), old.place)
        new = open_database(to)
        try:
            with old.refusing("read"), old.engine.connect() as source:
                return _move(old, source, new)
        finally:
            new.close()
    finally:
        old.close()


def _move(old: Database, source: Connection, new: Database) -> Moved:
    old.kind.claim(source)
    versions.require_newest(source, old.place)
    before = versions.moved_to(source)
    if before not in (None, new.place):
        raise StorageError(f"{old.place} was moved to {before}, and is moved to no other")
    identity = _identity(source) or secrets.token_hex(16)
    if before is None:
        source.execute(META.delete().where(META.c.key == _IDENTITY))
        source.execute(META.insert().values(key=_IDENTITY, value=identity))
        versions.set_moved(source, new.place)
    source.commit()
    old.kind.claim(source)
    is_over = False
    try:
        with new.refusing("write"), new.engine.connect() as target:
            new.kind.claim(target)
            moved = _fill(source, target, new.place, identity)
            # From here on nobody knows without asking whether it is there.
            is_over = True
            target.commit()
    except BaseException:
        if before is None and not is_over:
            versions.set_moved(source, None)
            source.commit()
        raise
    return moved


def _identity(connection: Connection) -> str | None:
    return connection.execute(select(META.c.value).where(META.c.key == _IDENTITY)).scalar()


def _fill(source: Connection, target: Connection, place: str, identity: str) -> Moved:
    wanted = _counts(source)
    found = _identity(target)
    if found is None and not any(_counts(target).values()):
        for table in _TABLES:
            _copy(source, target, table)
        _copy_digest_key(source, target)
        _copy_last(source, target)
        target.execute(META.insert().values(key=_IDENTITY, value=identity))
        if (got := _counts(target)) != wanted:
            raise StorageError(f"{place} did not get all: {got} instead of {wanted}")
        return Moved(wanted)
    if found == identity:
        # What has happened there since is not counted: that database is the one in use.
        return Moved(wanted, is_new=False)
    raise StorageError(
        f"{place} is in use already; what is moved needs a new database (createdb), or the one it"
        " was moved to before"
    )


def _copy_digest_key(source: Connection, target: Connection) -> None:
    """Copy the key of the lanes' digests: under another one every request would look changed."""
    is_key = META.c.key == lanes.DIGEST_KEY
    value = source.execute(select(META.c.value).where(is_key)).scalar()
    if value is not None:
        target.execute(META.delete().where(is_key))
        target.execute(META.insert().values(key=lanes.DIGEST_KEY, value=value))


def _copy_last(source: Connection, target: Connection) -> None:
    """Copy which file came last of each source, what last went wrong, and what was let through."""
    keys = (*last_files.KEYS, cursors.OUTCOME, listings.ACCEPTED)
    is_one = or_(*(META.c.key.startswith(key, autoescape=True) for key in keys))
    found = source.execute(select(META).where(is_one))
    rows = [{"key": key, "value": value} for key, value in found]
    target.execute(META.delete().where(is_one))
    if rows:
        target.execute(META.insert(), rows)


def _counts(connection: Connection) -> dict[str, int]:
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in _TABLES
    }


def _copy(source: Connection, target: Connection, table: Table) -> None:
    names = [column.name for column in table.columns]
    raw: psycopg.Connection[Any] = target.connection.driver_connection  # type: ignore[assignment]
    into = psycopg.sql.SQL("COPY {} ({}) FROM STDIN").format(
        psycopg.sql.Identifier(table.name),
        psycopg.sql.SQL(", ").join(map(psycopg.sql.Identifier, names)),
    )
    with raw.cursor() as cursor, cursor.copy(into) as copying:
        for row in _rows(source, table):
            copying.write_row(without_nul(row))
    if "number" in names and list(table.primary_key) == [table.c.number]:
        last = select(func.coalesce(func.max(table.c.number), 0) + 1).scalar_subquery()
        sequence = func.pg_get_serial_sequence(table.name, "number")
        target.execute(select(func.setval(sequence, last, sqlalchemy.false())))


def _rows(source: Connection, table: Table) -> Iterator[Any]:
    # By its key: numbers are given in this order, and so are stored.
    order = list(table.primary_key) or list(table.columns)
    query = select(table).order_by(*order)
    yield from source.execution_options(yield_per=_AT_ONCE).execute(query)
