"""One step of a backfill: some known records, decided on in one transaction.

`store` and `count` run within a transaction, on the writer's thread, so that no change comes in
between a look at a record and the commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhookd.definitions import Trigger
from webhookd.delivery.caused_events import NOTHING_CAUSED
from webhookd.intake.backfilled_webhook import BackfillError, TakenOverError, reported_kind
from webhookd.intake.decision import Decision, count, decide, store
from webhookd.intake.moments.past_moments import made_up_for, read_past
from webhookd.model import Change, ChangeKind
from webhookd.rules import trigger
from webhookd.storage.fleet.exclusive import backfilling
from webhookd.storage.records import backfills
from webhookd.storage.records.known_records import known_after

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.definitions import Webhook
    from webhookd.delivery.caused_events import Caused, CausedEvents
    from webhookd.delivery.claims import TransactionClaims
    from webhookd.model import Delivery, KnownRecord
    from webhookd.rules.conditions import Incomparable
    from webhookd.storage.database.connection import Connection

CHUNK: Final = 100
"""Records looked at in one transaction: a few milliseconds of the writer's time."""

ANYTHING: Final = tuple(ChangeKind)
"""For conditions that a person adds: they are about the record, whatever its change is called."""


@dataclass(frozen=True, slots=True)
class Meant:
    """Which records are meant, and since when moments are made up for, if that is asked."""

    conditions: Trigger | None = None
    past: datetime | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one step found. *last_id* is None when there was nothing left.

    *deliveries* counts those that cannot be attempted too; *stored* are the others. *told* is what
    was stored of the own events that are *caused*.
    """

    records: int
    deliveries: int
    stored: Sequence[Delivery]
    last_id: str | None
    incomparable: tuple[Incomparable, ...] = ()
    caused: Caused = NOTHING_CAUSED
    told: Any = None

    def to_offer(self) -> Sequence[Delivery]:
        """Return what was stored, with what it caused; once it is committed, on the event loop."""
        return [*self.stored, *self.caused.committed(self.told)]


class BackfillStep:
    """Decides on known records. *events* makes the own events for what cannot be attempted."""

    def __init__(
        self, clock: Clock, new_id: Callable[[datetime], str], events: CausedEvents
    ) -> None:
        self._now = clock.now
        self._new_id = new_id
        self._events = events

    def store(
        self,
        webhook: Webhook,
        meant: Meant,
        after: str,
        most: int,
        connection: Connection,
        claims: TransactionClaims,
    ) -> Chunk:
        """Store what one step decides, with how far it came; the writer's thread.

        Raises TakenOverError where another daemon has the backfill, and BackfillError where it was
        ended there: nothing of the step is stored then.
        """
        # Asked in each transaction: with a lost session the lock is lost, and another daemon may
        # have gone on from the row. It has the lock, so nothing is stored here.
        if not connection.session.acquire(backfilling(webhook.name)):
            raise TakenOverError("another daemon goes on with it")
        # Within the transaction: intake cannot change a record between this look and the commit.
        decision, looked_at, last_id = self._decide(webhook, meant, after, most, connection)
        stored = store(connection, decision, claims)
        made_up_for(connection, webhook, decision)
        made = len(stored) + len(decision.broken)
        caused = self._events.together(self._events.of_unattempted(decision.broken))
        told = caused.store(connection, claims)
        # Rule 1: how far it came is committed with what it made, and so is its end.
        if last_id is None:
            backfills.end(connection, webhook.name)
            return Chunk(looked_at, made, stored, None, caused=caused, told=told)
        is_known = backfills.advance(
            connection, webhook.name, after=last_id, records=looked_at, deliveries=made
        )
        # Whoever ended it elsewhere deleted its row; the exception undoes this step.
        if not is_known:
            raise BackfillError("ended by hand, at another daemon")
        return Chunk(looked_at, made, stored, last_id, caused=caused, told=told)

    def count(
        self,
        webhook: Webhook,
        meant: Meant,
        after: str,
        look: Callable[[KnownRecord], None],
        connection: Connection,
    ) -> Chunk:
        """Count what one step would store; the writer's thread."""
        decision, looked_at, last_id = self._decide(webhook, meant, after, CHUNK, connection, look)
        incomparable = tuple(decision.incomparable.values())
        return Chunk(looked_at, count(connection, decision), (), last_id, incomparable)

    def _decide(
        self,
        webhook: Webhook,
        meant: Meant,
        after: str,
        most: int,
        connection: Connection,
        look: Callable[[KnownRecord], None] = lambda _: None,
    ) -> tuple[Decision, int, str | None]:
        """Return the decision on the records behind *after*, their number, and the last id."""
        now, decision, kind = self._now(), Decision(), reported_kind(webhook)
        still = (
            None if webhook.trigger.still is None else Trigger(ANYTHING, when=webhook.trigger.still)
        )
        looked_at, last_id = 0, None
        found = known_after(connection, webhook.source, webhook.object, after=after, limit=CHUNK)
        past = read_past(connection, webhook, [id_ for id_, _ in found], meant.past, now)
        for record_id, known in found:
            last_id = record_id
            if known.deleted:
                continue
            looked_at += 1
            look(known)
            change = _change(webhook, kind, record_id, known, now)
            noted: list[Incomparable] = []
            # It does not wait, and looks at once at what is looked at behind a wait.
            is_meant = all(
                trigger.fires(one, change, now, noted)
                for one in (meant.conditions, still)
                if one is not None
            )
            for value in noted:
                decision.incomparable.setdefault((webhook.object, value.property), value)
            if is_meant and kind is ChangeKind.DUE:
                if past is not None:
                    past.decide(record_id, known, self._new_id(now), decision)
            elif is_meant:
                decide(webhook, change, self._new_id(now), now, decision)
            if len(decision.deliveries) + len(decision.broken) >= most:
                break
        return decision, looked_at, last_id


def _change(
    webhook: Webhook, kind: ChangeKind, record_id: str, known: KnownRecord, now: datetime
) -> Change:
    """Return a record as the change that its first sight would have been."""
    return Change(
        kind=kind,
        source=webhook.source,
        object=webhook.object,
        record_id=record_id,
        properties=known.properties,
        previous=None,
        occurred_at=known.modified_at or now,
        instants=known.asked.instants if known.asked is not None else frozenset(),
    )
