"""Who may have how many attempts of a lane in flight, and who may start when, over a whole fleet.

A daemon asks for its share of a lane, with the lane's lock: as many slots of its `concurrency` as
are free, or as is fair when others want some too; and starts of its `rate_limit`, each a row of
`starts` that counts from when it is given. So neither is ever exceeded, whoever dies: what a dead
daemon had stays counted until nothing of it can be under way (`fleet`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from webhookd.storage.fleet.members import NOW

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhookd.storage.database.connection import Connection, Statements

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
# How slots are granted. *most* is the lane's concurrency; the others are the other daemons:
#   fair    = most / number of daemons that want some, at least 1
#   free    = most - what the others have
#   granted = what is wanted, of what is free; no more than fair, while another has less than that
#   counted = granted, but not less than what is in flight now: the rest follows as attempts end
# Example, concurrency 10. A alone gets 10. B wants 10, gets 0, below its fair share of 5: A is
# notified. A asks again with 8 in flight: granted 5, counted 8. B gets the 2 that are free, and the
# other 3 as soon as A has 5 in flight.
#
# Both are one statement each, since every statement is a way to the server and back. Its parts all
# see what was there before it, and that is the latest: the lane's lock is older.
_SLOTS = """
    WITH asked AS MATERIALIZED (
        SELECT ?::integer AS lane, ?::bigint AS daemon, ?::integer AS most, ?::integer AS wanted,
            ?::integer AS in_flight, ?::integer AS seconds
    ), had AS (
        SELECT shares.slots, shares.wanted, shares.daemon = asked.daemon AS is_mine
        FROM asked JOIN shares USING (lane)
    ), others AS (
        SELECT coalesce(sum(slots), 0) AS slots, count(*) FILTER (WHERE wanted > 0) AS active
        FROM had WHERE NOT is_mine
    ), fair AS (
        SELECT greatest(most / greatest(active + (wanted > 0)::integer, 1), 1) AS slots
        FROM asked, others
    ), free AS (
        SELECT least(wanted, greatest(most - others.slots, 0)) AS slots FROM asked, others
    ), given AS (
        SELECT CASE WHEN EXISTS (
            SELECT 1 FROM had WHERE NOT is_mine AND had.slots < least(wanted, fair.slots)
        ) THEN least(free.slots, fair.slots) ELSE free.slots END AS slots
        FROM fair, free
    ), mine AS (
        SELECT coalesce((SELECT slots FROM had WHERE is_mine), 0) AS slots
    ), held AS (
        SELECT greatest(given.slots, least(in_flight, mine.slots)) AS slots FROM asked, given, mine
    ), noted AS (
        INSERT INTO shares (lane, daemon, slots, wanted, seconds)
        SELECT lane, daemon, held.slots, wanted, seconds FROM asked, held WHERE NOT EXISTS (
            SELECT 1 FROM had
            WHERE is_mine AND had.slots = held.slots AND had.wanted = asked.wanted
        )
        ON CONFLICT (lane, daemon) DO UPDATE
        SET slots = excluded.slots, wanted = excluded.wanted, seconds = greatest(
            excluded.seconds,
            -- An attempt that began under a longer timeout may be under way.
            CASE WHEN (SELECT in_flight FROM asked) > 0 THEN shares.seconds ELSE 0 END
        )
    )"""
_STARTS = f""", rate AS MATERIALIZED (
        SELECT {NOW} AS at, ?::integer AS starts, ?::bigint AS length, ?::integer AS tokens,
            ?::text[] AS returned
    ), counted AS (
        SELECT started_at FROM asked JOIN starts USING (lane), rate
        WHERE (started_at IS NULL OR started_at >= at - length) AND delivery_id <> ALL(returned)
    ), removed AS (
        DELETE FROM starts USING asked, rate WHERE starts.lane = asked.lane
        AND (started_at < at - length OR delivery_id = ANY(returned))
    ), room AS (
        SELECT starts - (SELECT count(*) FROM counted) AS starts FROM rate
    ), token AS (
        INSERT INTO starts (lane, delivery_id, owner)
        SELECT lane, gen_random_uuid()::text, daemon
        FROM asked, rate, room, generate_series(1, least(tokens, room.starts))
        RETURNING delivery_id
    )"""  # noqa: S608 - constants
_SHARE = """
    SELECT given.slots, held.slots, given.slots < least(wanted, fair.slots), held.slots < mine.slots
"""
_FROM = "FROM asked, fair, given, mine, held"
_TAKE = f"{_SLOTS} {_SHARE} {_FROM}"
_TAKE_STARTS = f"""{_SLOTS} {_STARTS} {_SHARE}, at, ARRAY(SELECT delivery_id FROM token), (
        SELECT started_at FROM counted ORDER BY started_at NULLS LAST
        OFFSET greatest(-room.starts, 0) LIMIT 1
    ) {_FROM}, rate, room"""  # noqa: S608 - constants
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
class ShareRequest:
    """What a daemon wants of a lane.

    *most* is what all may have in flight together, *wanted* what this one would have of it (none
    when it has nothing to do), *in_flight* what it cannot give away now. *tokens* are starts to be
    given, of *rate*; *returned* were given and are not needed. *seconds* is how long an attempt
    may take; *requested_at* comes back with the grant.
    """

    lane: int
    most: int
    wanted: int
    in_flight: int
    seconds: int
    rate: Rate | None = None
    tokens: int = 0
    returned: tuple[str, ...] = ()
    requested_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Grant:
    """What a daemon has of a lane: begin no more than *slots*, of which *counted* are counted.

    *wanted* is what it requested. *is_below_fair_share* says that other daemons should return
    some; *returned_slots* that this request made some free. *tokens* are starts that were granted
    at *at*, microseconds of the database's clock, after *requested_at*; when there were none,
    *wait* is the seconds until some may be.
    """

    lane: int
    slots: int
    counted: int
    wanted: int
    is_below_fair_share: bool
    returned_slots: bool
    requested_at: float = 0.0
    at: int = 0
    tokens: tuple[str, ...] = ()
    wait: float = 0.0


def room(slots: int) -> int:
    """Return how many deliveries may wait in memory: enough to keep *slots* busy."""
    return min(max(2 * slots, BUFFER_LEAST), BUFFER_MOST) if slots > 0 else 0


def introduce(connection: Connection, seconds: Mapping[int, int]) -> None:
    """Say which lanes this daemon has in force, with how long an attempt there may take."""
    connection.execute(
        "UPDATE shares SET is_in_force = 0 WHERE daemon = ?", (connection.session.owner,)
    )
    rows = [(lane, connection.session.owner, longest) for lane, longest in seconds.items()]
    connection.executemany(_MINE, rows)


def in_force_elsewhere(connection: Connection) -> frozenset[int]:
    """Return the lanes that another daemon has in force."""
    if not connection.session.is_shared:
        return frozenset()
    query = (
        "SELECT DISTINCT lane FROM shares JOIN daemons ON daemons.number = shares.daemon"
        " WHERE is_in_force = 1 AND is_dead = 0 AND daemon <> ?"
    )
    return frozenset(lane for (lane,) in connection.execute(query, (connection.session.owner,)))


def contested(connection: Connection) -> frozenset[int]:
    """Return the lanes of which another daemon wants more than it has."""
    query = "SELECT lane FROM shares WHERE daemon <> ? AND slots < wanted"
    return frozenset(lane for (lane,) in connection.execute(query, (connection.session.owner,)))


def grant(connection: Connection, request: ShareRequest) -> Grant:
    """Set this daemon's share of a lane, in a transaction that has the lane's lock."""
    connection.session.keep_order(request.lane)
    values = (
        request.lane,
        connection.session.owner,
        request.most,
        request.wanted,
        request.in_flight,
        request.seconds,
    )
    rate = request.rate
    if rate is None or not (request.tokens or request.returned):
        return _grant(request, *connection.execute(_TAKE, values).fetchone())
    more = (rate.starts, rate.length, request.tokens, list(request.returned))
    *slots, at, tokens, earliest = connection.execute(_TAKE_STARTS, (*values, *more)).fetchone()
    granted = _grant(request, *slots)
    if request.tokens == 0:
        return granted
    wait = 0.0 if tokens else _until(earliest, at, rate)
    return replace(granted, at=at, tokens=tuple(tokens), wait=wait)


def _grant(
    request: ShareRequest,
    slots: int,
    counted: int,
    is_below_fair_share: bool,
    returned_slots: bool,
) -> Grant:
    return Grant(
        request.lane,
        slots,
        counted,
        request.wanted,
        is_below_fair_share,
        returned_slots,
        request.requested_at,
    )


def _until(earliest: int | None, at: int, rate: Rate) -> float:
    """Return the seconds until there is room again, which *earliest* makes when it is over."""
    if earliest is None:
        return _UNREPORTED_SECONDS
    return max((earliest + rate.length - at) / 1_000_000, 0.001)


def report_starts(connection: Statements, starts: Sequence[tuple[str, int]]) -> None:
    """Note when starts that were given happened, in microseconds of the database's clock."""
    connection.execute(_HAPPENED, tuple(map(list, zip(*starts, strict=True))))
