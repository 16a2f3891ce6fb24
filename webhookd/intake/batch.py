"""From a source's batch to stored deliveries: one batch, one transaction.

Known records, enrollments, deliveries, the journal of changes and the source's progress are
committed together, so a crash neither loses a change nor takes one in twice. A batch goes through
three threads:

    event loop       ingest: the journal's entries are admitted
    a worker thread  _decide: compare, match, render; reads known records, writes nothing
    writer's thread  _store: everything, in one transaction (rule 1)
    event loop       _committed: what was stored is offered to the lanes

Between _decide and _store no other batch of the source may run, or known records would be compared
with what is no longer known: one task reads a source, and awaits `ingest`; in a fleet the task has
the source's lock, which _store requires.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from webhookd import telemetry
from webhookd.delivery.caused_events import NO_EVENTS
from webhookd.intake.claimed_write import ClaimedWriter
from webhookd.intake.decision import Decision, decide, store
from webhookd.intake.future_times import FutureTimes
from webhookd.intake.moments import planning
from webhookd.intake.value_warnings import ValueWarnings
from webhookd.model import (
    ChangeKind,
    Delivery,
    FileProgress,
    FilesProgress,
    KnownRecord,
    PollProgress,
)
from webhookd.rules import changes
from webhookd.rules.time_forms import moment
from webhookd.storage import forgotten_records
from webhookd.storage.fleet.exclusive import reading
from webhookd.storage.records import cursors, files, journal, known_records
from webhookd.telemetry.events import BatchTaken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.definitions import Definitions, Webhook
    from webhookd.delivery.caused_events import Caused, CausedEvents
    from webhookd.delivery.claims import ClaimTable, TransactionClaims
    from webhookd.intake.moments.planning import Planned, Plans
    from webhookd.model import Asked, Batch, Change, Observation
    from webhookd.storage.database.connection import Connection
    from webhookd.storage.database.database import Database
    from webhookd.storage.database.writer import Writer


class RecordForgottenError(Exception):
    """A person had a record forgotten while a batch was decided; it never leaves this module."""


class Intake:
    """Takes batches in, as the *definitions* in force say. *offer* gets what was just committed.

    *claims* guard the waiting deliveries that new ones supersede. *clock* tells the fleet's time.
    *events* makes the own events for deliveries that cannot be attempted. *planned* hears of the
    moments that were just committed of a source's records.
    """

    def __init__(  # noqa: PLR0913 - each is what a test may have another of
        self,
        database: Database,
        writer: Writer,
        *,
        definitions: Callable[[], Definitions],
        offer: Callable[[Iterable[Delivery]], None],
        claims: ClaimTable,
        clock: Clock,
        new_id: Callable[[datetime], str],
        events: CausedEvents = NO_EVENTS,
        planned: Callable[[str, Plans, Planned], None] = lambda *_: None,
    ) -> None:
        self._database = database
        self._events = events
        self._definitions = definitions
        self._writer = ClaimedWriter(writer, claims=claims, offer=offer)
        self._now = clock.now
        self._new_id = new_id
        self._admission = journal.Admission()
        self._future_times = FutureTimes()
        self._warnings = ValueWarnings()
        self._planned = planned

    async def ingest(self, batch: Batch) -> int:
        """Return how many changes *batch* led to, when all of them are on the disk.

        Runs on the event loop. Raises StorageError when the database refused, NotHeldError when
        another daemon reads the source by now; then nothing of the batch was taken. A caller that
        is cancelled does not stop what is queued.
        """
        while True:
            try:
                return await self._taken(batch)
            except RecordForgottenError:
                # What was compared holds of the record what is forgotten now: once more.
                continue

    async def _taken(self, batch: Batch) -> int:
        """Take a batch in, unless a record is forgotten meanwhile: then nothing of it is taken."""
        # On the event loop, like `took` in `_committed`: the admission is not locked.
        entries = self._admission.entries(batch.source, self._now())
        decision = await asyncio.to_thread(self._decide, batch, entries)
        caused = self._events.together(self._events.of_unattempted(decision.broken))
        written = self._writer.write(
            [*(delivery.webhook for delivery, _ in decision.deliveries), *caused.webhooks],
            partial(_store, batch, decision, entries, caused),
            partial(self._committed, batch, decision, entries, caused),
        )
        # Shielded: a reader that is cancelled must not cancel what the writer may have committed.
        await asyncio.shield(written)
        return decision.changes

    def _committed(
        self,
        batch: Batch,
        decision: Decision,
        entries: journal.Entries,
        caused: Caused,
        stored: _Stored,
    ) -> Sequence[Delivery]:
        """Report the batch and return what is to be offered; `ClaimedWriter` calls it."""
        # Not before the commit: a refused batch comes again, and must find the same room.
        self._admission.took(batch.source, entries)
        telemetry.report(
            BatchTaken(
                batch.source,
                len(batch.observations),
                decision.changes,
                len(stored.deliveries),
            )
        )
        found = decision.incomparable.items()
        self._warnings.incomparable(batch.source, ((key[0], value) for key, value in found))
        self._planned(batch.source, decision.plans, stored.planned)
        return [*stored.deliveries, *caused.committed(stored.told)]

    def _decide(self, batch: Batch, entries: journal.Entries) -> Decision:
        """Compare, match and render, on a worker thread."""
        # Read once: a reload in the middle of a batch holds for the next one.
        definitions, now, decision = self._definitions(), entries.seen_at, Decision()
        # As of the last commit. It stays true until _store: see the head.
        known = self._find_known(batch, decision)
        listening = _listeners(definitions, batch.source)
        dated = {
            object_: [(one, one.trigger.at) for one in webhooks if one.trigger.at is not None]
            for object_, webhooks in listening.items()
        }
        is_file = not isinstance(batch.progress, PollProgress)
        now_ = moment(now)
        for given in batch.observations:
            seen = self._future_times.clamped(batch.source, given, now) if is_file else given
            key = (seen.object, seen.record_id)
            before = known.get(key)
            noticed = changes.notice(before, seen, source=batch.source, seen_at=now)
            if (after := noticed.known) is not None:
                # Where the batch has a record twice, the second is compared with what this left.
                known[key] = decision.known[key] = after
                # Of a first read and a take-over too: no delivery comes of them, but moments do.
                for webhook, at in dated.get(seen.object, ()):
                    decision.plans.look(webhook, at, seen.record_id, before, after, now_)
            change = noticed.change
            if change is not None and not batch.as_known:
                decision.count_change()
                entries.add(change, _asked(change, seen, before))
                for webhook in listening.get(change.object, ()):
                    if webhook.trigger.wait is None:
                        decide(webhook, change, self._new_id(now), now, decision)
                    else:
                        decision.plans.follow(webhook, change, now)
        return decision

    def _find_known(self, batch: Batch, decision: Decision) -> dict[tuple[str, str], KnownRecord]:
        ids: dict[str, list[str]] = {}
        for seen in batch.observations:
            ids.setdefault(seen.object, []).append(seen.record_id)
        with self._database.reading() as connection:
            # First: what is forgotten behind this look is seen by `_store`.
            decision.read_behind(forgotten_records.erasures(connection))
            return {
                (object_, record_id): known
                for object_, wanted in ids.items()
                for record_id, known in known_records.find_known(
                    connection, batch.source, object_, wanted
                ).items()
            }


@dataclass(frozen=True, slots=True)
class _Stored:
    """What a batch stored: deliveries that wait, moments, and what its own events became."""

    deliveries: Sequence[Delivery]
    planned: Planned
    told: Any


def _asked(change: Change, seen: Observation, before: KnownRecord | None) -> Asked | None:
    """Return what the properties of *change* were asked for with: before, when it is deleted."""
    if change.kind is not ChangeKind.DELETED:
        return seen.asked
    return None if before is None else before.asked


def _listeners(definitions: Definitions, source: str) -> dict[str, list[Webhook]]:
    """Return the enabled webhooks on *source*, by object."""
    listening: dict[str, list[Webhook]] = {}
    for webhook in definitions.webhooks.values():
        if webhook.enabled and webhook.source == source:
            listening.setdefault(webhook.object, []).append(webhook)
    return listening


def _store(
    batch: Batch,
    decision: Decision,
    entries: journal.Entries,
    caused: Caused,
    connection: Connection,
    claims: TransactionClaims,
) -> _Stored:
    """Store a batch, and say what was stored."""
    # Rule 1: what a batch leads to and the progress behind it are one transaction.
    # First the lock: without it another daemon may have stored newer records since _decide.
    connection.session.require_lock(reading(batch.source))
    # In a fleet nobody forgets beside this transaction: that is an exclusive one.
    if forgotten_records.erasures(connection) != decision.erasures:
        raise RecordForgottenError
    known_records.remember(connection, batch.source, decision.known)
    planned = planning.store(connection, decision.plans, entries.seen_at)
    stored = store(connection, decision, claims)
    journal.write(connection, batch.source, entries)
    match batch.progress:
        case FileProgress():
            files.progress(connection, batch.progress)
        case FilesProgress():
            files.finished(connection, batch.progress)
        case PollProgress():
            cursors.progress(connection, batch.progress)
    return _Stored(stored, planned, caused.store(connection, claims))
