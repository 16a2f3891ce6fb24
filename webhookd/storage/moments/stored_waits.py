"""Records that are waited for: rows of moments that hold what their receivers were not told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import orjson

from webhookd.model import ChangeKind, deletion_of
from webhookd.rules.coalescing import Untold
from webhookd.rules.waits import Waiting
from webhookd.storage.database.connection import Dialect, ForRows, with_lists
from webhookd.storage.database.times import from_micros, to_micros

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from webhookd.storage.database.connection import Statements
    from webhookd.storage.moments.timer_rows import Timer

_COLUMNS: Final = (
    "record_id, at, first_at, change, occurred_at, untold_new, untold_previous, last, deletion"
)
_FIND: Final = with_lists(
    f"SELECT {_COLUMNS} FROM moments WHERE timer = ? AND at IS NOT NULL AND first_at IS NOT NULL"  # noqa: S608 - constant
    " AND record_id {one_of} ORDER BY record_id"
)
_LOCKED: Final = {
    Dialect.SQLITE: _FIND[Dialect.SQLITE],
    # Locked: no other daemon ends a wait between this look and what is written.
    Dialect.POSTGRESQL: f"{_FIND[Dialect.POSTGRESQL]} FOR UPDATE",
}
_INTO: Final = f"INSERT INTO moments (timer, {_COLUMNS}) "
_OVER: Final = (
    " ON CONFLICT (timer, record_id) DO UPDATE SET at = excluded.at, first_at = excluded.first_at,"
    " change = excluded.change, occurred_at = excluded.occurred_at,"
    " untold_new = excluded.untold_new, untold_previous = excluded.untold_previous,"
    " last = excluded.last, deletion = excluded.deletion"
)
_PUT: Final = ForRows(
    each=f"{_INTO}VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?){_OVER}",
    at_once=(
        f"{_INTO}SELECT * FROM unnest(?::bigint[], ?::text[], ?::bigint[], ?::bigint[], ?::text[],"  # noqa: S608 - constant
        f" ?::bigint[], ?::int[], ?::bytea[], ?::bytea[], ?::text[]){_OVER}"
    ),
)

_CLEARED: Final = ", ".join(f"{name} = NULL" for name in _COLUMNS.split(", ")[1:])
_END: Final = ForRows(
    each=f"UPDATE moments SET told = ?, {_CLEARED} WHERE timer = ? AND record_id = ?",  # noqa: S608 - constant
    at_once=(
        f"UPDATE moments SET told = ended.told, {_CLEARED} FROM unnest(?::bigint[], ?::bigint[],"  # noqa: S608 - constant
        " ?::text[]) AS ended (told, timer, record_id)"
        " WHERE moments.timer = ended.timer AND moments.record_id = ended.record_id"
    ),
)


def of_records(
    connection: Statements, timer: Timer, record_ids: Iterable[str]
) -> dict[str, Waiting]:
    """Return what is waited for of *record_ids*, locked until the transaction ends."""
    wanted = connection.listed(record_ids)
    rows = connection.execute(_LOCKED[connection.dialect], (timer.number, wanted)).fetchall()
    return {row[0]: _waiting(row) for row in rows}


def put(connection: Statements, timer: Timer, waiting: Mapping[str, Waiting | None]) -> None:
    """Store what waits of each record, or that nothing does: its wait was for nothing.

    Part of the transaction that stores the changes.
    """
    rows = [
        (timer.number, record_id, *_values(waiting[record_id])) for record_id in sorted(waiting)
    ]
    connection.write_rows(_PUT, rows)


def end(connection: Statements, timer: Timer, ended: Mapping[str, int]) -> None:
    """Note when the wait of each record *ended*.

    Part of the transaction that stores what the ends led to.
    """
    rows = [(ended[record_id], timer.number, record_id) for record_id in sorted(ended)]
    connection.write_rows(_END, rows)


def _values(waiting: Waiting | None) -> tuple[object, ...]:
    if waiting is None:
        return (None,) * 8
    return (
        to_micros(waiting.at),
        to_micros(waiting.first_at),
        waiting.untold.kind.value,
        to_micros(waiting.occurred_at),
        int(waiting.untold.is_new),
        None if waiting.untold.previous is None else orjson.dumps(dict(waiting.untold.previous)),
        None if waiting.last is None else orjson.dumps(dict(waiting.last)),
        None if waiting.deletion is None else waiting.deletion.text(),
    )


def _waiting(row: Any) -> Waiting:
    _, at, first_at, change, occurred_at, is_new, previous, last, deletion = row
    told = Untold(
        ChangeKind(change), bool(is_new), None if previous is None else orjson.loads(previous)
    )
    return Waiting(
        from_micros(at),
        from_micros(first_at),
        told,
        from_micros(occurred_at),
        None if last is None else orjson.loads(last),
        deletion_of(deletion),
    )
