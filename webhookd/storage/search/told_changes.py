"""The change that a delivery reports, as the journal keeps it: what differed on the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

from webhookd.storage.database.times import to_micros

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.storage.database.connection import Statements
    from webhookd.storage.deliveries.query import ListedDelivery

_AROUND: Final = 2_000_000
"""Microseconds between a change and its delivery, at most: one transaction stores both."""

_LOOKED_AT: Final = 100_000

_ENDS = "SELECT min(number), max(number) FROM changes"
_FROM = "SELECT number, seen_at FROM changes WHERE number >= ? ORDER BY number LIMIT 1"
_OF_RECORD = (
    "SELECT seen_at, change, before, properties FROM changes WHERE number >= ? AND number < ?"
    " AND source = ? AND object = ? AND record_id = ? AND change = ? AND seen_at <= ?"
    " ORDER BY number DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class ChangedProperty:
    """A property that differed, as JSON texts; None stands for no value."""

    property: str
    before: str | None
    after: str | None


def changed(connection: Statements, delivery: ListedDelivery) -> tuple[ChangedProperty, ...] | None:
    """Return what the change of *delivery* made different; None where it is not kept any more.

    The journal is in the order of time: the place is found by some twenty looks.
    """
    at = to_micros(delivery.created_at)
    (low, last) = connection.execute(_ENDS).fetchone()
    if low is None:
        return None
    high = last + 1
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(_FROM, (middle,)).fetchone()
        if found is None or found[1] >= at - _AROUND:
            high = middle
        else:
            low = found[0] + 1
    values = (
        *(low, low + _LOOKED_AT, delivery.source, delivery.object, delivery.record_id),
        *(delivery.change, at + _AROUND),
    )
    row = connection.execute(_OF_RECORD, values).fetchone()
    return None if row is None else _difference(*row[1:])


def _difference(change: str, before: bytes | None, now: bytes) -> tuple[ChangedProperty, ...]:
    after: Mapping[str, str] = orjson.loads(now)
    if change == "created":
        return tuple(ChangedProperty(name, None, value) for name, value in sorted(after.items()))
    if change == "due":
        return ()
    if change == "deleted":
        return tuple(ChangedProperty(name, value, None) for name, value in sorted(after.items()))
    was: Mapping[str, str | None] = {} if before is None else orjson.loads(before)
    return tuple(
        ChangedProperty(name, value, after.get(name)) for name, value in sorted(was.items())
    )
