"""The daemons of one database: who joins, who is gone, and what becomes of what those had.

All times are the database's own. A lease says until when a daemon may *begin* attempts; those it
began may be under way for their timeout longer. So what a dead daemon had is free only after that;
except where its process is known to be gone, because another has its state directory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhookd.storage.database.times import from_micros

if TYPE_CHECKING:
    from datetime import datetime

    import psycopg

    from webhookd.storage.database.connection import Connection, Member

LEASE_SECONDS: Final = 15
LEASE: Final = LEASE_SECONDS * 1_000_000

MARGIN: Final = 2_000_000
"""Added to the timeout of an attempt whose end nobody saw, in microseconds."""

KEPT: Final = 86_400_000_000
"""So long the row of a dead daemon stays, for itself to see what it committed last."""

NOW: Final = "(extract(epoch from clock_timestamp()) * 1000000)::bigint"

_STARTED: Final = f"UPDATE starts SET started_at = {NOW}, owner = NULL"  # noqa: S608 - constant
_FREE: Final = "UPDATE deliveries SET owner = NULL WHERE owner = {daemon}"
_BURIED: Final = (
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
# A lane of a dead daemon is free when no attempt there can be under way.
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
class Dead:
    """A daemon that was declared dead; *backend* served its session."""

    number: int
    host: str
    process_id: int
    backend: int


def left_behind(raw: psycopg.Connection[Any], member: Member) -> list[int]:
    """Return the numbers of daemons that had the state directory of *member*."""
    query = "SELECT number FROM daemons WHERE name = %s AND host = %s"
    return [number for (number,) in raw.execute(query, (member.name, member.host))]


def enlist(raw: psycopg.Connection[Any], member: Member) -> int:
    """Add a daemon, and return its number."""
    query = (
        "INSERT INTO daemons (name, host, process_id, version, backend, started_at, leased_until)"  # noqa: S608 - constant
        f" VALUES (%s, %s, %s, %s, pg_backend_pid(), {NOW}, {NOW} + {LEASE}) RETURNING number"
    )
    values = (member.name, member.host, member.process_id, member.version)
    row = raw.execute(query, values).fetchone()
    return int(row[0]) if row else 0


def returns(raw: psycopg.Connection[Any], number: int, backend: int) -> bool:
    """Let a daemon go on with a new session; return False where it was declared dead."""
    statement = (
        f"UPDATE daemons SET backend = %s, leased_until = {NOW} + {LEASE}"  # noqa: S608 - constant
        " WHERE number = %s AND is_dead = 0"
    )
    return raw.execute(statement, (backend, number)).rowcount == 1


def bury(raw: psycopg.Connection[Any], number: int) -> None:
    """Free all that a daemon had which is known to be gone, and forget it."""
    with raw.transaction():
        for statement in _BURIED:
            raw.execute(statement.format(daemon=number))


def declare_dead(connection: Connection) -> list[Dead]:
    """Declare those dead whose lease is over; from now on they write nothing."""
    return [Dead(*row) for row in connection.execute(_OVERDUE).fetchall()]


def end_session(connection: Connection, dead: Dead) -> None:
    """End the server's side of a dead daemon's session, which may hold locks."""
    connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid = ? AND application_name LIKE ? AND pid <> pg_backend_pid()",
        (dead.backend, f"webhookd % {dead.process_id}"),
    )


def free(connection: Connection) -> frozenset[int]:
    """Free what dead daemons had, where nothing of theirs can be under way; return the lanes."""
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
    connection.execute(statement, (config_hash, connection.owner))


def daemons(connection: Connection) -> list[Daemon]:
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


def now(connection: Connection) -> datetime:
    """Return the database's time."""
    micros: int = connection.execute(f"SELECT {NOW}").fetchone()[0]
    return from_micros(micros)
