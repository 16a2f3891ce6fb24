"""Enrolling records that are known already: through the webhook's trigger, as if just met.

A webhook sees changes from its beginning on; what was there before reaches it only this way. The
known records are taken in the order of their ids, some in each transaction with how far it is,
as fast as the rate allows; a record that changes meanwhile is told of as usual. `backfills` has
those under way.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from webhookd import telemetry
from webhookd.definitions import Trigger
from webhookd.errors import StorageError, WebhookdError
from webhookd.intake.batch import Decision, count, decide, store
from webhookd.model import Change, ChangeKind
from webhookd.rules import trigger
from webhookd.storage.fleet.exclusive import backfilling
from webhookd.storage.records import backfills
from webhookd.storage.records.known_records import known_after

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence
    from datetime import datetime

    from webhookd.definitions import AllOf, Webhook
    from webhookd.delivery.claims import Claims, Taking
    from webhookd.model import Delivery, KnownRecord
    from webhookd.storage.database.connection import Connection
    from webhookd.storage.database.writer import Writer

CHUNK: Final = 100
"""Records looked at in one transaction: a few milliseconds of the writer's time."""

PER_SECOND: Final = 50.0

REFUSED_SECONDS: Final = 1.0
"""How long it waits before it tries again what the database refused."""

_ANYTHING: Final = frozenset(ChangeKind)


class BackfillError(WebhookdError):
    """The webhook cannot be told of records that are there."""


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
class _Chunk:
    """What one step found. *last_id* is None when there was nothing left."""

    records: int
    deliveries: int
    stored: Sequence[Delivery]
    last_id: str | None


class Backfill:
    """Makes deliveries of known records. *offer* takes what was just committed.

    What waits is superseded under *claims*.
    """

    def __init__(
        self,
        writer: Writer,
        *,
        offer: Callable[[Iterable[Delivery]], None],
        claims: Claims,
        now: Callable[[], datetime],
        new_id: Callable[[datetime], str],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._writer = writer
        self._offer = offer
        self._claims = claims
        self._now = now
        self._new_id = new_id
        self._sleep = sleep

    async def run(
        self,
        webhook: Callable[[], Webhook],
        *,
        where: AllOf | None = None,
        count_only: bool = False,
        per_second: float = PER_SECOND,
        made: Backfilled = Backfilled(),
        progress: Callable[[Backfilled], None] = lambda _: None,
    ) -> Backfilled:
        """Enroll the known records that meet *where* and fire; *count_only* stores nothing.

        It goes on from what was *made*. *webhook* gives the definition in force, and is asked
        before each step. At most *per_second* deliveries a second are made, a second's worth at
        once. What the database refuses is tried again, unless it is only counted: then
        StorageError. BackfillError when the webhook reports nothing but deletions, and whatever
        *webhook* and the sleep raise: what is stored by then stays, and *progress* has been told
        of it.
        """
        meant = None if where is None else Trigger(changes=_ANYTHING, when=where)
        most = CHUNK if count_only else max(1, min(CHUNK, int(per_second)))
        while True:
            told = webhook()
            taking = self._claims.taking([told.name])
            step = partial(self._step, told, meant, made.after, most, taking, count_only=count_only)
            # Within the writer's transaction, so that no change comes in between.
            write = partial(self._writer.write, locks=taking.locks)
            done = self._writer.read(step) if count_only else write(step)
            done.add_done_callback(partial(self._committed, taking))
            try:
                chunk = await asyncio.shield(done)
            except StorageError as error:
                if count_only:
                    raise
                telemetry.storage_refused("a backfill", error, most)
                await self._sleep(REFUSED_SECONDS)
                continue
            if chunk.last_id is None:
                return made
            records, deliveries = made.records + chunk.records, made.deliveries + chunk.deliveries
            made = Backfilled(records, deliveries, chunk.last_id)
            progress(made)
            await self._sleep(0 if count_only else chunk.deliveries / per_second)

    def _committed(self, taking: Taking, done: asyncio.Future[_Chunk]) -> None:
        # Not after the await: who asked for it may be gone, and the lanes must be told.
        if not done.cancelled() and done.exception() is None:
            self._offer(done.result().stored)
        taking.end()

    def _step(
        self,
        webhook: Webhook,
        meant: Trigger | None,
        after: str,
        most: int,
        taking: Taking,
        connection: Connection,
        *,
        count_only: bool,
    ) -> _Chunk:
        if not count_only and not connection.session.acquire(backfilling(webhook.name)):
            raise TakenOverError("another daemon goes on with it")
        now, decision, kind = self._now(), Decision(), kind_told(webhook)
        looked_at, last_id = 0, None
        found = known_after(connection, webhook.source, webhook.object, after=after, limit=CHUNK)
        for record_id, known in found:
            last_id = record_id
            if known.deleted:
                continue
            looked_at += 1
            change = _change(webhook, kind, record_id, known, now)
            if meant is None or trigger.fires(meant, change):
                decide(webhook, change, self._new_id(now), now, decision)
            if len(decision.deliveries) + len(decision.broken) >= most:
                break
        if count_only:
            return _Chunk(looked_at, count(connection, decision), (), last_id)
        stored = store(connection, decision, taking)
        made = len(stored) + len(decision.broken)
        if last_id is None:
            backfills.end(connection, webhook.name)
            return _Chunk(looked_at, made, stored, None)
        is_known = backfills.advance(
            connection, webhook.name, after=last_id, records=looked_at, deliveries=made
        )
        if connection.session.is_shared and not is_known:
            raise BackfillError("ended by hand, at another daemon")
        return _Chunk(looked_at, made, stored, last_id)


def kind_told(webhook: Webhook) -> ChangeKind:
    """Return as what known records are told; BackfillError when the webhook takes none."""
    for kind in (ChangeKind.CREATED, ChangeKind.UPDATED):
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
