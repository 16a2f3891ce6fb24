"""Forgetting a record: what is known of it, its changes, and what its deliveries hold of it.

Deliveries stay as rows, so that what was counted stays true; of a forgotten one nothing is left
that tells of the record. Such a row has an empty `record_id`, as no record has.

What may bring a forgotten value back, and what keeps it from that:

* A batch that was compared before, and is stored behind (`intake.batch`): `erasures` counts how
  often something was forgotten. Intake reads it before it reads known records, and again in the
  transaction that stores; where they differ, it compares anew. In a fleet the transaction that
  forgets is exclusive, so nobody stores beside it.
* An attempt under way: its outcome is written behind (`settle`), without its values, for the row of
  its delivery says that it was forgotten.
* A retry by hand: `manual` leaves forgotten deliveries alone.
* A backfill reads and stores in one transaction: it sees the record, or it does not.

All functions that take a `Connection` run on the writer's thread, within its transaction.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias

from webhookd.storage.database.connection import Dialect
from webhookd.storage.database.times import to_micros
from webhookd.storage.deliveries import kept_heads
from webhookd.storage.records import known_records
from webhookd.storage.search import record_pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from webhookd.model import Settlement
    from webhookd.storage.database.connection import Connection, Statements
    from webhookd.storage.database.database import Database

Key: TypeAlias = tuple[str, str, str]
"""A record's source, its type and its id."""

FORGOTTEN: Final = "forgotten"
"""What stands where an error's text stood."""

_COUNTER: Final = "erasures"
_COUNTED = "SELECT value FROM meta WHERE key = ?"
_COUNT = (
    "INSERT INTO meta (key, value) VALUES (?, ?)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_OF_RECORD = "source = ? AND object = ? AND record_id = ?"
_NUMBERS = f"SELECT number FROM deliveries WHERE number > ? AND {_OF_RECORD} ORDER BY number"  # noqa: S608 - constants
_DELIVERIES = f"SELECT number, id, due_at FROM deliveries WHERE {_OF_RECORD}"  # noqa: S608 - constants
_CHANGES = f"SELECT count(*) FROM changes WHERE {_OF_RECORD}"  # noqa: S608 - constants
_ATTEMPTS = "SELECT count(*) FROM attempts WHERE delivery_id = ?"
_NAMED = "WHERE object || '/' || record_id = ?"
_CHANGED = f"SELECT DISTINCT source, object, record_id FROM changes {_NAMED}"  # noqa: S608 - constants
_DELIVERED = f"SELECT DISTINCT source, object, record_id FROM deliveries {_NAMED}"  # noqa: S608 - constants
_IDS = "SELECT id FROM deliveries WHERE number = ?"
_ERROR = f"CASE WHEN {{0}} IS NULL THEN NULL ELSE '{FORGOTTEN}' END"
_ERASE = (
    "UPDATE deliveries SET record_id = '', body = NULL, query = '', holes = NULL,"  # noqa: S608 - constants
    " url_values = NULL, deletion = NULL, untold_new = NULL, untold_previous = NULL, behind = NULL,"
    f" last_error = {_ERROR.format('last_error')},"
    " state = CASE WHEN due_at IS NULL THEN state ELSE 'cancelled' END,"
    " settled_at = CASE WHEN due_at IS NULL THEN settled_at ELSE ? END, due_at = NULL"
    " WHERE number = ?"
)
_ERASE_ATTEMPTS = (
    "UPDATE attempts SET answer = '', sent = NULL, answer_headers = NULL,"  # noqa: S608 - constants
    f" error = {_ERROR.format('error')} WHERE delivery_id = ?"
)
_TABLES = ("known_records", "changes", "archived_records", "list_members")
_UNENROLL = f"DELETE FROM enrollments WHERE webhook = ? AND {_OF_RECORD}"  # noqa: S608 - constants
_MOMENTS = (
    "DELETE FROM moments WHERE timer IN (SELECT number FROM timers WHERE source = ? AND object = ?)"
    " AND record_id = ?"
)
_FORGOTTEN_ONES = (
    "SELECT id FROM deliveries WHERE record_id = '' AND id IN (SELECT value FROM json_each(?))"
)


@dataclass(frozen=True, slots=True)
class Found:
    """What there is to forget; *waiting* of the deliveries with *numbers* are to be sent."""

    is_known: bool
    changes: int
    enrollments: int
    numbers: list[int]
    waiting: int
    attempts: int


def keys_of(database: Database, typed: str, source: str | None) -> list[Key]:
    """Return the records OBJECT/ID of which anything is kept, one a source.

    It looks at every delivery, so it belongs on a thread of its own.
    """
    with database.reading() as connection:
        found = set(record_pages.keys_of(connection, typed, source))
        for query in (_CHANGED, _DELIVERED):
            found |= {tuple(row) for row in connection.execute(query, (typed,)).fetchall()}
    return sorted(key for key in found if source in {None, key[0]})


def found(database: Database, key: Key) -> Found:
    """Return what there is to forget of a record; on a thread of its own, as `keys_of`."""
    source, object_, record_id = key
    with database.reading() as connection:
        known = known_records.find_known(connection, source, object_, [record_id])
        (changes,) = connection.execute(_CHANGES, key).fetchone()
        enrollments = sum(
            known_records.is_enrolled(connection, webhook, *key)
            for webhook in known_records.enrolling(connection)
        )
        rows = connection.execute(_DELIVERIES, key).fetchall()
        attempts = sum(connection.execute(_ATTEMPTS, (id_,)).fetchone()[0] for _, id_, _ in rows)
    waiting = sum(due_at is not None for _, _, due_at in rows)
    wanted = sorted(number for number, _, _ in rows)
    return Found(bool(known), changes, enrollments, wanted, waiting, attempts)


def numbers(connection: Statements, key: Key, *, above: int) -> list[int]:
    """Return the numbers of a record's deliveries above one, in the order they were stored."""
    return [number for (number,) in connection.execute(_NUMBERS, (above, *key)).fetchall()]


def erase_deliveries(connection: Connection, wanted: Sequence[int], now: datetime) -> list[str]:
    """Take out of deliveries what tells of their record; those that wait are cancelled.

    Return their ids. An attempt may be under way: its daemon still has the row, and gives it up
    with the outcome.
    """
    at, ids = to_micros(now), []
    with _zeroing(connection):
        for number in wanted:
            (id_,) = connection.execute(_IDS, (number,)).fetchone()
            connection.execute(_ERASE, (at, number))
            connection.execute(_ERASE_ATTEMPTS, (id_,))
            ids.append(id_)
        kept_heads.retire(connection, wanted)
    return ids


def erase_record(connection: Connection, key: Key) -> None:
    """Delete what is known of a record, its changes, its moments, and that it was enrolled."""
    with _zeroing(connection):
        connection.execute(_MOMENTS, key)
        # By webhook, as their index is: nobody else writes meanwhile.
        for webhook in known_records.enrolling(connection):
            connection.execute(_UNENROLL, (webhook, *key))
        for table in _TABLES:
            connection.execute(f"DELETE FROM {table} WHERE {_OF_RECORD}", key)  # noqa: S608 - constants
    connection.execute(_COUNT, (_COUNTER, str(erasures(connection) + 1)))


def erasures(connection: Statements) -> int:
    """Return how often something was forgotten."""
    row = connection.execute(_COUNTED, (_COUNTER,)).fetchone()
    return 0 if row is None else int(row[0])


def without_forgotten(
    connection: Connection, settlements: Sequence[Settlement]
) -> Sequence[Settlement]:
    """Return *settlements*, without the values of those whose delivery was forgotten meanwhile.

    For a file: on a server the statement that stores attempts looks by itself.
    """
    if connection.dialect is not Dialect.SQLITE or not erasures(connection):
        return settlements
    ids = connection.listed(one.delivery.id for one in settlements)
    found = {id_ for (id_,) in connection.execute(_FORGOTTEN_ONES, (ids,)).fetchall()}
    return [_without_values(one) if one.delivery.id in found else one for one in settlements]


def _without_values(settlement: Settlement) -> Settlement:
    attempt = settlement.attempt
    error = None if attempt.error is None else FORGOTTEN
    nothing = replace(attempt, error=error, answer="", sent=None, answer_headers=None)
    return replace(settlement, attempt=nothing)


@contextmanager
def _zeroing(connection: Connection) -> Iterator[None]:
    """Have a file's pages overwritten where something is deleted; a server has no such thing.

    For these statements only: retention would write pages that it frees, each time.
    """
    if connection.dialect is not Dialect.SQLITE:
        yield
        return
    (before,) = connection.execute("PRAGMA secure_delete").fetchone()
    connection.execute("PRAGMA secure_delete=ON").fetchall()
    try:
        yield
    finally:
        connection.execute(f"PRAGMA secure_delete={before}").fetchall()
