"""A newer change in the place of those of its record that wait: `coalesce`.

Only deliveries that were stored under `coalesce` are superseded: with them is kept what their
receiver had not been told (`untold_new`, `untold_previous`). The newer one takes over the place of
the first of them whole: when it is due, whose turn it is in the record's order, how many attempts
were made and how many waits the receiver shortened, so that changes without an end neither hurry a
retry nor put it off.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any, Final

import orjson

from webhookd.model import ChangeKind, Hints
from webhookd.rules.coalescing import Untold, followed_by
from webhookd.storage.database.connection import Dialect
from webhookd.storage.database.times import from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhookd.model import Delivery, Rendered
    from webhookd.storage.database.connection import Connection, Statements
    from webhookd.storage.deliveries.record_order import Record

_WAITING: Final = (
    "SELECT number, id, change, untold_new, untold_previous, coalesce(untold_since, created_at),"
    " behind, epoch, due_at, attempts, hints, hints_in_row, owner FROM deliveries"
    " WHERE due_at IS NOT NULL AND behind IS NOT NULL AND lane = ? AND source = ?"
    " AND object = ? AND record_id = ? ORDER BY number DESC"
)
# Locked, so that no other daemon claims what is about to be superseded.
_LOCKED: Final = {Dialect.SQLITE: _WAITING, Dialect.POSTGRESQL: f"{_WAITING} FOR UPDATE"}
_SUPERSEDE: Final = (
    "UPDATE deliveries SET state = 'superseded', due_at = NULL, settled_at = ?, superseded_by = ?,"
    " untold_previous = NULL, owner = NULL WHERE number = ?"
)


@dataclass(frozen=True, slots=True)
class Coalescing:
    """How a new delivery takes the place of others.

    *untold* is what its own change has to tell; *render* gives what is sent where there is more to
    tell, None where a bug is in the way: then nothing is superseded.
    """

    untold: Untold
    render: Callable[[Untold], Rendered | None]


@dataclass(frozen=True, slots=True)
class Superseding:
    """Which new deliveries may take the place of others, by their ids.

    *may_take* claims a waiting delivery by its id, or says that an attempt at it is under way.
    """

    coalescing: Mapping[str, Coalescing]
    may_take: Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Place:
    """What a new delivery takes over: its *epoch*, its turn, and since when it is waited for.

    *owner* is the daemon that has it. *untold_since* is in microseconds, None for a place that is
    new; *numbers* are of those that were there.
    """

    delivery: Delivery
    untold: Untold
    epoch: int
    owner: int | None = None
    untold_since: int | None = None
    numbers: tuple[int, ...] = ()

    def columns(self) -> tuple[object, ...]:
        """Return what a row has beyond those of others: `enqueue` names its columns."""
        previous = self.untold.previous
        written = None if previous is None else orjson.dumps(dict(previous))
        made = self.delivery.attempts_made, *self.delivery.hints
        return *made, self.untold.is_new, written, self.untold_since


def find_place(
    connection: Connection,
    record: Record,
    delivery: Delivery,
    own: Coalescing,
    may_take: Callable[[str], bool],
) -> Place | None:
    """Return the place that *delivery* takes over, None when there is none.

    Those of *record* that wait are looked at from the newest on, up to the first that stays: one
    whose attempt is under way, that another daemon has, that was stored without `coalesce`, or that
    a person retried.
    """
    taken: list[Any] = []
    for row in connection.execute(_LOCKED[connection.dialect], record).fetchall():
        is_ours = row[-1] is None or row[-1] == connection.session.owner
        if row[3] is None or not is_ours or not may_take(row[1]):
            break
        taken.append(row)
    if not taken:
        return None
    whole = reduce(followed_by, [*map(_untold, reversed(taken)), own.untold])
    rendered = delivery.rendered if whole == own.untold else own.render(whole)
    if rendered is None:
        return None
    since, behind, epoch, due_at, attempts, hints, hints_in_row, owner = taken[-1][5:]
    successor = replace(
        delivery,
        change=whole.kind,
        rendered=rendered,
        due_at=from_micros(due_at),
        attempts_made=attempts,
        hints=Hints(hints, hints_in_row),
        is_behind=bool(behind),
        is_unclaimed=not behind and owner != connection.session.owner,
        supersedes=tuple(row[1] for row in taken),
    )
    return Place(successor, whole, epoch, owner, since, tuple(row[0] for row in taken))


def supersede(connection: Statements, place: Place) -> None:
    """Settle those whose place was taken, as superseded."""
    at = to_micros(place.delivery.created_at)
    rows = [(at, place.delivery.id, number) for number in place.numbers]
    connection.executemany(_SUPERSEDE, rows)


def _untold(row: Any) -> Untold:
    _, _, change, is_new, previous, *_ = row
    return Untold(
        ChangeKind(change), bool(is_new), None if previous is None else orjson.loads(previous)
    )
