"""The connection with which a daemon writes to PostgreSQL, and what becomes of it when it is lost.

                  ┌────────────── begin ──────────────┐
                  │                                   ▼
    lost ─_open─► idle ◄──commit, roll_back── in a transaction
      ▲           │                                   │
      └───────────┴──── the server, `cut`, _expire ───┘

The writer's thread (`database.writer`) makes every transition; only `cut` is called on the event
loop. Three rules of this module:

A. Every transaction begins with the daemon's own row. That moves the lease, leaves a mark by which
   the commit is known, and fails where others have expired the daemon. So nobody writes in the name
   of an expired daemon, and no daemon is expired in the middle of a transaction.
B. A transaction never goes on over another connection: a connection that is lost within one is made
   anew only after `roll_back`.
C. Only a connection that was lost during COMMIT leaves anything open. The mark then says whether
   the commit came about, over a new connection, before anything else is begun.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

import psycopg

from webhookd import clock
from webhookd.errors import StateLockedError, StorageError
from webhookd.storage.database.connection import NO_LOCKS, UncertainError
from webhookd.storage.database.postgresql_pooler import POOLED
from webhookd.storage.database.postgresql_reader import PostgresReader
from webhookd.storage.database.postgresql_session import PostgresSession
from webhookd.storage.fleet.members import LEASE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.storage.database.connection import Locks, Member

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 2.0
"""Seconds between two attempts to reach a server that is away: from the first, doubled each time.

Meanwhile everything is refused at once: to wait for a connection would keep the queue.
"""


class ExpiredError(StorageError):
    """Others waited for this daemon longer than its lease, and have what it had."""


class PostgresWriter(PostgresReader):
    """The connection that writes in the name of *member*; a lost one is made anew.

    *connect* makes one, which shares the database with other daemons. *reopened* is called, on the
    writer's thread, after one was made anew: the locks by name are lost, and the number perhaps.
    """

    def __init__(
        self,
        connect: Callable[[], psycopg.Connection[Any]],
        cause: Callable[[Exception], str],
        member: Member,
        reopened: Callable[[], None],
    ) -> None:
        super().__init__(None, cause)
        self.session = PostgresSession(member, self)
        self._connect = connect
        self._reopened = reopened
        self._is_begun = False
        self._begun_at = 0.0
        # The mark that this transaction leaves in the daemon's row, new for each (rule C).
        self._token = ""
        self._pause = FIRST_PAUSE
        self._again_at = 0.0
        self._why = ""
        self._open()

    def _open(self) -> None:
        raw = self._connect()
        try:
            self.session.join(raw)
        except BaseException:
            raw.close()
            raise
        self._raw = raw

    def live(self) -> psycopg.Connection[Any]:
        """Return the connection, made anew if it was lost.

        Raises StorageError in a transaction, while the server cannot be reached, and at once until
        the next attempt to reach it; StateLockedError when another process has the database.
        """
        if self._raw is not None and not self._raw.closed:
            return self._raw
        if self._is_begun:
            # Rule B: what follows would run outside any transaction.
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
        # Before anything is written in it: the event loop hears of the new session before it hears
        # what came of that.
        self._reopened()
        return cast("psycopg.Connection[Any]", self._raw)

    def begin(self, locks: Locks = NO_LOCKS) -> None:
        """Begin a transaction, in the session that has the locks and no other.

        Raises ExpiredError where others have expired the daemon, StorageError when a lock did not
        come free within the server's `lock_timeout` (5 s) or there is no server.
        """
        raw = self.live()
        # The lease is counted from before the statement that moves it, so that this daemon never
        # thinks it longer than the server does.
        self._token = secrets.token_hex(12)
        self._begun_at = clock.boottime()
        self._is_begun = True
        try:
            # Rule A: one way to the server and back for BEGIN, the locks and the daemon's row.
            row = _last_row(raw.execute(self.session.beginning(locks, self._token)))
        except psycopg.errors.LockNotAvailable as error:
            self.roll_back()
            # Others keep their locks for long, but this daemon is alive.
            try:
                is_member = self.session.renew()
            except psycopg.Error as lost:
                raise self._refused(lost) from lost
            if not is_member:
                self._expire()
            raise self._refused(error) from error
        except psycopg.Error as error:
            raise self._refused(error) from error
        if row is None:
            self.roll_back()
            self._expire()
        if row[0] != self.session.backend:
            # A pooler was put in between since: the locks are another session's.
            self.close()
            raise StorageError(POOLED)

    def _expire(self) -> NoReturn:
        """Close the connection of an expired daemon; the next is a new daemon's."""
        number = self.session.forget_number()
        if self._raw is not None:
            self._raw.close()
        raise ExpiredError(
            f"other daemons waited for this one (number {number}) longer than its lease of"
            f" {LEASE_SECONDS} seconds, and take over what it had; it goes on as a new one"
        )

    def commit(self) -> None:
        """Commit; UncertainError when the connection is lost before the answer."""
        raw = self.live()
        try:
            raw.execute("COMMIT")
        except psycopg.Error as error:
            if raw.closed:
                # Rule C. Not begun any more: the question is asked over a new connection.
                self._is_begun = False
                raise UncertainError(self._lost(error), self._token) from error
            raise self._refused(error) from error
        self._is_begun = False
        self.session.moved_at(self._begun_at)

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
        query = "SELECT 1 FROM daemons WHERE last_commit = ?"
        return self.execute(query, (token,)).fetchone() is not None

    def close(self) -> None:
        """End the session; what the daemon still had is free at once."""
        if self._raw is not None and not self._raw.closed:
            # If it is not, others see to it when the lease is over, or the next process that
            # starts in this state directory does.
            with suppress(psycopg.Error):
                self.session.leave(self._raw)
        super().close()

    def _lost(self, error: psycopg.Error) -> str:
        return f"the connection to the database was lost during a commit: {self._cause(error)}"


def _last_row(cursor: psycopg.Cursor[Any]) -> Any:
    """Return the first row of the last of several statements."""
    while cursor.nextset():
        pass
    return cursor.fetchone()
