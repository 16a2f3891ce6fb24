"""The session with which a daemon writes: its lease, its locks, and what becomes of it when lost.

Every transaction begins with its daemon's row: that moves the lease, leaves a mark by which the
commit is known, and fails where others have declared the daemon dead. So nobody writes in the name
of the dead, and nobody is declared dead in the middle of a transaction.
"""

from __future__ import annotations

import math
import secrets
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

import psycopg

from webhookd import clock
from webhookd.errors import NotHeldError, StateLockedError, StorageError
from webhookd.storage.database.connection import NO_LOCKS, UncertainError
from webhookd.storage.database.postgresql_pooler import POOLED
from webhookd.storage.database.postgresql_reader import Reader
from webhookd.storage.fleet import members
from webhookd.storage.fleet.members import LEASE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.storage.database.connection import Locks, Member

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 2.0
"""Between two attempts to reach a server that is away; meanwhile everything is refused at once."""

ENDING_SECONDS: Final = 2.0
"""How long the server may take to notice that a session which had a lock has ended."""

_LOOK_EVERY: Final = 0.05

DAEMON, NAME, MODE, LANE = (0x77656269 + number for number in range(4))
"""The first halves of advisory locks' keys: of a daemon, a name, the way of lanes, and a lane."""

_TRIED = "SELECT pg_try_advisory_lock(%s, hashtext(current_schema() || '/' || %s))"
_FREED = f"SELECT pg_advisory_unlock({NAME}, hashtext(current_schema() || '/' || ?))"


class DeclaredDeadError(StorageError):
    """Others waited for this daemon longer than its lease, and have what it had."""


class Writer(Reader):
    """The session that writes in the name of *member*; a lost one is made anew.

    *session* makes one. After a connection that was lost during a commit, the mark that each
    transaction leaves says what became of it. *reopened* is called after one was made anew.
    """

    idle_seconds = 3.0

    def __init__(
        self,
        session: Callable[[], psycopg.Connection[Any]],
        cause: Callable[[Exception], str],
        member: Member,
        reopened: Callable[[], None],
    ) -> None:
        super().__init__(None, cause)
        self._session = session
        self._member = member
        self._reopened = reopened
        self._schema = 0
        self._backend = 0
        self._is_new = True
        self._held: set[str] = set()
        self._lanes: set[int] | None = set()
        self._is_begun = False
        self._begun_at = 0.0
        self._token = ""
        self._pause = FIRST_PAUSE
        self._again_at = 0.0
        self._why = ""
        self._open()

    def _open(self) -> None:
        raw = self._session()
        try:
            self._join(raw)
        except BaseException:
            raw.close()
            raise
        self._raw = raw

    def _join(self, raw: psycopg.Connection[Any]) -> None:
        """Go on as the daemon that it was, or as a new one."""
        (schema, backend) = raw.execute(
            "SELECT hashtext(current_schema()), pg_backend_pid()"
        ).fetchone() or (0, 0)
        before, self._schema = self._backend, schema
        asked_at = clock.boottime()
        if self.owner is None or not self._returns(raw, self.owner, before, backend):
            # Only who just started knows that the one before it, of this name, is no more.
            for number in members.left_behind(raw, self._member) if self._is_new else ():
                if comes_free(partial(_try_lock, raw, DAEMON, str(number))):
                    members.bury(raw, number)
            self.owner = members.enlist(raw, self._member)
            _try_lock(raw, DAEMON, str(self.owner))
        self._is_new = False
        self._backend, self.leased_until = backend, asked_at + LEASE_SECONDS
        self._held.clear()

    def _returns(
        self, raw: psycopg.Connection[Any], number: int, before: int, backend: int
    ) -> bool:
        """Return whether the daemon goes on under its number: nobody has declared it dead."""
        # The server may not have noticed the end of the session before; it has our locks.
        raw.execute(
            "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity"
            " WHERE pid = %s AND application_name = current_setting('application_name')",
            (before,),
        )
        _try_lock(raw, DAEMON, str(number))
        return members.returns(raw, number, backend)

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
        self._reopened()
        return cast("psycopg.Connection[Any]", self._raw)

    def look_after(self) -> None:
        """Move the lease, in a session that is made anew if it was lost."""
        try:
            self.begin()
            self.commit()
        except BaseException:
            self.roll_back()
            raise

    def begin(self, locks: Locks = NO_LOCKS) -> None:
        """Begin a transaction, in the session that holds the locks and no other."""
        raw = self._live()
        self._token = secrets.token_hex(12)
        self._lanes = None if locks.is_alone else set(locks.lanes)
        self._begun_at = clock.boottime()
        self._is_begun = True
        try:
            rows = _last_row(raw.execute(self._beginning(locks)))
        except psycopg.errors.LockNotAvailable as error:
            self.roll_back()
            self._renew()
            raise self._refused(error) from error
        except psycopg.Error as error:
            raise self._refused(error) from error
        if rows is None:
            self.roll_back()
            self._die()
        if rows[0] != self._backend:
            self.close()
            raise StorageError(POOLED)

    def _renew(self) -> None:
        """Move the lease, though others keep their locks for long: this daemon is alive."""
        asked_at, raw = clock.boottime(), self._live()
        if members.returns(raw, self.owner or 0, self._backend):
            self.leased_until = asked_at + LEASE_SECONDS
        else:
            self._die()

    def _die(self) -> None:
        number, self.owner = self.owner, None
        self.leased_until = -math.inf
        if self._raw is not None:
            self._raw.close()
        raise DeclaredDeadError(
            f"other daemons waited for this one (number {number}) longer than its lease of"
            f" {LEASE_SECONDS} seconds, and take over what it had; it goes on as a new one"
        )

    def _beginning(self, locks: Locks) -> Any:
        mode = "" if locks.is_alone else "_shared"
        # In the same order at every daemon, and before any row: nobody waits in a circle.
        keys = [] if locks.is_alone else sorted(map(self._key, locks.lanes))
        lanes = "".join(map(_lane_lock, keys))
        return (
            f"BEGIN; SELECT pg_advisory_xact_lock{mode}({MODE}, {self._schema});{lanes}"  # noqa: S608 - ours
            f" UPDATE daemons SET leased_until = {members.NOW} + {members.LEASE},"
            f" last_commit = '{self._token}' WHERE number = {self.owner} AND is_dead = 0"
            " RETURNING pg_backend_pid()"
        )

    def _key(self, lane: int) -> int:
        return (self._schema ^ (lane * 0x9E3779B1)) & 0x7FFFFFFF

    def keep_order(self, lane: int) -> None:
        """Wait for a lane's lock, where the transaction does not have it yet."""
        if self._lanes is not None and lane not in self._lanes:
            self.execute(_lane_lock(self._key(lane)).rstrip(";"))
            self._lanes.add(lane)

    def hold(self, name: str) -> bool:
        """Return whether *name* is this daemon's alone, until `let_go` or the session's end."""
        if name not in self._held and _try_lock(self._live(), NAME, name):
            self._held.add(name)
        return name in self._held

    def let_go(self, name: str) -> None:
        """Give *name* back."""
        if name in self._held:
            self._held.discard(name)
            self.execute(_FREED, (name,))

    def require(self, name: str) -> None:
        """Raise NotHeldError unless this daemon holds *name*."""
        if name not in self._held:
            raise NotHeldError(f"{name} is not this daemon's any more")

    def commit(self) -> None:
        """Commit; UncertainError when the connection is lost before the answer."""
        raw = self._live()
        try:
            raw.execute("COMMIT")
        except psycopg.Error as error:
            if raw.closed:
                self._is_begun = False
                raise UncertainError(self._lost(error), self._token) from error
            raise self._refused(error) from error
        self._is_begun = False
        self.leased_until = self._begun_at + LEASE_SECONDS

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
        if self._raw is not None and not self._raw.closed and self.owner is not None:
            # If not, others see to it when its lease is over, or who starts here next.
            with suppress(psycopg.Error):
                members.bury(self._raw, self.owner)
        super().close()

    def _lost(self, error: psycopg.Error) -> str:
        return f"the connection to the database was lost during a commit: {self._cause(error)}"


def _lane_lock(key: int) -> str:
    return f" SELECT pg_advisory_xact_lock({LANE}, {key});"


def _try_lock(raw: psycopg.Connection[Any], kind: int, name: str) -> bool:
    row = raw.execute(_TRIED, (kind, name)).fetchone()
    return bool(row and row[0])


def comes_free(try_lock: Callable[[], bool]) -> bool:
    """Return whether *try_lock* gets its lock: a server may not know yet that a session ended."""
    until = clock.monotonic() + ENDING_SECONDS
    while not try_lock():
        if clock.monotonic() >= until:
            return False
        threading.Event().wait(_LOOK_EVERY)
    return True


def _last_row(cursor: psycopg.Cursor[Any]) -> Any:
    """Return the first row of the last of several statements."""
    while cursor.nextset():
        pass
    return cursor.fetchone()
