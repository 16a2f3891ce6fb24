"""Statements on PostgreSQL: those of a pooled connection, and those of the writer."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, LiteralString, cast

import psycopg

from webhookd.errors import StorageError
from webhookd.storage.database.connection import DeadlockError, Dialect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from webhookd.storage.database.connection import ForRows, Rows


@lru_cache(maxsize=512)
def _said(sql: str) -> LiteralString:
    """Return a statement with the driver's own placeholders."""
    said: Any = sql.replace("%", "%%").replace("?", "%s")
    return cast("LiteralString", said)


class PostgresReader:
    """Statements on one connection in autocommit; what a pooled connection is lent as."""

    dialect: ClassVar[Dialect] = Dialect.POSTGRESQL

    def __init__(
        self, raw: psycopg.Connection[Any] | None, cause: Callable[[Exception], str]
    ) -> None:
        self._raw = raw
        self._cause = cause

    def live(self) -> psycopg.Connection[Any]:
        """Return the connection; StorageError when it was lost."""
        if self._raw is None or self._raw.closed:
            raise StorageError("the connection to the database was lost")
        return self._raw

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Rows:
        """Run one statement."""
        raw = self.live()
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
        raw, rows = self.live(), list(parameters)
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

    def cut(self) -> None:
        """Have whatever waits for the server fail, as when the connection is lost.

        Called on the event loop and on timers, while another thread waits in `execute`.
        """
        if self._raw is not None and not self._raw.closed:
            # Its own end of the socket: the server's may never answer.
            with suppress(OSError, psycopg.Error), _socket(self._raw.fileno()) as ours:
                ours.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End the connection."""
        if self._raw is not None:
            self._raw.close()

    def _refused(self, error: psycopg.Error) -> StorageError:
        kind = DeadlockError if isinstance(error, _UNDONE) else StorageError
        return kind(f"the database refused: {self._cause(error)}")


_UNDONE: Final = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


def _socket(number: int) -> socket.socket:
    return socket.socket(fileno=os.dup(number))


def without_nul(values: Sequence[Any]) -> list[Any]:
    """Return *values* with what PostgreSQL's text cannot hold replaced, as a browser would."""
    return [_clean(value) for value in values]


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return [_clean(one) for one in value] if isinstance(value, list) else value
