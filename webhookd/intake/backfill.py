"""Enrolling records that are known already: through the webhook's trigger, as if just met.

A webhook sees changes from its beginning on; what was there before reaches it only this way. The
known records are taken in the order of their ids, some in each transaction with how far it is,
as fast as the rate allows; a record that changes meanwhile is reported as usual.
`running_backfills` has those under way.

A step reads and decides within the writer's transaction, on its thread, so that no change comes in
between; everything else runs on the event loop. In a fleet the backfill has its webhook's lock,
which each step acquires again: after a lost session another daemon may have it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from webhookd.definitions import Trigger
from webhookd.delivery.caused_events import NO_EVENTS, NOTHING_CAUSED
from webhookd.errors import WebhookdError
from webhookd.intake.claimed_write import ClaimedWriter
from webhookd.intake.decision import Decision, count, decide, store
from webhookd.intake.moments.past_moments import made_up_for, read_past
from webhookd.model import Change, ChangeKind
from webhookd.rules import trigger
from webhookd.storage.fleet.exclusive import backfilling
from webhookd.storage.records import backfills
from webhookd.storage.records.known_records import known_after
from webhookd.storage.refused_writes import keep_trying

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.definitions import AllOf, Webhook
    from webhookd.delivery.caused_events import Caused, CausedEvents
    from webhookd.delivery.claims import ClaimTable, TransactionClaims
    from webhookd.model import Delivery, KnownRecord
    from webhookd.rules.conditions import Incomparable
    from webhookd.storage.database.connection import Connection
    from webhookd.storage.database.writer import Writer

CHUNK: Final = 100
"""Records looked at in one transaction: a few milliseconds of the writer's time."""

PER_SECOND: Final = 50.0
"""Deliveries a second, unless the person who asks for a backfill says otherwise."""

_ANYTHING: Final = tuple(ChangeKind)
"""For conditions that a person adds: they are about the record, whatever its change is called."""


class BackfillError(WebhookdError):
    """The webhook cannot be backfilled, or not any further."""


class TakenOverError(BackfillError):
    """Another daemon goes on with the backfill."""


@dataclass(frozen=True, slots=True)
class Backfilled:
    """How far a backfill is: records looked at, and deliveries made (or to make, if counted).

    *after* is the id of the last record that was looked at.
    """

    records: int = 0
    deliveries: int = 0
    after: str = ""


@dataclass(frozen=True, slots=True)
class _Meant:
    """Which records are meant, and since when moments are made up for, if that is asked."""

    conditions: Trigger | None = None
    past: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Chunk:
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


class Backfill:
    """Makes deliveries of known records. *offer* gets what was just committed.

    *claims* guard the waiting deliveries that new ones supersede. *events* makes the own events for
    deliveries that cannot be attempted.
    """

    def __init__(
        self,
        writer: Writer,
        *,
        offer: Callable[[Iterable[Delivery]], None],
        claims: ClaimTable,
        clock: Clock,
        new_id: Callable[[datetime], str],
        sleep: Callable[[float], Awaitable[None]],
        events: CausedEvents = NO_EVENTS,
    ) -> None:
        self._writer = writer
        self._events = events
        self._claimed_writer = ClaimedWriter(writer, claims=claims, offer=offer)
        self._now = clock.now
        self._new_id = new_id
        self._sleep = sleep

    async def run(  # noqa: PLR0913 - what a person may ask, and who hears of it
        self,
        webhook: Callable[[], Webhook],
        *,
        where: AllOf | None = None,
        count_only: bool = False,
        per_second: float = PER_SECOND,
        past: datetime | None = None,
        made: Backfilled = Backfilled(),
        progress: Callable[[Backfilled], None] = lambda _: None,
        look: Callable[[KnownRecord], None] = lambda _: None,
        note: Callable[[Incomparable], None] = lambda _: None,
    ) -> Backfilled:
        """Enroll the known records that meet *where* and fire; *count_only* stores nothing.

        A count shows each record to *look*, on the writer's thread, and a value that a condition
        could not be compared with to *note*, one for each property and step. It goes on from what
        was *made*. *webhook* gives the definition in force, and is asked before each step. At most
        *per_second* deliveries a second are made, a second's worth at once. What the database
        refuses is tried again. *past*, of a webhook that is due by dates, is since when moments
        are made up for.

        Raises StorageError where it only counts, BackfillError when the webhook reports nothing
        but deletions, and whatever *webhook* and the sleep raise. Whatever is stored by then
        stays, and *progress* was called with it.
        """
        # At most a second's worth in one step: a rate of 5 must not send 100 and rest for 20 s.
        conditions = None if where is None else Trigger(changes=_ANYTHING, when=where)
        meant = _Meant(conditions, past)
        most = CHUNK if count_only else max(1, min(CHUNK, int(per_second)))
        while True:
            # A count writes nothing, so it is read between two commits and has nothing to lose.
            if count_only:
                chunk = await self._writer.read(
                    partial(self._count, webhook(), meant, made.after, look)
                )
                for value in chunk.incomparable:
                    note(value)
            else:
                chunk = await keep_trying(
                    partial(self._write, webhook, meant, made.after, most),
                    what="a backfill",
                    count=most,
                    sleep=self._sleep,
                )
            if chunk.last_id is None:
                return made
            records, deliveries = made.records + chunk.records, made.deliveries + chunk.deliveries
            # Behind the commit: whoever reads it never sees more than the disk has.
            made = Backfilled(records, deliveries, chunk.last_id)
            progress(made)
            await self._sleep(0 if count_only else chunk.deliveries / per_second)

    async def _write(
        self, webhook: Callable[[], Webhook], meant: _Meant, after: str, most: int
    ) -> _Chunk:
        """Take one step, and return it when it is on the disk."""
        # Asked for each time: a refused step may be tried again after a reload.
        definition = webhook()
        step = partial(self._store, definition, meant, after, most)
        # Shielded: a backfill that is cancelled leaves its step to the writer, whole or not at all.
        webhooks = [definition.name, *self._events.listening()]
        done = self._claimed_writer.write(webhooks, step, _Chunk.to_offer)
        return await asyncio.shield(done)

    def _store(
        self,
        webhook: Webhook,
        meant: _Meant,
        after: str,
        most: int,
        connection: Connection,
        claims: TransactionClaims,
    ) -> _Chunk:
        """Store what one step decides, with how far it came; the writer's thread."""
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
            return _Chunk(looked_at, made, stored, None, caused=caused, told=told)
        is_known = backfills.advance(
            connection, webhook.name, after=last_id, records=looked_at, deliveries=made
        )
        # Whoever ended it elsewhere deleted its row; the exception undoes this step.
        if not is_known:
            raise BackfillError("ended by hand, at another daemon")
        return _Chunk(looked_at, made, stored, last_id, caused=caused, told=told)

    def _count(
        self,
        webhook: Webhook,
        meant: _Meant,
        after: str,
        look: Callable[[KnownRecord], None],
        connection: Connection,
    ) -> _Chunk:
        """Count what one step would store; the writer's thread."""
        decision, looked_at, last_id = self._decide(webhook, meant, after, CHUNK, connection, look)
        incomparable = tuple(decision.incomparable.values())
        return _Chunk(looked_at, count(connection, decision), (), last_id, incomparable)

    def _decide(
        self,
        webhook: Webhook,
        meant: _Meant,
        after: str,
        most: int,
        connection: Connection,
        look: Callable[[KnownRecord], None] = lambda _: None,
    ) -> tuple[Decision, int, str | None]:
        """Return the decision on the records behind *after*, their number, and the last id."""
        now, decision, kind = self._now(), Decision(), reported_kind(webhook)
        still = (
            None
            if webhook.trigger.still is None
            else Trigger(_ANYTHING, when=webhook.trigger.still)
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


def reported_kind(webhook: Webhook) -> ChangeKind:
    """Return the kind of change as which known records are reported to *webhook*.

    Raises BackfillError when it reports nothing but deletions.
    """
    for kind in (ChangeKind.CREATED, ChangeKind.UPDATED, ChangeKind.DUE):
        if kind in webhook.trigger.changes:
            return kind
    raise BackfillError(f"the webhook {webhook.name} reports nothing but deletions")


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
