"""The daemon's membership on PostgreSQL: its number, its lease, and its advisory locks.

What a daemon has in this session, and for how long:

    number     row in `daemons`; from `register` until `remove`, or until others `expire` it
    lease      column of that row; each transaction moves it on by LEASE_SECONDS
    DAEMON     advisory lock of the session: a later process of the same state directory gets it
               only when this session has ended, and takes over what the daemon had
    NAME       advisory locks of the session: exclusive work, from `acquire` to `release`
    MODE, LANE advisory locks of one transaction: whoever changes how lanes work has MODE alone,
               all others share it; whoever decides about the order of a lane's records has LANE

All methods are called on the writer's thread, by `postgresql_writer` or by a unit. The event loop
reads `owner` and `leased_until`: each is one assignment, and an old value is as good as one that
was read a moment before.
"""

from __future__ import annotations

import math
import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from webhookd import clock
from webhookd.errors import NotHeldError
from webhookd.storage.database.connection import Statements, Transaction
from webhookd.storage.fleet import members
from webhookd.storage.fleet.members import LEASE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable

    import psycopg

    from webhookd.storage.database.connection import Locks, Member

ENDING_SECONDS: Final = 2.0
"""Seconds that the server may take to notice that a session which had a lock has ended."""

TRY_AGAIN_SECONDS: Final = 0.05
"""Pause between two attempts to get a lock within ENDING_SECONDS."""

IDLE_SECONDS: Final = 3.0
"""Seconds without work after which the lease is moved on: a fifth of it, so that two may fail."""

DAEMON, NAME, MODE, LANE = (0x77656269 + number for number in range(4))
"""The first halves of advisory locks' keys: of a daemon, a name, the way of lanes, and a lane."""

_TRIED = "SELECT pg_try_advisory_lock(%s, hashtext(current_schema() || '/' || %s))"
_TRIED_NAME = f"SELECT pg_try_advisory_lock({NAME}, hashtext(current_schema() || '/' || ?))"
_FREED = f"SELECT pg_advisory_unlock({NAME}, hashtext(current_schema() || '/' || ?))"


class _Writing(Statements, Transaction, Protocol):
    """The connection that the session belongs to."""

    def live(self) -> psycopg.Connection[Any]:
        """Return the connection, made anew if it was lost."""


class PostgresSession:
    """The session of *member* on *connection*: a `MemberSession`.

    `backend` is the server's process that serves it.
    """

    is_shared: Final = True
    idle_seconds: Final = IDLE_SECONDS

    def __init__(self, member: Member, connection: _Writing) -> None:
        self.owner: int | None = None
        self.leased_until = -math.inf
        self.backend = 0
        self._member = member
        self._connection = connection
        self._schema = 0
        self._is_new = True
        self._names: set[str] = set()
        # None in an exclusive transaction, which needs no lane's lock.
        self._lanes: set[int] | None = set()

    def join(self, raw: psycopg.Connection[Any]) -> None:
        """Go on over *raw*, a new connection, under the old number or a new one."""
        (schema, backend) = raw.execute(
            "SELECT hashtext(current_schema()), pg_backend_pid()"
        ).fetchone() or (0, 0)
        before, self._schema = self.backend, schema
        # Taken before the statement that moves the lease: the daemon's own idea of its lease must
        # never last longer than the server's.
        asked_at = clock.boottime()
        if self.owner is None or not self._returns(raw, self.owner, before, backend):
            # Only a process that just started knows that the one before it, of this name, has
            # ended: for a lost session the other may be a copy of the state directory, at work.
            for number in members.predecessors(raw, self._member) if self._is_new else ():
                if comes_free(partial(_try_lock, raw, DAEMON, str(number))):
                    members.remove(raw, number)
            self.owner = members.register(raw, self._member)
            _try_lock(raw, DAEMON, str(self.owner))
        self._is_new = False
        self.backend, self.leased_until = backend, asked_at + LEASE_SECONDS
        self._names.clear()

    def _returns(
        self, raw: psycopg.Connection[Any], number: int, before: int, backend: int
    ) -> bool:
        """Return whether the daemon goes on under its *number*: nobody has expired it."""
        # The server may not have noticed the end of the session before; it has our locks.
        raw.execute(
            "SELECT pg_terminate_backend(pid, 2000) FROM pg_stat_activity"
            " WHERE pid = %s AND application_name = current_setting('application_name')",
            (before,),
        )
        _try_lock(raw, DAEMON, str(number))
        return members.renew(raw, number, backend)

    def renew(self) -> bool:
        """Move the lease on outside a transaction; return False where others expired the daemon."""
        asked_at, raw = clock.boottime(), self._connection.live()
        if not members.renew(raw, self.owner or 0, self.backend):
            return False
        self.leased_until = asked_at + LEASE_SECONDS
        return True

    def moved_at(self, began_at: float) -> None:
        """Take note that a transaction is committed that began at *began_at* (`boottime`)."""
        self.leased_until = began_at + LEASE_SECONDS

    def forget_number(self) -> int | None:
        """Become nobody, and return the number that others have expired."""
        number, self.owner, self.leased_until = self.owner, None, -math.inf
        return number

    def leave(self, raw: psycopg.Connection[Any]) -> None:
        """Give back everything at once, at an orderly end."""
        if self.owner is not None:
            members.remove(raw, self.owner)

    def look_after(self) -> None:
        """Move the lease on, in a session that is made anew if it was lost."""
        try:
            self._connection.begin()
            self._connection.commit()
        except BaseException:
            self._connection.roll_back()
            raise

    def beginning(self, locks: Locks, token: str) -> Any:
        """Return the statements that begin a transaction, the last of which returns a row.

        That has the backend's number; there is none where others have expired the daemon. *token*
        is the mark by which `has_committed` knows the commit.
        """
        self._lanes = None if locks.exclusive else set(locks.lanes)
        mode = "" if locks.exclusive else "_shared"
        # Rule 8. In the same order at every daemon, and before any row: nobody waits in a circle.
        keys = [] if locks.exclusive else sorted(map(self._key, locks.lanes))
        lanes = "".join(map(_lane_lock, keys))
        return (
            f"BEGIN; SELECT pg_advisory_xact_lock{mode}({MODE}, {self._schema});{lanes}"  # noqa: S608 - ours
            f" UPDATE daemons SET leased_until = {members.NOW} + {members.LEASE},"
            f" last_commit = '{token}' WHERE number = {self.owner} AND is_dead = 0"
            " RETURNING pg_backend_pid()"
        )

    def _key(self, lane: int) -> int:
        # Two lanes of one key only wait for each other now and then.
        return (self._schema ^ (lane * 0x9E3779B1)) & 0x7FFFFFFF

    def keep_order(self, lane: int) -> None:
        """Wait for a lane's lock, where the transaction does not have it yet (rule 8).

        Two transactions that come by their locks in different orders are a deadlock, which the
        server ends; so what is known before is in the `Locks` of `begin`.
        """
        if self._lanes is not None and lane not in self._lanes:
            self._connection.execute(_lane_lock(self._key(lane)).rstrip(";"))
            self._lanes.add(lane)

    def acquire(self, name: str) -> bool:
        """Return whether this daemon has the lock *name* now, without waiting for another."""
        if name not in self._names:
            # First: a session that is made anew has no names any more.
            self._connection.live()
            # By the connection, which makes a StorageError of a session that is ended just now.
            row = self._connection.execute(_TRIED_NAME, (name,)).fetchone()
            if row is not None and row[0]:
                self._names.add(name)
        return name in self._names

    def release(self, name: str) -> None:
        """Give the lock *name* back, if this daemon has it."""
        if name in self._names:
            self._names.discard(name)
            self._connection.execute(_FREED, (name,))

    def require_lock(self, name: str) -> None:
        """Raise NotHeldError unless this daemon has the lock *name*."""
        if name not in self._names:
            raise NotHeldError(f"{name} is not this daemon's any more")


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
        threading.Event().wait(TRY_AGAIN_SECONDS)
    return True
