"""Who may have how many attempts of a lane in flight, and who may start when, over a whole fleet.

A daemon asks for its share of a lane, with the lane's lock: as many slots of its `concurrency` as
are free, or as is fair when others want some too; and starts of its `rate_limit`, each a row of
`starts` that counts from when it is given. So neither is ever exceeded, whoever dies: what a dead
daemon had stays counted until nothing of it can be under way (`fleet`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from webhookd.storage.fleet import NOW

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhookd.storage.connection import Connection

BUFFER_LEAST: Final = 8
BUFFER_MOST: Final = 400
"""Deliveries that one lane keeps in memory at the most, waiting for a slot."""

_UNREPORTED_SECONDS: Final = 0.2
"""How soon a lane is asked again of whose starts it is not known yet when they happened."""

_MINE = (
    "INSERT INTO shares (lane, daemon, seconds, is_in_force) VALUES (?, ?, ?, 1)"
    " ON CONFLICT (lane, daemon) DO UPDATE SET is_in_force = 1, seconds ="
    " greatest(excluded.seconds, CASE WHEN shares.slots > 0 THEN shares.seconds ELSE 0 END)"
)
_SHARES = "SELECT daemon, slots, wanted FROM shares WHERE lane = ?"
_SET = (
    "INSERT INTO shares (lane, daemon, slots, wanted, seconds) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT (lane, daemon) DO UPDATE SET slots = excluded.slots, wanted = excluded.wanted,"
    # An attempt that began under a longer timeout may be under way.
    " seconds = greatest(excluded.seconds, CASE WHEN ? > 0 THEN shares.seconds ELSE 0 END)"
)
_LAPSED = f"DELETE FROM starts WHERE lane = ? AND started_at < {NOW} - ?"  # noqa: S608 - constant
_GIVEN = (
    "INSERT INTO starts (lane, delivery_id, owner)"
    " SELECT ?, gen_random_uuid()::text, ? FROM generate_series(1, ?) RETURNING delivery_id"
)
_FREE_AT = (
    f"SELECT started_at - {NOW} FROM starts WHERE lane = ? ORDER BY started_at NULLS LAST"  # noqa: S608 - constant
    " OFFSET ? LIMIT 1"
)
_HAPPENED = (
    "UPDATE starts SET started_at = new.at, owner = NULL FROM unnest(?::text[], ?::bigint[])"
    " AS new (token, at) WHERE starts.delivery_id = new.token"
)


@dataclass(frozen=True, slots=True)
class Rate:
    """At most *starts* in any window of *length* microseconds."""

    starts: int
    length: int


@dataclass(frozen=True, slots=True)
class Ask:
    """What a daemon wants of a lane.

    *most* is what all may have in flight together, *wanted* what this one would have of it (none
    when it has nothing to do), *in_flight* what it cannot give away now. *tokens* are starts to be
    given, of *rate*; *returned* were given and are not needed. *seconds* is how long an attempt
    may take; *asked_at* comes back with the answer.
    """

    lane: int
    most: int
    wanted: int
    in_flight: int
    seconds: int
    rate: Rate | None = None
    tokens: int = 0
    returned: tuple[str, ...] = ()
    asked_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Share:
    """What a daemon has of a lane: begin no more than *slots*, of which *held* are counted.

    *wanted* is what it asked for. *is_short* says that it is less than would be fair: others should
    give some back. *is_less* says that some came free. *tokens* are starts that were given at *at*,
    microseconds of the database's clock, after *asked_at*; when there were none, *wait* is the
    seconds until some may be.
    """

    lane: int
    slots: int
    held: int
    wanted: int
    is_short: bool
    is_less: bool
    asked_at: float = 0.0
    at: int = 0
    tokens: tuple[str, ...] = ()
    wait: float = 0.0


def room(slots: int) -> int:
    """Return how many deliveries may wait in memory: enough to keep *slots* busy."""
    return min(max(2 * slots, BUFFER_LEAST), BUFFER_MOST) if slots > 0 else 0


def introduce(connection: Connection, seconds: Mapping[int, int]) -> None:
    """Say which lanes this daemon has in force, with how long an attempt there may take."""
    connection.execute("UPDATE shares SET is_in_force = 0 WHERE daemon = ?", (connection.owner,))
    rows = [(lane, connection.owner, longest) for lane, longest in seconds.items()]
    connection.executemany(_MINE, rows)


def in_force_elsewhere(connection: Connection) -> frozenset[int]:
    """Return the lanes that another daemon has in force."""
    if connection.owner is None:
        return frozenset()
    query = (
        "SELECT DISTINCT lane FROM shares JOIN daemons ON daemons.number = shares.daemon"
        " WHERE is_in_force = 1 AND is_dead = 0 AND daemon <> ?"
    )
    return frozenset(lane for (lane,) in connection.execute(query, (connection.owner,)))


def contested(connection: Connection) -> frozenset[int]:
    """Return the lanes of which another daemon wants more than it has."""
    query = "SELECT lane FROM shares WHERE daemon <> ? AND slots < wanted"
    return frozenset(lane for (lane,) in connection.execute(query, (connection.owner,)))


def take(connection: Connection, ask: Ask) -> Share:
    """Set this daemon's share of a lane, in a transaction that has the lane's lock."""
    connection.keep_order(ask.lane)
    rows = connection.execute(_SHARES, (ask.lane,)).fetchall()
    before = next(((slots, wanted) for one, slots, wanted in rows if one == connection.owner), None)
    others = [(slots, wanted) for one, slots, wanted in rows if one != connection.owner]
    active = sum(wanted > 0 for _, wanted in others) + (ask.wanted > 0)
    fair = max(1, ask.most // max(active, 1))
    free = max(ask.most - sum(slots for slots, _ in others), 0)
    slots = min(ask.wanted, free)
    if any(slots < min(wanted, fair) for slots, wanted in others):
        slots = min(slots, fair)
    held = max(slots, min(ask.in_flight, before[0] if before else 0))
    if (held, ask.wanted) != before:
        values = (
            *(ask.lane, connection.owner, held, ask.wanted, ask.seconds),
            ask.in_flight,
        )
        connection.execute(_SET, values)
    share = Share(
        ask.lane,
        slots,
        held,
        ask.wanted,
        is_short=slots < min(ask.wanted, fair),
        is_less=before is not None and held < before[0],
        asked_at=ask.asked_at,
    )
    return share if ask.rate is None else _with_tokens(connection, ask, ask.rate, share)


def _with_tokens(connection: Connection, ask: Ask, rate: Rate, share: Share) -> Share:
    if ask.returned:
        connection.execute("DELETE FROM starts WHERE delivery_id = ANY(?)", (list(ask.returned),))
    if ask.tokens == 0:
        return share
    connection.execute(_LAPSED, (ask.lane, rate.length))
    at, count = connection.execute(
        f"SELECT {NOW}, count(*) FROM starts WHERE lane = ?",  # noqa: S608 - constant
        (ask.lane,),
    ).fetchone()
    free = rate.starts - count
    if free > 0:
        values = (ask.lane, connection.owner, min(free, ask.tokens))
        tokens = tuple(token for (token,) in connection.execute(_GIVEN, values).fetchall())
        return replace(share, at=at, tokens=tokens)
    row = connection.execute(_FREE_AT, (ask.lane, -free)).fetchone()
    if row is None or row[0] is None:
        return replace(share, at=at, wait=_UNREPORTED_SECONDS)
    return replace(share, at=at, wait=max((row[0] + rate.length) / 1_000_000, 0.001))


def happened(connection: Connection, starts: Sequence[tuple[str, int]]) -> None:
    """Note when starts that were given happened, in microseconds of the database's clock."""
    connection.execute(_HAPPENED, tuple(map(list, zip(*starts, strict=True))))
