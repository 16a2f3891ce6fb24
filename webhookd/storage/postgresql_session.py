"""Statements on PostgreSQL, and a writing session that is made anew when it is lost."""

from __future__ import annotations

import os
import secrets
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, LiteralString, cast

import psycopg

from webhookd import clock
from webhookd.errors import StateLockedError, StorageError
from webhookd.storage.connection import Dialect, UncertainError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from webhookd.storage.connection import ForRows, Rows

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 2.0
"""Between two attempts to reach a server that is away; meanwhile everything is refused at once."""

_MARK = "last_commit"


@lru_cache(maxsize=512)
def _said(sql: str) -> LiteralString:
    """Return a statement with the driver's own placeholders."""
    said: Any = sql.replace("%", "%%").replace("?", "%s")
    return cast("LiteralString", said)


class Reader:
    """A connection that only reads, in autocommit."""

    dialect: ClassVar[Dialect] = Dialect.POSTGRESQL
    idle_seconds: float | None = 5.0

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

    def write_rows(self, statement: ForRows, rows: Sequence[Sequence[Any]]) -> None:
        """Run one statement for all *rows*."""
        if rows:
            self.execute(statement.at_once, [list(column) for column in zip(*rows, strict=True)])

    def listed(self, values: Iterable[Any]) -> object:
        """Return *values* as an array."""
        return list(values)

    def begin(self) -> None:
        """Refuse: who reads has no transaction."""
        raise StorageError("this connection only reads")

    commit = roll_back = begin

    def has_committed(self, token: str) -> bool:  # noqa: ARG002 - the writer's
        """Return False: nothing was written."""
        return False

    def close(self) -> None:
        """End the connection."""
        if self._raw is not None:
            self._raw.close()

    def _refused(self, error: psycopg.Error) -> StorageError:
        return StorageError(f"the database refused: {self._cause(error)}")


class Writer(Reader):
    """The session that writes and holds the lock; when it is lost, the next one is asked for.

    *session* makes one, and is told the server's process that served the one before. Each
    transaction leaves a mark of its own with what it writes: after a connection that was lost
    during a commit the mark says what became of it.
    """

    def __init__(
        self,
        session: Callable[[int | None], psycopg.Connection[Any]],
        cause: Callable[[Exception], str],
    ) -> None:
        super().__init__(None, cause)
        self._session = session
        self._owner = f"{os.getpid()}-{secrets.token_hex(8)}"
        self._count = 0
        self._backend: int | None = None
        self._is_begun = False
        self._pause = FIRST_PAUSE
        self._again_at = 0.0
        self._why = ""
        self._open()

    def _open(self) -> None:
        self._raw = self._session(self._backend)
        (self._backend,) = self._raw.execute("SELECT pg_backend_pid()").fetchone() or (None,)
        self._raw.execute(
            "INSERT INTO meta (key, value) VALUES (%s, '') ON CONFLICT DO NOTHING", (_MARK,)
        )

    def _live(self) -> psycopg.Connection[Any]:
        if self._raw is not None and not self._raw.closed:
            return self._raw
        if self._is_begun:
            raise StorageError("the connection to the database was lost in a transaction")
        if clock.monotonic() < self._again_at:
            raise StorageError(self._why)
        try:
            self._open()
        except StateLockedError:
            raise
        except (psycopg.Error, StorageError) as error:
            self._why = f"the database cannot be reached: {self._cause(error)}"
            self._again_at = clock.monotonic() + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            raise StorageError(self._why) from error
        self._pause = FIRST_PAUSE
        return cast("psycopg.Connection[Any]", self._raw)

    def begin(self) -> None:
        """Begin a transaction, in the session that holds the lock and no other."""
        raw = self._live()
        try:
            cursor = raw.execute("BEGIN; SELECT pg_backend_pid()")
            self._is_begun = True
            cursor.nextset()
            row = cursor.fetchone()
        except psycopg.Error as error:
            raise self._refused(error) from error
        if row is None or row[0] != self._backend:
            self.close()
            raise StorageError(
                "something between webhookd and PostgreSQL gives each transaction another session"
                " (PgBouncer's transaction mode does); connect to PostgreSQL itself, or use"
                " pool_mode=session"
            )

    def commit(self) -> None:
        """Commit, with the mark that tells later whether it came about."""
        self._count += 1
        token = f"{self._owner}-{self._count}"
        raw = self._live()
        try:
            mark: Any = f"UPDATE meta SET value = '{token}' WHERE key = '{_MARK}'; COMMIT"  # noqa: S608 - ours
            raw.execute(mark)
        except psycopg.Error as error:
            if raw.closed:
                self._is_begun = False
                raise UncertainError(self._lost(error), token) from error
            raise self._refused(error) from error
        self._is_begun = False

    def roll_back(self) -> None:
        """Undo the transaction; a lost connection has done it by itself."""
        self._is_begun = False
        if self._raw is not None and not self._raw.closed:
            try:
                self._raw.execute("ROLLBACK")
            except psycopg.Error:
                self._raw.close()

    def has_committed(self, token: str) -> bool:
        """Return whether a commit came about; StorageError while nobody can be asked."""
        row = self.execute("SELECT value FROM meta WHERE key = ?", (_MARK,)).fetchone()
        return row is not None and row[0] == token

    def _lost(self, error: psycopg.Error) -> str:
        return f"the connection to the database was lost during a commit: {self._cause(error)}"


def without_nul(values: Sequence[Any]) -> list[Any]:
    """Return *values* with what PostgreSQL's text cannot hold replaced, as a browser would."""
    return [_clean(value) for value in values]


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    return [_clean(one) for one in value] if isinstance(value, list) else value
