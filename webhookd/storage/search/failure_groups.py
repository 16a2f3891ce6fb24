"""What failed and what is held, by webhook and by what the latest attempt came to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from webhookd.model import DeliveryState
from webhookd.rules.failure_causes import cause
from webhookd.storage.database.connection import Dialect
from webhookd.storage.database.times import from_micros
from webhookd.storage.deliveries import record_order
from webhookd.storage.search.cause_conditions import LONGEST
from webhookd.storage.search.waiting_numbers import HELD_LANES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.database import Database

MOST: Final = 20_000
"""So many deliveries of a state are looked at; of what failed, the newest."""

_GROUPED = (
    f"SELECT lane, last_status, substr(last_error, 1, {LONGEST}), count(*), min(created_at),"  # noqa: S608 - constants
    " max(created_at), max(number) FROM (SELECT lane, last_status, last_error, created_at, number"
    " FROM deliveries {which} LIMIT ?) AS looked_at"
    f" GROUP BY lane, last_status, substr(last_error, 1, {LONGEST})"
)
_INDEXED = {Dialect.SQLITE: "INDEXED BY {index} ", Dialect.POSTGRESQL: ""}
_FAILED = {
    dialect: _GROUPED.format(
        which=by.format(index="failed_by_number") + "WHERE state = 'failed' ORDER BY number DESC"
    )
    for dialect, by in _INDEXED.items()
}
_HELD = {
    dialect: [
        _GROUPED.format(which=f"{by.format(index=index)}WHERE {part} AND lane IN ({HELD_LANES})")
        for part, index in zip(
            record_order.WAITING[dialect], record_order.WAITING_INDEXES[dialect], strict=True
        )
    ]
    for dialect, by in _INDEXED.items()
}
_EXAMPLE = (
    "SELECT deliveries.id, lanes.webhook, deliveries.last_error FROM deliveries"
    " JOIN lanes ON lanes.number = lane WHERE deliveries.number = ?"
)


@dataclass(slots=True)
class Group:
    """Deliveries of a *webhook* whose latest attempts came to the same *error*.

    *example* is the id of the newest, *last_error* why it was not delivered.
    """

    state: DeliveryState
    lane: int
    error: str | None
    count: int
    oldest_at: datetime
    newest_at: datetime
    newest: int
    webhook: str = ""
    example: str = ""
    last_error: str | None = None

    def add(self, other: Group) -> None:
        """Count those of *other* as well."""
        self.count += other.count
        self.oldest_at = min(self.oldest_at, other.oldest_at)
        self.newest_at = max(self.newest_at, other.newest_at)
        self.newest = max(self.newest, other.newest)


def groups(database: Database, state: DeliveryState | None, limit: int) -> tuple[list[Group], bool]:
    """Return at most *limit* groups, the largest first, and whether there may be more to them."""
    found: list[Group] = []
    is_partial = False
    with database.reading() as connection:
        for one in (DeliveryState.FAILED, DeliveryState.HELD):
            if state in (None, one):
                of_state, has_more = _of_state(connection, one)
                found += of_state
                is_partial |= has_more
        found.sort(key=lambda group: (-group.count, -group.newest))
        shown = [group for group in found[:limit] if _complete(connection, group)]
    return shown, is_partial or len(found) > limit


def _of_state(connection: Statements, state: DeliveryState) -> tuple[list[Group], bool]:
    found: dict[tuple[int, str | None], Group] = {}
    count = 0
    statements = (
        [_FAILED[connection.dialect]]
        if state is DeliveryState.FAILED
        else _HELD[connection.dialect]
    )
    for statement in statements:
        for group in _read(connection, statement, state, MOST + 1 - count):
            count += group.count
            key = group.lane, group.error
            if key in found:
                found[key].add(group)
            else:
                found[key] = group
        if count > MOST:
            return list(found.values()), True
    return list(found.values()), False


def _read(
    connection: Statements, statement: str, state: DeliveryState, most: int
) -> Iterator[Group]:
    rows = connection.execute(statement, (most,)).fetchall()
    for lane, status, beginning, count, oldest_at, newest_at, newest in rows:
        yield Group(
            state,
            lane,
            cause(status, beginning),
            count,
            from_micros(oldest_at),
            from_micros(newest_at),
            newest,
        )


def _complete(connection: Statements, group: Group) -> bool:
    """Name the webhook and the example of a group; False where they are gone."""
    row = connection.execute(_EXAMPLE, (group.newest,)).fetchone()
    if row is not None:
        group.example, group.webhook, group.last_error = row
    return row is not None
