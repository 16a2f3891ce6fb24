"""Which moments the records of a batch lead to, and their part of the batch's transaction.

`Plans` is filled where changes are decided, on a worker thread; `store` runs on the writer's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from webhookd.model import ChangeKind, text_of
from webhookd.rules import trigger, waits
from webhookd.rules.moments import candidates, is_readable
from webhookd.storage.moments import stored_moments, stored_waits, timer_rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from webhookd.definitions import At, Wait, Webhook
    from webhookd.model import Change, KnownRecord
    from webhookd.storage.database.connection import Statements


@dataclass(frozen=True, slots=True)
class SeenChange:
    """A change of a record that a webhook with a wait looks at; *fires*: its trigger takes it."""

    change: Change
    fires: bool


@dataclass(slots=True)
class Plans:
    """The moments that a batch leads to, by webhook.

    *dates* are the moments wanted of each record whose date is another one now; *changes* those of
    records that are, or may be, waited for. *unreadable* has an example of a property's value that
    is no date, by object and property; *undated* are those of which their source says that they
    hold none.
    """

    dates: dict[str, tuple[At, dict[str, tuple[int, ...]]]] = field(default_factory=dict)
    changes: dict[str, tuple[Webhook, dict[str, list[SeenChange]]]] = field(default_factory=dict)
    unreadable: dict[tuple[str, str], str] = field(default_factory=dict)
    undated: set[tuple[str, str]] = field(default_factory=set)

    @property
    def webhooks(self) -> set[str]:
        """Return the webhooks whose timers this is about."""
        return self.dates.keys() | self.changes.keys()

    def look(
        self,
        webhook: Webhook,
        at: At,
        record_id: str,
        before: KnownRecord | None,
        after: KnownRecord,
        now: int,
    ) -> None:
        """Plan what the date of a record leads to by *at*, if it did not lead to it *before*."""
        wanted = self.wanted(webhook.object, at, after, now)
        was = () if before is None else _wanted(at, before, now)
        if wanted != was:
            self.dates.setdefault(webhook.name, (at, {}))[1][record_id] = wanted

    def wanted(self, object_: str, at: At, known: KnownRecord, now: int) -> tuple[int, ...]:
        """Return the moments of a record, and note a value that is no date."""
        wanted = _wanted(at, known, now)
        asked = known.asked
        # Whoever knows of some properties that they are dates knows it of all.
        if asked is not None and asked.instants and at.property in asked.names - asked.instants:
            self.undated.add((object_, at.property))
        if not wanted and not known.deleted and at.property in known.properties:
            value = known.properties[at.property]
            if value != '""' and not is_readable(at, value):
                self.unreadable.setdefault((object_, at.property), text_of(value))
        return wanted

    def follow(self, webhook: Webhook, change: Change, now: datetime) -> None:
        """Note *change* for a webhook that waits."""
        fires = trigger.fires(webhook.trigger, change, now)
        if fires or change.kind is ChangeKind.DELETED:
            of_records = self.changes.setdefault(webhook.name, (webhook, {}))[1]
            of_records.setdefault(change.record_id, []).append(SeenChange(change, fires))


@dataclass(frozen=True, slots=True)
class Planned:
    """What storing plans came to: the earliest new moment of each webhook, and what is skipped.

    *missed* counts the records of each webhook whose moment was past by more than it may be.
    """

    earliest: Mapping[str, datetime] = field(default_factory=dict)
    missed: Mapping[str, int] = field(default_factory=dict)


def store(connection: Statements, plans: Plans, now: datetime) -> Planned:
    """Store *plans*: part of the transaction that stores what they follow from."""
    if not plans.webhooks:
        return Planned()
    earliest: dict[str, datetime] = {}
    missed: dict[str, int] = {}
    for name, timer in timer_rows.of_webhooks(connection, plans.webhooks).items():
        found: datetime | None = None
        if name in plans.dates and timer.kind == "at":
            at, wanted = plans.dates[name]
            planned = stored_moments.plan(connection, timer, at, wanted, now=now)
            found = planned.earliest
            if planned.missed:
                missed[name] = planned.missed
        elif name in plans.changes and timer.kind == "wait":
            found = _follow(connection, timer, *plans.changes[name], now)
        if found is not None:
            earliest[name] = found
    return Planned(earliest, missed)


def _follow(
    connection: Statements,
    timer: timer_rows.Timer,
    webhook: Webhook,
    seen: Mapping[str, list[SeenChange]],
    now: datetime,
) -> datetime | None:
    """Have changes begin waits, join those under way, or end them; return the earliest end."""
    wait = webhook.trigger.wait
    # Of a fleet's daemon that has not reloaded: by now the webhook looks at other records.
    if wait is None or timer.records != (webhook.source, webhook.object):
        return None
    before = stored_waits.of_records(connection, timer, seen)
    after = {
        record_id: _behind(before.get(record_id), changes, webhook, wait, now)
        for record_id, changes in sorted(seen.items())
    }
    changed = {key: one for key, one in after.items() if one != before.get(key)}
    stored_waits.put(connection, timer, changed)
    return min((one.at for one in changed.values() if one is not None), default=None)


def _behind(
    waiting: waits.Waiting | None,
    changes: list[SeenChange],
    webhook: Webhook,
    wait: Wait,
    now: datetime,
) -> waits.Waiting | None:
    tells_deletions = ChangeKind.DELETED in webhook.trigger.changes
    for one in changes:
        waiting = waits.followed(
            waiting, one.change, wait, now, fires=one.fires, tells_deletions=tells_deletions
        )
    return waiting


def _wanted(at: At, known: KnownRecord, now: int) -> tuple[int, ...]:
    if known.deleted:
        return ()
    return candidates(at, known.properties.get(at.property), now)
