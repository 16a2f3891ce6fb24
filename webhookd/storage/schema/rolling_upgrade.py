"""Changing the tables of a database that daemons work on: they wait for moments, or it gives way.

Who waits for a table's lock has everybody else waiting behind itself. So each wait is short, all of
the transaction is undone when it was in vain, and is tried again after a pause in which the others
go on.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

import sqlalchemy
from sqlalchemy.schema import CreateIndex

from webhookd.errors import StateLockedError, printable
from webhookd.storage.schema.tables import METADATA

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

WAITS = (0.2, 0.5, *[1.5] * 8)
"""How long each try waits for a table, in seconds. A daemon's transaction is over in less than the
first; an autovacuum gives way to who has waited for deadlock_timeout, a second."""

PAUSE_SECONDS = 1.0

STATEMENT_SECONDS = 3.0
"""The longest that one statement keeps daemons waiting; they wait five seconds for a lock."""

_LOCK_NOT_AVAILABLE, _DEADLOCK, _CANCELLED = "55P03", "40P01", "57014"

# Who keeps an upgrade waiting is one whose transaction is open for long.
_LONGEST = sqlalchemy.text(
    "SELECT pid, application_name FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
    " ORDER BY xact_start LIMIT 1"
)

_INDEXES = sqlalchemy.text(
    "SELECT indexname FROM pg_indexes WHERE schemaname = ANY (current_schemas(false))"
)

_Result = TypeVar("_Result")


def limit(connection: Connection, wait: float, *, is_exclusive: bool) -> None:
    """Let the transaction that has begun *wait* for a table, and keep none for long.

    *is_exclusive*: no daemon works on the database, so a statement may take as long as it takes.
    """
    statement = 0 if is_exclusive else STATEMENT_SECONDS
    connection.exec_driver_sql(
        f"SET LOCAL lock_timeout = '{int(wait * 1000)}ms';"
        f" SET LOCAL statement_timeout = '{int(statement * 1000)}ms'"
    )


def patiently(connection: Connection, place: str, change: Callable[[float], _Result]) -> _Result:
    """Return what *change* returns, once it got its locks: a transaction on *connection*.

    It is told how long to wait for one. Raises StateLockedError when it got them in no try.
    """
    for wait in WAITS:
        try:
            return change(wait)
        except sqlalchemy.exc.DBAPIError as error:
            if _state(error) not in {_LOCK_NOT_AVAILABLE, _DEADLOCK}:
                raise
        connection.rollback()
        threading.Event().wait(PAUSE_SECONDS)
    raise StateLockedError(
        f"a table of {place} was in use whenever it was to be changed, {len(WAITS)} times"
        f"{_longest(connection)}; nothing was changed, try again"
    )


def was_cut_off(error: sqlalchemy.exc.DBAPIError) -> bool:
    """Return whether a statement was ended from outside, as one is that takes too long."""
    return _state(error) == _CANCELLED


def missing_indexes(connection: Connection) -> list[str]:
    """Return the statements for indexes that known tables lack, as they go beside daemons."""
    inspector = sqlalchemy.inspect(connection)
    there = set(connection.execute(_INDEXES).scalars())
    found = []
    for table in METADATA.sorted_tables:
        if not inspector.has_table(table.name):
            continue
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        for index in sorted(table.indexes, key=lambda one: str(one.name)):
            is_possible = all(column.name in columns for column in index.columns)
            if index.name in there or not is_possible or not _is_of_postgresql(index):
                continue
            made = CreateIndex(index).compile(dialect=connection.dialect)
            found.append(str(made).replace("CREATE INDEX", "CREATE INDEX CONCURRENTLY", 1))
    connection.rollback()
    return found


def _is_of_postgresql(index: sqlalchemy.Index) -> bool:
    of_sqlite, own = (index.dialect_options[name]["where"] for name in ("sqlite", "postgresql"))
    return own is not None or of_sqlite is None


def _state(error: sqlalchemy.exc.DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


def _longest(connection: Connection) -> str:
    longest = connection.execute(_LONGEST).fetchone()
    if longest is None:
        return ""
    name = printable(longest.application_name) or "without a name"
    return f"; the transaction open for longest is that of backend {longest.pid} ({name})"
