"""Enrolling records that are known already: through the webhook's trigger, as if just met.

A webhook sees changes from its beginning on; what was there before reaches it only this way. The
known records are taken in the order of their ids, some in each transaction with how far it is,
as fast as the rate allows; a record that changes meanwhile is reported as usual.
`running_backfills` has those under way.

Everything here runs on the event loop, and each step (`backfill_step`) on the writer's thread. In a
fleet the backfill has its webhook's lock, which each step acquires again: after a lost session
another daemon may have it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd.definitions import Trigger
from webhookd.delivery.caused_events import NO_EVENTS
from webhookd.intake.backfill_step import ANYTHING, CHUNK, BackfillStep, Chunk, Meant
from webhookd.intake.claimed_write import ClaimedWriter
from webhookd.storage.refused_writes import keep_trying

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.definitions import AllOf, Webhook
    from webhookd.delivery.caused_events import CausedEvents
    from webhookd.delivery.claims import ClaimTable
    from webhookd.model import Delivery, KnownRecord
    from webhookd.rules.conditions import Incomparable
    from webhookd.storage.database.writer import Writer

PER_SECOND: Final = 50.0
"""Deliveries a second, unless the person who asks for a backfill says otherwise."""


@dataclass(frozen=True, slots=True)
class Backfilled:
    """How far a backfill is: records looked at, and deliveries made (or to make, if counted).

    *after* is the id of the last record that was looked at.
    """

    records: int = 0
    deliveries: int = 0
    after: str = ""


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
        self._step = BackfillStep(clock, new_id, events)
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
        conditions = None if where is None else Trigger(changes=ANYTHING, when=where)
        meant = Meant(conditions, past)
        most = CHUNK if count_only else max(1, min(CHUNK, int(per_second)))
        while True:
            # A count writes nothing, so it is read between two commits and has nothing to lose.
            if count_only:
                chunk = await self._writer.read(
                    partial(self._step.count, webhook(), meant, made.after, look)
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
        self, webhook: Callable[[], Webhook], meant: Meant, after: str, most: int
    ) -> Chunk:
        """Take one step, and return it when it is on the disk."""
        # Asked for each time: a refused step may be tried again after a reload.
        definition = webhook()
        step = partial(self._step.store, definition, meant, after, most)
        # Shielded: a backfill that is cancelled leaves its step to the writer, whole or not at all.
        webhooks = [definition.name, *self._events.listening()]
        done = self._claimed_writer.write(webhooks, step, Chunk.to_offer)
        return await asyncio.shield(done)
