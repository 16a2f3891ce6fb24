"""What a receiver noted, held against what was dropped and what the database says."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter, deque
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

OK = 200
ATTEMPTS = (
    "SELECT delivery_id, count(*), count(*) FILTER (WHERE status IS NULL) FROM attempts"
    " WHERE error IS NULL OR error NOT LIKE 'refused%' GROUP BY delivery_id"
)
"""Where nobody listened, nothing was sent."""


class Note(NamedTuple):
    """One request as the receiver wrote it down.

    *at_once* says how many of its path were open then, *of_record* how many of them of its record.
    """

    at: float
    path: str
    id: str
    record: str
    value: int
    status: int
    at_once: int = 1
    of_record: int = 1


class Notes:
    """The receiver's notes, read as they grow."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._place = 0
        self._read: list[Note] = []

    def read(self) -> Sequence[Note]:
        """Return all that was noted so far."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._place)
                *lines, rest = file.read().split(b"\n")
                self._place = file.tell() - len(rest)
            self._read += [Note(*json.loads(line)) for line in lines]
        return self._read


@dataclass
class Look:
    """A database as it was left: whether it is whole, and the attempts it knows.

    *attempts* are those of each delivery that reached a receiver; *unanswered* are those of them
    that ended without an answer.
    """

    integrity: str
    attempts: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)


@dataclass
class Account:
    """What came of the changes of one webhook."""

    webhook: str
    changes: int
    requests: int
    lost: int
    twice: int
    out_of_order: int
    repeated: int
    may_be_repeated: int
    unexplained: int

    @property
    def faults(self) -> list[str]:
        """Return what may never happen, and did."""
        found = {
            "lost": self.lost,
            "with two ids": self.twice,
            "out of order": self.out_of_order,
            "repeated, and neither in flight nor unsettled": self.unexplained,
        }
        return [f"{self.webhook}: {count} {what}" for what, count in found.items() if count]


class Order:
    """The order of each record's changes, as requests come one after the other."""

    def __init__(self, changes: Iterable[tuple[str, int]]) -> None:
        self._open: dict[str, deque[int]] = {}
        for record, value in sorted(changes, key=lambda change: change[1]):
            self._open.setdefault(record, deque()).append(value)
        self._accepted: set[tuple[str, int]] = set()
        self._latest: dict[str, int] = {}

    def is_broken_by(self, note: Note) -> bool:
        """Return whether a request comes too early or too late.

        An older change of its record was not accepted yet, or is under way still, or a newer one
        was attempted before.
        """
        still_open = self._open.setdefault(note.record, deque())
        latest = self._latest.get(note.record, -1)
        is_early = note.of_record > 1 or bool(still_open and still_open[0] < note.value)
        if note.status == OK:
            self._accepted.add((note.record, note.value))
            while still_open and (note.record, still_open[0]) in self._accepted:
                still_open.popleft()
        self._latest[note.record] = max(note.value, latest)
        return is_early or note.value < latest


def account(
    webhook: str,
    notes: Iterable[Note],
    changes: Iterable[tuple[str, int]],
    left: Look,
    *,
    is_ordered: bool,
) -> Account:
    """Return what the *notes* of a webhook say of *changes*, and the database that was *left*.

    A request that the database does not know was in flight or unsettled when something ended the
    process; one that it knows as unanswered met a receiver that did not come to answer. As often
    as that a delivery may be repeated.
    """
    wanted = set(changes)
    ids: dict[tuple[str, int], set[str]] = {}
    delivered, requests, failed = set(), Counter[str](), Counter[str]()
    order, out_of_order = Order(wanted), 0
    for note in notes:
        change = (note.record, note.value)
        ids.setdefault(change, set()).add(note.id)
        requests[note.id] += 1
        if note.status == OK:
            delivered.add(change)
        else:
            failed[note.id] += 1
        out_of_order += order.is_broken_by(note)
    repeated = Counter({id_: max(n - 1 - failed[id_], 0) for id_, n in requests.items()})
    unsettled = requests - left.attempts
    allowed = unsettled + Counter({id_: left.unanswered[id_] for id_ in requests})
    return Account(
        webhook,
        changes=len(wanted),
        requests=requests.total(),
        lost=len(wanted - delivered),
        twice=sum(len(each) > 1 for each in ids.values()),
        out_of_order=out_of_order if is_ordered else 0,
        repeated=repeated.total(),
        may_be_repeated=allowed.total(),
        unexplained=(repeated - allowed).total(),
    )


def look(state: Path, scratch: Path) -> Look:
    """Look at a copy: the daemon, not we, should be the one who recovers the real one."""
    for name in ("webhookd.db", "webhookd.db-wal"):
        (scratch / name).unlink(missing_ok=True)
        if (state / name).exists():
            shutil.copy(state / name, scratch / name)
    with closing(sqlite3.connect(scratch / "webhookd.db")) as connection:
        (integrity,) = connection.execute("PRAGMA integrity_check").fetchone()
        rows = connection.execute(ATTEMPTS).fetchall()
    return Look(
        integrity,
        Counter({id_: made for id_, made, _ in rows}),
        Counter({id_: unanswered for id_, _, unanswered in rows}),
    )
