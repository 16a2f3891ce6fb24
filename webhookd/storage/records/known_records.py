"""Known records, enrollments and sources: what intake remembers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson

from webhookd.model import KnownRecord
from webhookd.storage.database.connection import Dialect, ForRows, with_lists
from webhookd.storage.database.times import from_micros, to_micros
from webhookd.storage.records import property_sets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from webhookd.model import Asked
    from webhookd.storage.database.connection import Statements

_INTO = (
    "INSERT INTO known_records"
    " (source, object, record_id, properties, modified_at, deleted, asked) "
)
_OVER = (
    " ON CONFLICT (source, object, record_id) DO UPDATE SET"
    " properties = excluded.properties, modified_at = excluded.modified_at,"
    " deleted = excluded.deleted, asked = excluded.asked"
)
_UPSERT = ForRows(
    each=f"{_INTO}VALUES (?, ?, ?, ?, ?, ?, ?){_OVER}",
    at_once=(
        f"{_INTO}SELECT * FROM unnest(?::text[], ?::text[], ?::text[], ?::bytea[], ?::bigint[],"  # noqa: S608 - constant
        f" ?::int[], ?::bigint[]){_OVER}"
    ),
)
_FIND = with_lists(
    "SELECT record_id, properties, modified_at, deleted, asked FROM known_records"
    " WHERE source = ? AND object = ? AND record_id {one_of}"
)
_AFTER = (
    "SELECT record_id, properties, modified_at, deleted, asked FROM known_records"
    " WHERE source = ? AND object = ? AND record_id > ? ORDER BY record_id LIMIT ?"
)
# Locked: what another daemon stores of them comes before this transaction, or behind it.
_LOCKED_AFTER = {Dialect.SQLITE: _AFTER, Dialect.POSTGRESQL: f"{_AFTER} FOR SHARE"}

# One look into the index for each webhook that ever enrolled: a plain DISTINCT reads all of it.
_ENROLLING = (
    "WITH RECURSIVE enrolling (webhook) AS (SELECT min(webhook) FROM enrollments UNION ALL"
    " SELECT (SELECT min(webhook) FROM enrollments WHERE webhook > enrolling.webhook)"
    " FROM enrolling WHERE webhook IS NOT NULL)"
    " SELECT webhook FROM enrolling WHERE webhook IS NOT NULL"
)


def find_known(
    connection: Statements, source: str, object_: str, record_ids: Iterable[str]
) -> dict[str, KnownRecord]:
    """Return those of *record_ids* that are known, by id."""
    wanted = connection.listed(set(record_ids))
    rows = connection.execute(_FIND[connection.dialect], (source, object_, wanted)).fetchall()
    asked = property_sets.of_numbers(connection, {row[4] for row in rows})
    return {row[0]: _known(row, asked) for row in rows}


def known_after(
    connection: Statements,
    source: str,
    object_: str,
    *,
    after: str,
    limit: int,
    is_locked: bool = False,
) -> list[tuple[str, KnownRecord]]:
    """Return known records, the deleted ones too, in the order of their ids, behind *after*.

    *is_locked*: no other daemon stores anything of them until the transaction ends.
    """
    query = _LOCKED_AFTER[connection.dialect] if is_locked else _AFTER
    rows = connection.execute(query, (source, object_, after, limit)).fetchall()
    asked = property_sets.of_numbers(connection, {row[4] for row in rows})
    return [(row[0], _known(row, asked)) for row in rows]


def remember(
    connection: Statements,
    source: str,
    records: Mapping[tuple[str, str], KnownRecord],
) -> None:
    """Store *records*, by (object, id), as the last known states."""
    numbers = property_sets.numbers(connection, {known.asked for known in records.values()})
    rows = [
        (
            source,
            object_,
            record_id,
            orjson.dumps(dict(known.properties)),
            to_micros(known.modified_at),
            known.deleted,
            numbers[known.asked],
        )
        for (object_, record_id), known in records.items()
    ]
    connection.write_rows(_UPSERT, rows)


def enroll(
    connection: Statements,
    webhook: str,
    source: str,
    object_: str,
    record_id: str,
    at: datetime,
) -> bool:
    """Remember that *webhook* enrolled a record; return False when it had before."""
    cursor = connection.execute(
        "INSERT INTO enrollments (webhook, source, object, record_id, enrolled_at)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (webhook, source, object_, record_id, to_micros(at)),
    )
    return cursor.rowcount == 1


def is_enrolled(
    connection: Statements, webhook: str, source: str, object_: str, record_id: str
) -> bool:
    """Return whether *webhook* enrolled a record."""
    query = (
        "SELECT 1 FROM enrollments"
        " WHERE webhook = ? AND source = ? AND object = ? AND record_id = ?"
    )
    return connection.execute(query, (webhook, source, object_, record_id)).fetchone() is not None


def enrolling(connection: Statements) -> list[str]:
    """Return the webhooks that ever enrolled a record, by name."""
    return [webhook for (webhook,) in connection.execute(_ENROLLING).fetchall()]


def identities(connection: Statements) -> dict[str, dict[str, str]]:
    """Return what each source was when it was first seen: the settings that may not change."""
    rows = connection.execute("SELECT name, identity FROM sources")
    return {name: json.loads(identity) for name, identity in rows}


def introduce(connection: Statements, name: str, identity: Mapping[str, str]) -> None:
    """Remember a source's identity: what is not known of it yet, as of an object that is new."""
    row = connection.execute("SELECT identity FROM sources WHERE name = ?", (name,)).fetchone()
    known: dict[str, str] = {} if row is None else json.loads(row[0])
    if row is not None and identity.keys() <= known.keys():
        return
    connection.execute(
        "INSERT INTO sources (name, identity) VALUES (?, ?)"
        " ON CONFLICT (name) DO UPDATE SET identity = excluded.identity",
        (name, json.dumps({**identity, **known}, sort_keys=True)),
    )


def _known(row: tuple[Any, ...], several: Mapping[int | None, Asked | None]) -> KnownRecord:
    _, properties, modified_at, deleted, asked = row
    return KnownRecord(
        orjson.loads(properties), from_micros(modified_at), bool(deleted), several[asked]
    )
