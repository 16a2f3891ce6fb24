"""The timers: a row for each webhook that has one, with how far its moments are planned.

A timer that is another one by now (another source, object or kind) leaves its row behind without a
name: its moments are deleted some at a time, and nothing of them comes about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from webhookd.storage.database.connection import with_lists
from webhookd.storage.database.times import from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import datetime

    from webhookd.storage.database.connection import Statements

TimerKind: TypeAlias = Literal["at", "wait"]

_COLUMNS: Final = "number, webhook, kind, source, object, digest, since, place"
_OF_WEBHOOKS: Final = with_lists(f"SELECT {_COLUMNS} FROM timers WHERE webhook {{one_of}}")  # noqa: S608 - constant
_CLEAR: Final = (
    "DELETE FROM moments WHERE timer = ? AND record_id IN"
    " (SELECT record_id FROM moments WHERE timer = ? ORDER BY record_id LIMIT ?)"
)


@dataclass(frozen=True, slots=True)
class ConfiguredTimer:
    """What a configuration says of the timer of *webhook*.

    *digest* is a text of its rule, *zone_rules* one of those of its zone. One that is not
    *is_on* plans nothing: its webhook is disabled.
    """

    webhook: str
    kind: TimerKind
    source: str
    object: str
    digest: str = ""
    zone_rules: str = "-"
    is_on: bool = True


@dataclass(frozen=True, slots=True)
class Timer:
    """A timer as the database has it.

    No moment before *since* comes about. Known records are planned up to the id *place*, all of
    them when that is None.
    """

    number: int
    webhook: str
    kind: TimerKind
    source: str
    object: str
    digest: str
    since: datetime
    place: str | None

    @property
    def rule(self) -> str:
        """Return the text of its rule: the digest without that of the zone's rules."""
        return self.digest.rpartition(" ")[0]

    @property
    def records(self) -> tuple[str, str]:
        """Return the source and the object whose records it looks at."""
        return self.source, self.object

    def may_be(self, configured: ConfiguredTimer) -> bool:
        """Return whether this is the timer of *configured*, its rule aside."""
        place = (configured.source, configured.object)
        return self.kind == configured.kind and self.records == place


def adopt(
    connection: Statements,
    configured: Iterable[ConfiguredTimer],
    now: datetime,
    gone: Collection[str] = (),
    again: Iterable[str] = (),
    untimed: Mapping[str, tuple[str, str]] | None = None,
) -> dict[str, int]:
    """Bring the timers in line with a configuration: those whose rule is new are planned anew.

    Timers of dates of the webhooks *gone* end: with the webhook comes another time from which on
    moments count. What waits for the end of a wait is kept, as deliveries are, but not where the
    webhook looks at other records by now, by a timer or, *untimed*, at that source and object.
    Those of *again* are planned anew although their rule is the same.

    Returns of how many records of each webhook a wait was dropped.
    """
    untimed = untimed or {}
    known = {timer.webhook: timer for timer in all_timers(connection)}
    wanted_ones = {one.webhook: one for one in configured}
    dropped: dict[str, int] = {}
    for name, timer in list(known.items()):
        if name in wanted_ones:
            is_over = not timer.may_be(wanted_ones[name])
        elif timer.kind == "at":
            is_over = name in untimed or name in gone
        else:
            is_over = untimed.get(name, timer.records) != timer.records
        if is_over:
            dropped[name] = 0 if timer.kind == "at" else _awaited(connection, timer)
            _leave(connection, known.pop(name))
    for name, wanted in wanted_ones.items():
        _adopt_one(connection, known.get(name), wanted, now)
    for name in again:
        query = "UPDATE timers SET place = '' WHERE webhook = ? AND kind = 'at'"
        connection.execute(query, (name,))
    return {name: number for name, number in dropped.items() if number}


def _awaited(connection: Statements, timer: Timer) -> int:
    """Return how many records await a moment of a timer."""
    query = "SELECT count(*) FROM moments WHERE timer = ? AND at IS NOT NULL"
    [(number,)] = connection.execute(query, (timer.number,)).fetchall()
    return int(number)


def _adopt_one(
    connection: Statements, timer: Timer | None, wanted: ConfiguredTimer, now: datetime
) -> None:
    # A timer that is off has no rule: whichever it gets next is new, from that time on.
    rule = wanted.digest if wanted.is_on else "off"
    digest = f"{rule} {wanted.zone_rules}" if wanted.is_on else rule
    if timer is None:
        # All of what waits is planned with its change, so there is nothing to plan for a wait.
        place = None if wanted.kind == "wait" or not wanted.is_on else ""
        connection.execute(
            "INSERT INTO timers (webhook, kind, source, object, digest, since, place)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                wanted.webhook,
                wanted.kind,
                wanted.source,
                wanted.object,
                digest,
                to_micros(now),
                place,
            ),
        )
    elif timer.digest != digest:
        is_same_rule = timer.rule == rule
        # Other rules of the zone alone: what was missed meanwhile is not lost.
        since = timer.since if is_same_rule else now
        place = "" if wanted.kind == "at" and wanted.is_on else None
        connection.execute(
            "UPDATE timers SET digest = ?, since = ?, place = ? WHERE number = ?",
            (digest, to_micros(since), place, timer.number),
        )


def _leave(connection: Statements, timer: Timer) -> None:
    connection.execute("UPDATE timers SET webhook = NULL WHERE number = ?", (timer.number,))


def all_timers(connection: Statements) -> list[Timer]:
    """Return the timers of all webhooks."""
    query = f"SELECT {_COLUMNS} FROM timers WHERE webhook IS NOT NULL ORDER BY number"  # noqa: S608 - constant
    return [_timer(row) for row in connection.execute(query).fetchall()]


def of_webhooks(connection: Statements, webhooks: Iterable[str]) -> dict[str, Timer]:
    """Return the timers of *webhooks*, by webhook."""
    wanted = connection.listed(webhooks)
    rows = connection.execute(_OF_WEBHOOKS[connection.dialect], (wanted,)).fetchall()
    return {timer.webhook: timer for timer in map(_timer, rows)}


def of_webhook(connection: Statements, webhook: str) -> Timer | None:
    """Return the timer of a webhook, None where it has none."""
    return of_webhooks(connection, [webhook]).get(webhook)


def set_place(connection: Statements, number: int, place: str | None) -> None:
    """Note up to which record's id a timer is planned; None: all of them."""
    connection.execute("UPDATE timers SET place = ? WHERE number = ?", (place, number))


def clear(connection: Statements, limit: int) -> int:
    """Delete at most *limit* moments of timers that have no webhook, and those that have none left.

    Returns *limit* where there may be more, 0 where there are none.
    """
    query = "SELECT number FROM timers WHERE webhook IS NULL ORDER BY number LIMIT 1"
    rows = connection.execute(query).fetchall()
    if not rows:
        return 0
    [(number,)] = rows
    deleted = connection.execute(_CLEAR, (number, number, limit)).rowcount
    if deleted < limit:
        connection.execute("DELETE FROM timers WHERE number = ?", (number,))
    return limit


def _timer(row: Any) -> Timer:
    number, webhook, kind, source, object_, digest, since, place = row
    return Timer(number, webhook, kind, source, object_, digest, from_micros(since), place)
