"""A database of PostgreSQL, 14 or newer: where it is, and who may write to it.

Daemons share a database, each by an advisory lock of the very session that writes. A command that
changes the tables or fills them has that lock alone.
"""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import quote

import psycopg
import sqlalchemy
from psycopg import conninfo
from psycopg.adapt import Dumper

from webhookd.errors import DatabaseUrlError, StateLockedError, StorageError, printable
from webhookd.storage.database.connection import Dialect
from webhookd.storage.database.postgresql_listener import PostgresListener
from webhookd.storage.database.postgresql_pooler import require_own_session
from webhookd.storage.database.postgresql_reader import PostgresReader
from webhookd.storage.database.postgresql_session import comes_free
from webhookd.storage.database.postgresql_writer import PostgresWriter
from webhookd.storage.schema import versions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from webhookd.storage.database.connection import (
        Member,
        ReadingConnection,
        WritingConnection,
    )

OLDEST: Final = 14

LOCK: Final = 0x77656268
"""The first half of the advisory lock's key: `webh`. The second is the schema's name."""

_DEFAULTS: Final = {
    "connect_timeout": "5",
    # A server that vanished without a word is noticed within some fifteen seconds.
    "keepalives_idle": "5",
    "keepalives_interval": "5",
    "keepalives_count": "2",
    "tcp_user_timeout": "15000",
}
_SESSION = (
    "SET lock_timeout = '5s'; SET client_min_messages = warning;"
    # The server ends the session of a host that vanished within some fifteen seconds, that of one
    # that stands still in the middle of a transaction sooner: others wait for its locks.
    " SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 2;"
    " SET tcp_user_timeout = 15000; SET idle_in_transaction_session_timeout = '5s';"
    " SET default_transaction_isolation = 'read committed';"
    # A commit that is answered is on the disk, whatever the server does by default.
    " SELECT set_config('synchronous_commit', 'on', false)"
    " WHERE current_setting('synchronous_commit') = 'off'"
)
_KEY = f"{LOCK}, hashtext(current_schema())"
_HOLDERS = (
    "SELECT holder.application_name FROM pg_locks"  # noqa: S608 - constant
    " JOIN pg_stat_activity AS holder USING (pid)"
    f" WHERE locktype = 'advisory' AND granted AND objsubid = 2 AND classid = {LOCK}"
    " AND objid::bigint = (hashtext(current_schema())::bigint & 4294967295)"
    " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    " AND pid <> pg_backend_pid() ORDER BY holder.pid"
)


class _Flag(Dumper):
    """Hands a truth value over as 1 or 0, which is how both databases keep it."""

    oid = psycopg.adapters.types["int2"].oid

    def dump(self, obj: bool) -> bytes:
        """Return the digit."""
        return b"1" if obj else b"0"


class PostgresKind:
    """The database that a URL of libpq names."""

    dialect: ClassVar[Dialect] = Dialect.POSTGRESQL
    errors: ClassVar[tuple[type[Exception], ...]] = (psycopg.Error,)
    is_shared: ClassVar[bool] = True

    def __init__(self, url: str) -> None:
        try:
            self._given = conninfo.conninfo_to_dict(url)
        except (psycopg.ProgrammingError, ValueError):
            # What libpq says of it may hold the password; psycopg reads UTF-8 only.
            raise DatabaseUrlError(
                "the database URL is not one that PostgreSQL's libpq understands; write"
                " postgresql://USER@HOST:PORT/DATABASE"
            ) from None
        self.place = _place(self._given)
        self._name = f"webhookd {socket.gethostname()[:40]} {os.getpid()}"
        self._has_own_sessions = False

    def engine(self, *, mode: str) -> sqlalchemy.Engine:
        """Return an engine; the mode `ro` writes nothing."""
        is_read_only = mode == "ro"
        return sqlalchemy.create_engine(
            "postgresql+psycopg://",
            creator=lambda: self._connect(is_read_only=is_read_only),
            pool_pre_ping=True,
        )

    def _reach(self) -> psycopg.Connection[Any]:
        settings = {"application_name": self._name, **_DEFAULTS, **self._given}
        return psycopg.connect(**settings, client_encoding="utf8", autocommit=True)  # type: ignore[arg-type]

    def _connect(self, *, is_read_only: bool = False) -> psycopg.Connection[Any]:
        raw = self._reach()
        try:
            self._check(raw)
            if not self._has_own_sessions:
                require_own_session(raw, self._reach)
                self._has_own_sessions = True
            raw.adapters.register_dumper(bool, _Flag)
            raw.execute(_SESSION)
            if is_read_only:
                raw.execute("SET default_transaction_read_only = on")
            raw.autocommit = False
        except BaseException:
            raw.close()
            raise
        return raw

    def _check(self, raw: psycopg.Connection[Any]) -> None:
        version = raw.info.server_version // 10_000
        if version < OLDEST:
            raise StorageError(
                f"{self.place} is PostgreSQL {version}; webhookd needs {OLDEST} or newer"
            )
        encoding = raw.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise StorageError(
                f"the database {self.place} has the encoding {encoding}, and what is to be stored"
                " is UTF-8; make one with: createdb --encoding=UTF8 --template=template0"
            )

    def open_writer(
        self,
        engine: sqlalchemy.Engine,  # noqa: ARG002 - not of the pool
        member: Member,
        reopened: Callable[[], None],
    ) -> WritingConnection:
        """Return the session with which *member* writes; StateLockedError when it may not."""
        return PostgresWriter(self._shared_session, self.cause, member, reopened)

    def _shared_session(self) -> psycopg.Connection[Any]:
        """Return a session that shares the database with those of other daemons."""
        # A pooler may have been put in between, or told otherwise, since the last one was made.
        self._has_own_sessions = False
        raw = self._connect()
        try:
            raw.autocommit = True
            self._lock(raw, "_shared")
            answer = raw.execute(versions.IN_A_SESSION).fetchone()
            versions.require_still_usable(answer, self.place)
        except BaseException:
            raw.close()
            raise
        return raw

    def _lock(self, raw: psycopg.Connection[Any], mode: str) -> None:
        if comes_free(partial(_try_lock, raw, mode)):
            return
        holders = raw.execute(_HOLDERS).fetchall()
        who = " and ".join(_described(name) for (name,) in holders[:3]) or "somebody"
        raise StateLockedError(
            f"{who} {'works' if len(holders) < 2 else 'work'} on the database"  # noqa: PLR2004 - singular
            f" {self.place}; stop that first"
        )

    def listen(self, heard: Callable[[str], None]) -> PostgresListener:
        """Call *heard*, on a thread of its own, with each notification of a daemon."""
        return PostgresListener(self._connect, heard)

    @contextmanager
    def reader(self, raw: sqlalchemy.PoolProxiedConnection) -> Iterator[ReadingConnection]:
        """Lend the connection in autocommit: no transaction of a reader stays open."""
        driver: psycopg.Connection[Any] = raw.driver_connection  # type: ignore[assignment]
        driver.autocommit = True
        try:
            yield PostgresReader(driver, self.cause)
        finally:
            if not driver.closed:
                driver.autocommit = False

    def prepare(self, connection: sqlalchemy.Connection) -> None:
        """Begin a transaction in which nobody else makes or changes tables."""
        try:
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s, 0)", (LOCK,))
        except sqlalchemy.exc.OperationalError as error:
            if not isinstance(error.orig, psycopg.errors.LockNotAvailable):
                raise
            raise StateLockedError(
                f"another webhookd makes or upgrades the tables of {self.place}; try again when it"
                " has ended"
            ) from error

    def is_empty(self) -> bool:
        """Return False: only its tables say so."""
        return False

    def faults(
        self,
        connection: sqlalchemy.Connection,  # noqa: ARG002 - the server looks after its pages
        *,
        is_quick: bool,  # noqa: ARG002 - as above
    ) -> tuple[str, ...]:
        """Return nothing: a server checks its own pages."""
        return ()

    def claim(self, connection: sqlalchemy.Connection) -> None:
        """Begin a transaction that holds alone the lock which daemons share."""
        raw: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]
        self._lock(raw, "")

    def cause(self, error: Exception) -> str:
        """Return what PostgreSQL or libpq said, in a line and without the password."""
        origin = getattr(error, "orig", None) or error
        primary = origin.diag.message_primary if isinstance(origin, psycopg.Error) else None
        text = primary or str(origin).strip() or type(origin).__name__
        for name in ("password", "sslpassword"):
            password = str(self._given.get(name) or "")
            for secret in filter(None, {password, quote(password, safe="")}):
                text = text.replace(secret, "***")
        return printable(" ".join(text.split()))


def _try_lock(raw: psycopg.Connection[Any], mode: str) -> bool:
    statement: Any = f"SELECT pg_try_advisory_lock{mode}({_KEY})"
    row = raw.execute(statement).fetchone()
    return bool(row and row[0])


def _described(name: str) -> str:
    """Return the process that has the lock, by the name that a daemon gives its session."""
    words = name.split()
    if len(words) == 3 and words[0] == "webhookd":  # noqa: PLR2004 - host and process
        return f"another webhookd (host {printable(words[1])}, process {printable(words[2])})"
    return "another webhookd"


def _place(given: dict[str, Any]) -> str:
    if given.get("service") and not given.get("host"):
        return f"postgresql (service {given['service']})"
    host = str(given.get("host") or given.get("hostaddr") or os.environ.get("PGHOST") or "local")
    port = given.get("port") or os.environ.get("PGPORT")
    name = str(given.get("dbname") or os.environ.get("PGDATABASE") or given.get("user") or "")
    if "@" in host + name:
        # Behind it stands a host, and before it perhaps a password.
        raise StorageError(
            "the database's host or name holds an '@', which neither has: PGHOST and PGDATABASE"
            " take no URL, and in WEBHOOKD_DATABASE_URL an @ of a password is written %40"
        )
    return printable(f"postgresql://{host}{f':{port}' if port else ''}/{name}")
