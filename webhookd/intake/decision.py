"""What changes make of webhooks: deliveries, decided on any thread and stored by the writer's.

`decide` compares nothing with the database and writes nothing; `store` is part of a transaction.
Batches and backfills decide alike.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.intake.moments.planning import Plans
from webhookd.model import Delivery, Rendered
from webhookd.rules import coalescing, render, trigger
from webhookd.rules.templating.scope import LARGEST, TooLargeError
from webhookd.storage.deliveries import enqueue
from webhookd.storage.deliveries.coalesce import Coalescing, Superseding
from webhookd.storage.records import known_records
from webhookd.telemetry.events import BodyTooLarge, ChangeUndecided

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from webhookd.definitions import Enroll, Webhook
    from webhookd.delivery.claims import TransactionClaims
    from webhookd.model import Change, KnownRecord
    from webhookd.rules.coalescing import Untold
    from webhookd.rules.conditions import Incomparable
    from webhookd.storage.database.connection import Connection, Statements


@dataclass(slots=True)
class Decision:
    """What a batch leads to: the states to remember and the deliveries to store.

    Deliveries of webhooks that enroll once are stored only where the record was not enrolled.
    *broken* are those that cannot be rendered, for their size or a bug, and the reason: they are
    stored as failed, where people look, rather than dropped. *coalescing* says, by their ids, how
    some take the place of others that wait.
    """

    known: dict[tuple[str, str], KnownRecord] = field(default_factory=dict)
    deliveries: list[tuple[Delivery, Enroll]] = field(default_factory=list)
    broken: list[tuple[Delivery, str]] = field(default_factory=list)
    coalescing: dict[str, Coalescing] = field(default_factory=dict)
    incomparable: dict[tuple[str, str], Incomparable] = field(default_factory=dict)
    """By object and property, the first value that a condition could not be compared with."""
    plans: Plans = field(default_factory=Plans)
    made_up_for: dict[str, int] = field(default_factory=dict)
    """By record, past moments that a backfill makes deliveries of."""
    changes: int = 0
    erasures: int = 0
    """How often records had been forgotten when known ones were read (`forgotten_records`)."""

    def count_change(self) -> None:
        """Count a change that the batch holds."""
        self.changes += 1

    def read_behind(self, erasures: int) -> None:
        """Note how often records had been forgotten before known ones are read."""
        self.erasures = erasures

    def join(self, other: Decision) -> None:
        """Add the deliveries of *other*."""
        self.deliveries += other.deliveries
        self.broken += other.broken
        self.coalescing |= other.coalescing


def decide(
    webhook: Webhook, change: Change, delivery_id: str, now: datetime, decision: Decision
) -> None:
    """Add to *decision* the delivery that *change* makes of *webhook*, if it makes one."""
    noted: list[Incomparable] = []
    try:
        if trigger.fires(webhook.trigger, change, now, noted):
            delivery = stored(webhook, change, delivery_id, now)
            decision.deliveries.append((delivery, webhook.trigger.enroll))
            if webhook.delivery.coalesce:
                decision.coalescing[delivery_id] = _coalescing(webhook, change, delivery_id)
    except TooLargeError as error:
        record = change.source, change.record_id
        telemetry.report(BodyTooLarge(*record, webhook.name, delivery_id, LARGEST))
        decision.broken.append((_without_request(webhook, change, delivery_id, now), str(error)))
    except Exception as error:  # noqa: BLE001 - one webhook's bug must not stop the others
        telemetry.report(ChangeUndecided(change.source, change.record_id, webhook.name, error))
        why = f"internal: a bug in webhookd ({type(error).__name__}) kept it from being made"
        decision.broken.append((_without_request(webhook, change, delivery_id, now), why))
    for value in noted:
        decision.incomparable.setdefault((change.object, value.property), value)


def _coalescing(webhook: Webhook, change: Change, delivery_id: str) -> Coalescing:
    def rendered(whole: Untold) -> Rendered | None:
        try:
            return render.render(webhook, coalescing.told(change, whole), delivery_id=delivery_id)
        except TooLargeError:
            # Nothing is superseded, and the newer change is told alone.
            return None
        except Exception as error:  # noqa: BLE001 - a bug must not stop the batch
            telemetry.report(ChangeUndecided(change.source, change.record_id, webhook.name, error))
            return None

    return Coalescing(coalescing.untold(change), rendered)


def store(
    connection: Connection, decision: Decision, claims: TransactionClaims
) -> Sequence[Delivery]:
    """Store the deliveries of *decision*; return those that wait for an attempt.

    Runs on the writer's thread. *claims* guard the waiting deliveries that these supersede.
    """
    # Asked here and not in _decide: a backfill may have enrolled the record since.
    stored = [
        delivery
        for delivery, enroll in decision.deliveries
        if not trigger.is_once(enroll, delivery.change) or _enrolls(connection, delivery)
    ]
    # Rule 7: each delivery that is to be superseded is claimed first, and left where an attempt
    # has it. The unit may run twice; claims of the first run hold for the second.
    superseding = Superseding(decision.coalescing, claims.claim)
    # In a fleet what finds room is this daemon's from here on (rule 9); the rest is left to any.
    stored = enqueue.store(connection, stored, superseding, claims.rooms)
    enqueue.store_failed(connection, decision.broken)
    return stored


def count(connection: Statements, decision: Decision) -> int:
    """Return how many deliveries `store` would store, those that cannot be attempted too."""
    return len(decision.broken) + sum(
        not trigger.is_once(enroll, delivery.change)
        or not known_records.is_enrolled(connection, delivery.webhook, *delivery.record)
        for delivery, enroll in decision.deliveries
    )


def stored(webhook: Webhook, change: Change, delivery_id: str, now: datetime) -> Delivery:
    """Return the delivery that *change* makes of *webhook* at *now*, as it is stored.

    A template may make too much of it: that is a `TooLargeError`.
    """
    rendered = render.render(webhook, change, delivery_id=delivery_id)
    return _delivery(webhook, change, rendered, delivery_id, now)


def _delivery(
    webhook: Webhook, change: Change, rendered: Rendered, delivery_id: str, now: datetime
) -> Delivery:
    # By position: with names, a class takes three times as long to make a value.
    facts = (
        delivery_id,
        webhook.name,
        change.source,
        change.object,
        change.record_id,
        change.kind,
        rendered,
        now,
        now,
    )
    deletion = change.deletion
    return Delivery(*facts) if deletion is None else Delivery(*facts, deletion=deletion)


def _without_request(webhook: Webhook, change: Change, delivery_id: str, now: datetime) -> Delivery:
    nothing = Rendered(webhook.request.method, None, None, "")
    return _delivery(webhook, change, nothing, delivery_id, now)


def _enrolls(connection: Statements, delivery: Delivery) -> bool:
    return known_records.enroll(connection, delivery.webhook, *delivery.record, delivery.created_at)
