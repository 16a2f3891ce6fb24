"""A daemon's past with the same times and ids whenever it is made: what pictures show.

What a real daemon stored is dated and named anew, and told as if the day had been longer than it
was: nothing of it is due while pictures are taken.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from webhookd.definitions import RetryPolicy
from webhookd.rules.retry import waiting_time
from webhookd.storage.database.times import to_micros
from webhookd.storage.webhooks.activity import BUCKET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW: Final = datetime(2026, 3, 3, 9, 14, 20, tzinfo=UTC)
"""What the clocks of the pictures' daemon and console show."""

HOST: Final = "hooks-1"
APART: Final = timedelta(minutes=2)
"""Between two records that were changed."""
SILENT: Final = "127.0.0.1:9"
LEGACY: Final = "legacy.example.com"
"""What that address, where nothing listens, is called in pictures."""
UNTIL_NEXT: Final = timedelta(minutes=20)
"""Nothing is due before that."""
_USUAL: Final = RetryPolicy()


class _Kept(NamedTuple):
    """An attempt as it was made: what all of a webhook look like."""

    status: int | None
    error: str | None
    answer: str
    config_hash: str


@dataclass(frozen=True, slots=True)
class _Row:
    """A delivery as it was stored."""

    number: int
    record_id: str
    state: str
    has_attempts: bool


def retell(database: Path, first_record: int, config_hash: str) -> None:
    """Date everything in *database* anew; *first_record* is the id of the oldest record.

    *config_hash* is of the configuration that is in force from then on.
    """
    with closing(sqlite3.connect(database)) as connection, connection:
        lanes = connection.execute("SELECT number, webhook FROM lanes ORDER BY webhook").fetchall()
        records = connection.execute("SELECT count(*) FROM known_records").fetchone()[0]
        connection.execute("DELETE FROM exchange_heads")
        for place, (lane, webhook) in enumerate(lanes):
            past = _Past(connection, lane, webhook, place, first_record, records, config_hash)
            past.retell()
        for number in range(records):
            id_, at = str(first_record + number), to_micros(_changed_at(number, records))
            told = "SET seen_at = ?, occurred_at = ? WHERE record_id = ?"
            connection.execute(f"UPDATE changes {told}", (at, at, id_))
            told = "SET modified_at = ? WHERE record_id = ?"
            connection.execute(f"UPDATE known_records {told}", (at, id_))
        _draw(connection, [lane for lane, _ in lanes])


def _changed_at(number: int, records: int) -> datetime:
    return NOW - APART * (records - number)


@dataclass(frozen=True, slots=True)
class _Past:
    """What one webhook's deliveries came to."""

    connection: sqlite3.Connection
    lane: int
    webhook: str
    place: int
    first_record: int
    records: int
    config_hash: str

    def retell(self) -> None:
        """Date its deliveries and attempts, and what is known of it."""
        kept = self._kept()
        made = [self._delivery(row, kept) for row in self._rows()]
        times = [at for attempts in made for at in attempts]
        last = to_micros(max(times)) if times else None
        is_bad = kept is not None and kept.error is not None
        self.connection.execute(
            "UPDATE lanes SET request_digest = '', target_digest = '', last_delivered_at = ?,"
            " last_error = ?, last_error_at = ?, failing_since = ?, failing_attempts = ?,"
            " held_since = CASE WHEN held_since IS NULL THEN NULL ELSE ? END WHERE number = ?",
            (
                None if is_bad else last,
                kept.error if kept and is_bad else None,
                last if is_bad else None,
                to_micros(min(times)) if is_bad and times else None,
                len(times) if is_bad else 0,
                to_micros(_changed_at(0, self.records) + timedelta(seconds=2)),
                self.lane,
            ),
        )

    def _kept(self) -> _Kept | None:
        found = self.connection.execute(
            "SELECT a.status, a.error, a.answer, a.config_hash FROM attempts a JOIN deliveries d"
            " ON d.id = a.delivery_id WHERE d.lane = ? LIMIT 1",
            (self.lane,),
        ).fetchone()
        if found is None:
            return None
        kept = _Kept(*found)
        error = kept.error and kept.error.replace(SILENT, f"{LEGACY}:443")
        return kept._replace(error=error, config_hash=self.config_hash)

    def _rows(self) -> Iterator[_Row]:
        found = self.connection.execute(
            "SELECT number, record_id, state, attempts > 0 FROM deliveries WHERE lane = ?"
            " ORDER BY number",
            (self.lane,),
        ).fetchall()
        for row in found:
            yield _Row(*row)

    def _delivery(self, row: _Row, kept: _Kept | None) -> list[datetime]:
        """Date a delivery, and return when it was attempted."""
        number = int(row.record_id) - self.first_record
        created = _changed_at(number, self.records) + timedelta(milliseconds=7 * self.place)
        id_ = f"{to_micros(created) // 1000:012x}{_digest(self.webhook, row.record_id)[:20]}"
        starts, due_at = self._attempts(created, row, number, kept)
        (old,) = self.connection.execute(
            "SELECT id FROM deliveries WHERE number = ?", (row.number,)
        ).fetchone()
        self.connection.execute("DELETE FROM attempts WHERE delivery_id = ?", (old,))
        took = [20_000 + int(_digest(id_, str(one))[:4], 16) for one in range(len(starts))]
        for count, (at, micros) in enumerate(zip(starts, took, strict=True), start=1):
            self.connection.execute(
                "INSERT INTO attempts (delivery_id, number, started_at, seconds, status, error,"
                " answer, config_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (id_, count, to_micros(at), micros, *(kept or ())),
            )
        is_open = row.state == "pending"
        self.connection.execute(
            "UPDATE deliveries SET id = ?, created_at = ?, attempts = ?, first_attempt_at = ?,"
            " due_at = ?, settled_at = ?, last_status = ?, last_error = ? WHERE number = ?",
            (
                id_,
                to_micros(created),
                len(starts),
                to_micros(starts[0]) if starts else None,
                to_micros(due_at) if is_open else None,
                None if is_open or not starts else to_micros(starts[-1]) + took[-1],
                kept.status if kept and starts else None,
                kept.error if kept and starts else None,
                row.number,
            ),
        )
        return starts

    def _attempts(
        self, created: datetime, row: _Row, number: int, kept: _Kept | None
    ) -> tuple[list[datetime], datetime]:
        """Return when a delivery was attempted, and when it is due."""
        at, starts = created + timedelta(milliseconds=35), []
        if kept is None or (kept.status == _GONE and number):
            # Its webhook was held before.
            return [], at
        while at < NOW:
            starts.append(at)
            if row.state != "pending" or kept.status == _GONE:
                break
            at += waiting_time(_USUAL, len(starts), 0.0)
        return starts, max(at, NOW + UNTIL_NEXT)


_GONE: Final = 410


def _draw(connection: sqlite3.Connection, lanes: list[int]) -> None:
    """Write a day of attempts as a daemon counts them: busy hours, quiet ones, and trouble."""
    connection.execute("DELETE FROM activity")
    bucket = BUCKET // timedelta(microseconds=1)
    newest = to_micros(NOW) // bucket
    for back in range(144):
        for place, lane in enumerate(lanes):
            drawn = int(_digest(str(back), str(place))[:4], 16) / 0x10000
            hour = ((newest - back) // 6) % 24
            busy = 1.0 if 7 <= hour <= 18 else 0.25
            counts = [0, 0, 0, 0]
            match place:
                case 0:
                    counts[0] = int(60 * busy * (0.6 + drawn))
                case 1:
                    counts[0] = int(30 * busy * (0.6 + drawn)) if back > _TROUBLE else 0
                    counts[2] = int(9 * drawn) if back <= _TROUBLE else 0
                case 2:
                    counts[1] = int(12 * drawn) if back <= _TROUBLE else 0
                    counts[0] = int(20 * busy * (0.6 + drawn)) if back > _TROUBLE else 0
                case _:
                    continue
            connection.execute(
                "INSERT INTO activity VALUES (?, ?, ?, ?, ?, ?, ?)",
                ((newest - back) * bucket, lane, *counts, 40_000 * sum(counts)),
            )


_TROUBLE: Final = 20
"""Tens of minutes ago that receivers began to refuse."""


def _digest(*parts: str) -> str:
    return hashlib.sha256("/".join(parts).encode()).hexdigest()
