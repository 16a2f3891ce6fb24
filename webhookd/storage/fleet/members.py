"""The daemons of one database: register, renew, expire, and free what an expired daemon had.

    no row ─register─► alive ─(its lease is over) expire─► is_dead ─free─► is_dead, owns nothing
                       │ ▲                                                     │
                       │ └ renew, and every transaction                 KEPT later: no row
                       └─remove (an orderly end, or its successor)─► no row

All times are the database's own. A lease says until when a daemon may *begin* attempts; those it
began may be under way for their timeout longer. So what an expired daemon had is free only after
that; except where its process is known to be gone, because another has its state directory.

`register`, `renew`, `remove` and `predecessors` run while the session is made, outside the writer's
transactions; all others are parts of a unit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhookd.storage.database.times import from_micros

if TYPE_CHECKING:
    from datetime import datetime

    import psycopg

    from webhookd.storage.database.connection import Connection, Member, Statements

LEASE_SECONDS: Final = 15
"""Seconds after the last transaction for which a daemon may begin attempts.

Longer than a server takes to notice a vanished host (`postgresql._SESSION`), and than a daemon
waits for an answer (`writer.SILENT_SECONDS`); its work rests as long when it is killed.
"""

LEASE: Final = LEASE_SECONDS * 1_000_000
"""The same in microseconds."""

MARGIN: Final = 2_000_000
"""Added to the timeout of an attempt whose end nobody saw: two seconds, in microseconds."""

KEPT: Final = 86_400_000_000
"""How long the row of an expired daemon stays: a day, in microseconds.

The daemon itself may come back meanwhile, and asks the row what it committed last.
"""

NOW: Final = "(extract(epoch from clock_timestamp()) * 1000000)::bigint"

_STARTED: Final = f"UPDATE starts SET started_at = {NOW}, owner = NULL"  # noqa: S608 - constant
_FREE: Final = "UPDATE deliveries SET owner = NULL WHERE owner = {daemon}"
_REMOVED: Final = (
    _FREE,
    f"{_STARTED} WHERE owner = {{daemon}} AND started_at IS NULL",
    "DELETE FROM shares WHERE daemon = {daemon}",
    "DELETE FROM daemons WHERE number = {daemon}",
)
_OVERDUE: Final = (
    f"UPDATE daemons SET is_dead = 1 WHERE number IN (SELECT number FROM daemons"  # noqa: S608 - constant
    f" WHERE is_dead = 0 AND leased_until < {NOW} FOR UPDATE SKIP LOCKED)"
    " RETURNING number, host, process_id, backend"
)
# A lane of an expired daemon is free when no attempt there can be under way.
_FREED: Final = (
    "DELETE FROM shares USING daemons WHERE daemons.number = shares.daemon AND daemons.is_dead = 1"  # noqa: S608 - constant
    " AND (shares.slots = 0 OR daemons.leased_until + shares.seconds * 1000000::bigint"
    f" + {MARGIN} < {NOW}) RETURNING shares.lane"
)
_ORPHANED: Final = (
    "UPDATE deliveries SET owner = NULL FROM daemons WHERE daemons.number = deliveries.owner"
    " AND daemons.is_dead = 1 AND NOT EXISTS (SELECT 1 FROM shares"
    " WHERE shares.lane = deliveries.lane AND shares.daemon = daemons.number)"
    " RETURNING deliveries.lane"
)
_UNSTARTED: Final = (
    f"{_STARTED} FROM daemons WHERE daemons.number = starts.owner AND daemons.is_dead = 1"  # noqa: S608 - constant
    " AND starts.started_at IS NULL AND NOT EXISTS (SELECT 1 FROM shares"
    " WHERE shares.lane = starts.lane AND shares.daemon = daemons.number)"
)
_FORGOTTEN: Final = f"DELETE FROM daemons WHERE is_dead = 1 AND leased_until + {KEPT} < {NOW}"  # noqa: S608 - constant


@dataclass(frozen=True, slots=True)
class Daemon:
    """A daemon of the fleet as its row says: *is_late* when its lease is over."""

    number: int
    host: str
    process_id: int
    version: str
    config_hash: str
    started_at: datetime
    seen_at: datetime
    is_late: bool


@dataclass(frozen=True, slots=True)
class Expired:
    """A daemon whose lease was over; the server's process *backend* served its session."""

    number: int
    host: str
    process_id: int
    backend: int


def predecessors(raw: psycopg.Connection[Any], member: Member) -> list[int]:
    """Return the numbers of earlier daemons in the state directory of *member*."""
    query = "SELECT number FROM daemons WHERE name = %s AND host = %s"
    return [number for (number,) in raw.execute(query, (member.name, member.host))]


def register(raw: psycopg.Connection[Any], member: Member) -> int:
    """Add *member* to the fleet with a new lease, and return its number."""
    query = (
        "INSERT INTO daemons (name, host, process_id, version, backend, started_at, leased_until)"  # noqa: S608 - constant
        f" VALUES (%s, %s, %s, %s, pg_backend_pid(), {NOW}, {NOW} + {LEASE}) RETURNING number"
    )
    values = (member.name, member.host, member.process_id, member.version)
    row = raw.execute(query, values).fetchone()
    return int(row[0]) if row else 0


def renew(raw: psycopg.Connection[Any], number: int, backend: int) -> bool:
    """Move the lease of a daemon on, in the session of *backend*; return False if it expired."""
    statement = (
        f"UPDATE daemons SET backend = %s, leased_until = {NOW} + {LEASE}"  # noqa: S608 - constant
        " WHERE number = %s AND is_dead = 0"
    )
    return raw.execute(statement, (backend, number)).rowcount == 1


def remove(raw: psycopg.Connection[Any], number: int) -> None:
    """Free at once all that a daemon had, and forget it; it must be known to have ended."""
    with raw.transaction():
        for statement in _REMOVED:
            raw.execute(statement.format(daemon=number))


def expire(connection: Statements) -> list[Expired]:
    """Expire the daemons whose lease is over: from the commit on they write nothing."""
    # A daemon in the middle of a transaction has its row locked, and is skipped.
    return [Expired(*row) for row in connection.execute(_OVERDUE).fetchall()]


def end_session(connection: Statements, expired: Expired) -> None:
    """End the server's side of an expired daemon's session, which may hold locks.

    Raises StorageError where the database's user may not.
    """
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid = ? AND application_name LIKE ? AND pid <> pg_backend_pid()",
        (expired.backend, f"webhookd % {expired.process_id}"),
    )


def free(connection: Statements) -> frozenset[int]:
    """Free what expired daemons had where none of their attempts can be under way.

    Return the lanes, by number, in which others may go on.
    """
    if connection.execute("SELECT 1 FROM daemons WHERE is_dead = 1 LIMIT 1").fetchone() is None:
        return frozenset()
    lanes = {lane for (lane,) in connection.execute(_FREED).fetchall()}
    lanes |= {lane for (lane,) in connection.execute(_ORPHANED).fetchall()}
    connection.execute(_UNSTARTED)
    connection.execute(_FORGOTTEN)
    return frozenset(lanes)


def set_config(connection: Connection, config_hash: str) -> None:
    """Note the hash of the configuration that this daemon has in force."""
    statement = "UPDATE daemons SET config_hash = ? WHERE number = ?"
    connection.execute(statement, (config_hash, connection.session.owner))


def daemons(connection: Statements) -> list[Daemon]:
    """Return the daemons that work on the database, or did a moment ago."""
    query = (
        "SELECT number, host, process_id, version, config_hash, started_at,"  # noqa: S608 - constant
        f" leased_until - {LEASE}, leased_until < {NOW} FROM daemons WHERE is_dead = 0"
        " ORDER BY number"
    )
    return [
        Daemon(
            number, host, process_id, version, config_hash,
            from_micros(started_at), from_micros(seen_at), bool(is_late),
        )
        for number, host, process_id, version, config_hash, started_at, seen_at, is_late
        in connection.execute(query)
    ]  # fmt: skip


def now(connection: Statements) -> datetime:
    """Return the database's time."""
    micros: int = connection.execute(f"SELECT {NOW}").fetchone()[0]
    return from_micros(micros)
