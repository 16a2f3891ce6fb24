"""The one durable row of each webhook: its holds, its epoch, its pause.

No function here rewrites a delivery: a hold, a release and "due now" are changes of this row
alone, whether ten deliveries wait or a million.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from webhookd.model import REMOVED
from webhookd.rules import digests
from webhookd.storage.database.times import from_micros, to_micros
from webhookd.storage.fleet import shares

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from webhookd.storage.database.connection import Connection, Statements

DIGEST_KEY: Final = "digest_key"
"""Where the table `meta` keeps the key of secrets in digests, in hexadecimal digits."""

_COLUMNS = (
    "number, webhook, epoch, paused_reason, gone_reason, absent_reason, held_since,"
    " held_total, quiet_until, request_digest, target_digest, is_ordered, probed_since,"
    " probed_reason"
)


@dataclass(frozen=True, slots=True)
class LaneRow:
    """A lane as the database has it.

    *held_total* does not count a hold that is still on; *quiet_until* is what a Retry-After
    asked for. The digests tell a changed request from the one before. *is_ordered* says that a
    record's deliveries go out one after the other; *probed_since* that its receiver does not
    answer, where several daemons share the lane.
    """

    number: int
    webhook: str
    epoch: int = 0
    paused_reason: str | None = None
    gone_reason: str | None = None
    absent_reason: str | None = None
    held_since: datetime | None = None
    held_total: timedelta = timedelta()
    quiet_until: datetime | None = None
    request_digest: str = ""
    target_digest: str = ""
    is_ordered: bool = False
    probed_since: datetime | None = None
    probed_reason: str = ""

    @property
    def hold(self) -> str | None:
        """Return why the lane is held, None when it is not."""
        return self.absent_reason or self.gone_reason or self.paused_reason

    def held_seconds(self, now: datetime) -> float:
        """Return the seconds for which the lane was held in all, a hold that is on included."""
        if self.held_since is None:
            return self.held_total.total_seconds()
        return (self.held_total + max(now - self.held_since, timedelta())).total_seconds()

    def quiet_seconds(self, now: datetime) -> float:
        """Return the seconds for which a Retry-After still keeps the lane quiet."""
        until = self.quiet_until
        return 0.0 if until is None else max((until - now).total_seconds(), 0.0)


@dataclass(frozen=True, slots=True)
class ConfiguredLane:
    """What a configuration says of a lane.

    *absent_reason* says why the webhook is not in force (None when it is). *request_digest*
    covers all of the request, *target_digest* what leads to the receiver: its URL,
    authentication, signature, TLS and proxy (`rules.digests`). *is_retargeted* says that one of
    these differs from what this daemon had in force; it counts only where the stored digest is
    of an older scheme and cannot tell. *seconds* is how long an attempt may take.
    """

    webhook: str
    request_digest: str = ""
    target_digest: str = ""
    absent_reason: str | None = None
    is_retargeted: bool = False
    is_ordered: bool = False
    seconds: int = 0


def digest_key(connection: Statements) -> bytes:
    """Return the key of secrets in this database's digests; the first to ask makes it.

    Daemons that share the database have the same key, whichever comes first.
    """
    connection.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO NOTHING",
        (DIGEST_KEY, secrets.token_hex(32)),
    )
    query = "SELECT value FROM meta WHERE key = ?"
    [(value,)] = connection.execute(query, (DIGEST_KEY,)).fetchall()
    return bytes.fromhex(str(value))


def all_rows(connection: Statements) -> list[LaneRow]:
    """Return every lane, of webhooks that are gone too."""
    rows = connection.execute(f"SELECT {_COLUMNS} FROM lanes ORDER BY number")  # noqa: S608 - constant
    return [_row(row) for row in rows]


def gone(connection: Statements) -> frozenset[str]:
    """Return the webhooks that are held because their receivers answered 410."""
    query = "SELECT webhook FROM lanes WHERE gone_reason IS NOT NULL"
    return frozenset(webhook for (webhook,) in connection.execute(query).fetchall())


def adopt(
    connection: Connection, definitions: Iterable[ConfiguredLane], now: datetime
) -> list[LaneRow]:
    """Bring every lane in line with the configuration and return them all.

    A lane whose webhook is not among *definitions* is held as removed, unless another daemon has it
    in force. A changed request lifts a 410's hold; a changed target makes what waits due now.
    """
    elsewhere = shares.in_force_elsewhere(connection)
    known = {row.webhook: row for row in all_rows(connection)}
    wanted = {definition.webhook: definition for definition in definitions}
    for name in known.keys() - wanted.keys():
        wanted[name] = ConfiguredLane(name, absent_reason=REMOVED)
    for name, definition in wanted.items():
        row = known.get(name)
        if definition.absent_reason is None or row is None or row.number not in elsewhere:
            _adopt_one(connection, known, name, definition, now)
    rows = all_rows(connection)
    if connection.session.is_shared:
        in_force = {
            row.number: wanted[row.webhook].seconds
            for row in rows
            if wanted[row.webhook].absent_reason is None
        }
        shares.introduce(connection, in_force)
    return rows


def _adopt_one(
    connection: Statements,
    known: Mapping[str, LaneRow],
    name: str,
    definition: ConfiguredLane,
    now: datetime,
) -> None:
    row = known.get(name)
    if row is None:
        query = "INSERT INTO lanes (webhook, is_ordered) VALUES (?, ?) RETURNING number"
        # All of it, or SQLite keeps the statement open.
        [(number,)] = connection.execute(query, (name, definition.is_ordered)).fetchall()
        row = LaneRow(number, name, is_ordered=definition.is_ordered)
    if definition.absent_reason is not None:
        _set_holds(connection, row, replace(row, absent_reason=definition.absent_reason), now)
        return
    is_new = row.request_digest == ""
    if digests.is_comparable(row.request_digest):
        has_changed = row.request_digest != definition.request_digest
        is_retargeted = row.target_digest != definition.target_digest
    else:
        # Of an older webhookd: it is replaced, and only what this daemon saw itself is a change.
        has_changed = is_retargeted = definition.is_retargeted
    gone = None if has_changed else row.gone_reason
    wanted = replace(row, gone_reason=gone, absent_reason=None)
    _set_holds(connection, row, wanted, now, due_now=is_retargeted and not is_new)
    made = definition.request_digest, definition.target_digest
    if made != (row.request_digest, row.target_digest):
        connection.execute(
            "UPDATE lanes SET request_digest = ?, target_digest = ? WHERE number = ?",
            (*made, row.number),
        )
    if row.is_ordered != definition.is_ordered:
        # What waits is brought in line afterwards, some at a time (`ordering.step`).
        connection.execute(
            "UPDATE lanes SET is_ordered = ?, ordered_upto = 0 WHERE number = ?",
            (definition.is_ordered, row.number),
        )


def pause(connection: Statements, webhook: str, reason: str, now: datetime) -> LaneRow | None:
    """Hold a lane because a person wants it; return its row, None when there is no such lane."""
    row = row_of(connection, webhook)
    if row is None:
        return None
    _set_holds(connection, row, replace(row, paused_reason=reason), now)
    return row_of(connection, webhook)


def resume(connection: Statements, webhook: str, now: datetime) -> LaneRow | None:
    """Lift a pause by hand and a 410's hold; return the row, None when there is no such lane."""
    row = row_of(connection, webhook)
    if row is None:
        return None
    _set_holds(connection, row, replace(row, paused_reason=None, gone_reason=None), now)
    return row_of(connection, webhook)


def row_of(connection: Statements, webhook: str) -> LaneRow | None:
    """Return a webhook's lane, None when it never had one."""
    query = f"SELECT {_COLUMNS} FROM lanes WHERE webhook = ?"  # noqa: S608 - constant
    row = connection.execute(query, (webhook,)).fetchone()
    return None if row is None else _row(row)


def hold_as_gone(connection: Statements, number: int, reason: str, now: datetime) -> None:
    """Hold a lane because its receiver answered 410."""
    connection.execute(
        "UPDATE lanes SET gone_reason = ?, held_since = coalesce(held_since, ?) WHERE number = ?",
        (reason, to_micros(now), number),
    )


def keep_quiet(connection: Statements, number: int, until: datetime) -> None:
    """Let nothing of a lane start before *until*, unless a later time is there already."""
    connection.execute(
        "UPDATE lanes SET quiet_until = ?"
        " WHERE number = ? AND (quiet_until IS NULL OR quiet_until < ?)",
        (to_micros(until), number, to_micros(until)),
    )


def set_probed(connection: Statements, number: int, since: datetime | None, reason: str) -> None:
    """Note for all daemons that a lane's receiver does not answer, or that it does."""
    connection.execute(
        "UPDATE lanes SET probed_since = ?, probed_reason = ? WHERE number = ?",
        (to_micros(since), reason or None, number),
    )


def _set_holds(
    connection: Statements, row: LaneRow, wanted: LaneRow, now: datetime, *, due_now: bool = False
) -> None:
    """Give *row* the holds of *wanted*; a lane that comes free adds up its time and is due now."""
    is_held = wanted.hold is not None
    if wanted == row and not due_now and is_held == (row.held_since is not None):
        # No attempt is judged while a reload writes: what changes nothing is left out.
        return
    total, since = row.held_total, row.held_since
    is_released = since is not None and wanted.hold is None
    if since is not None and is_released:
        total += max(now - since, timedelta())
        since = None
    elif is_held:
        since = since or now
    # What the old target asked for does not bind the new one.
    quiet = None if due_now else to_micros(row.quiet_until)
    connection.execute(
        "UPDATE lanes SET paused_reason = ?, gone_reason = ?, absent_reason = ?, held_since = ?,"
        " held_total = ?, epoch = ?, quiet_until = ? WHERE number = ?",
        (
            wanted.paused_reason,
            wanted.gone_reason,
            wanted.absent_reason,
            to_micros(since),
            total // timedelta(microseconds=1),
            row.epoch + (1 if is_released or due_now else 0),
            quiet,
            row.number,
        ),
    )


def _row(columns: tuple[object, ...]) -> LaneRow:
    (number, webhook, epoch, paused, gone, absent, since, total, quiet, request, target,
     is_ordered, probed_since, probed_reason) = columns  # fmt: skip
    return LaneRow(
        number=int(str(number)),
        webhook=str(webhook),
        epoch=int(str(epoch)),
        paused_reason=paused if isinstance(paused, str) else None,
        gone_reason=gone if isinstance(gone, str) else None,
        absent_reason=absent if isinstance(absent, str) else None,
        held_since=from_micros(since if isinstance(since, int) else None),
        held_total=timedelta(microseconds=total if isinstance(total, int) else 0),
        quiet_until=from_micros(quiet if isinstance(quiet, int) else None),
        request_digest=str(request),
        target_digest=str(target),
        is_ordered=bool(is_ordered),
        probed_since=from_micros(probed_since if isinstance(probed_since, int) else None),
        probed_reason=probed_reason if isinstance(probed_reason, str) else "",
    )
