"""Statements on PostgreSQL, and a connection that only reads."""

from __future__ import annotations

import math
import os
import socket
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, LiteralString, cast

import psycopg

from webhookd.errors import StorageError
from webhookd.storage.database.connection import NO_LOCKS, Dialect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from webhookd.storage.database.connection import ForRows, Locks, Rows


@lru_cache(maxsize=512)
def _said(sql: str) -> LiteralString:
    """Return a statement with the driver's own placeholders."""
    said: Any = sql.replace("%", "%%").replace("?", "%s")
    return cast("LiteralString", said)


class Reader:
    """A connection that only reads, in autocommit."""

    dialect: ClassVar[Dialect] = Dialect.POSTGRESQL
    idle_seconds: float | None = 5.0
    owner: int | None = None
    leased_until: float = -math.inf

    def look_after(self) -> None:
        """Ask for a sign of life."""
        self.execute("SELECT 1")

    def __init__(
        self, raw: psycopg.Connection[Any] | None, cause: Callable[[Exception], str]
    ) -> None:
        self._raw = raw
        self._cause = cause

    def _live(self) -> psycopg.Connection[Any]:
        if self._raw is None or self._raw.closed:
            raise StorageError("the connection to the database was lost")
        return self._raw

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Rows:
        """Run one statement."""
        raw = self._live()
        try:
            return raw.execute(_said(sql), parameters)
        except psycopg.DataError as error:
            if "NUL" not in str(error):
                raise self._refused(error) from error
            return self.execute(sql, without_nul(parameters))
        except psycopg.Error as error:
            raise self._refused(error) from error

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> None:
        """Run one statement for each row of *parameters*, without waiting for each."""
        raw, rows = self._live(), list(parameters)
        if not rows:
            return
        try:
            with raw.cursor() as cursor:
                cursor.executemany(_said(sql), rows)
        except psycopg.Error as error:
            raise self._refused(error) from error

    def write_rows(self, statement: ForRows, rows: Sequence[Sequence[Any]], *shared: object) -> int:
        """Run one statement for all *rows*; return how many it wrote."""
        if not rows:
            return 0
        columns: list[object] = [list(column) for column in zip(*rows, strict=True)]
        return self.execute(statement.at_once, [*columns, *shared]).rowcount

    def listed(self, values: Iterable[Any]) -> object:
        """Return *values* as an array."""
        return list(values)

    def begin(self, locks: Locks = NO_LOCKS) -> None:  # noqa: ARG002 - the writer's
        """Refuse: who reads has no transaction."""
        raise StorageError("this connection only reads")

    def commit(self) -> None:
        """Refuse likewise."""
        self.begin()

    roll_back = commit

    def keep_order(self, lane: int) -> None:  # noqa: ARG002 - the writer's
        """Refuse likewise."""
        self.begin()

    def hold(self, name: str) -> bool:  # noqa: ARG002 - the writer's
        """Refuse likewise."""
        raise StorageError("this connection only reads")

    def let_go(self, name: str) -> None:  # noqa: ARG002 - the writer's
        """Refuse likewise."""
        self.begin()

    require = let_go

    def has_committed(self, token: str) -> bool:  # noqa: ARG002 - the writer's
        """Return False: nothing was written."""
        return False

    def cut(self) -> None:
        """Have whatever waits for the server fail, as when the connection is lost."""
        if self._raw is not None and not self._raw.closed:
            # Its own end of the socket: the server's may never answer.
            with suppress(OSError, psycopg.Error), _socket(self._raw.fileno()) as ours:
                ours.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the connection."""
        if self._raw is not None:
            self._raw.close()

    def _refused(self, error: psycopg.Error) -> StorageError:
        return StorageError(f"the database refused: {self._cause(error)}")


def _socket(number: int) -> socket.socket:
    return socket.socket(fileno=os.dup(number))


def without_nul(values: Sequence[Any]) -> list[Any]:
    """Return *values* with what PostgreSQL's text cannot hold replaced, as a browser would."""
    return [_clean(value) for value in values]


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return [_clean(one) for one in value] if isinstance(value, list) else value
