"""Forgetting a record because somebody asks to be erased: step by step, then all of it at once.

    event loop        keys and numbers are looked for (threads) ─► steps, the last ─► file rewritten
    writer's thread                                                └─► exclusive transactions

Deliveries go first, the newest first and some in each transaction, so that no other writer waits
for long: the record's first open one stays first of its record until it goes itself. The last
transaction deletes what is known of the record and takes the deliveries that came meanwhile. Where
the daemon dies in between, the record is still known, and forgetting it again does the rest.

What is in memory: lanes drop the deliveries, here and, by a notification, at other daemons. One of
those may have begun an attempt before it hears of that: one request more is sent, and nothing of it
is kept (`storage.forgotten_records` says what else may come behind, and what keeps it away).
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from webhookd.errors import WebhookdError
from webhookd.operations.lookups import known_lookup
from webhookd.storage import forgotten_records, rewritten_file
from webhookd.storage.database.connection import EXCLUSIVE
from webhookd.storage.fleet import notify
from webhookd.views.records import ForgottenView

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from webhookd.clock import Clock
    from webhookd.operations.control_dependencies import ControlDependencies
    from webhookd.storage.database.connection import Connection
    from webhookd.storage.database.database import Database
    from webhookd.storage.forgotten_records import Key


class SeveralRecordsError(WebhookdError):
    """Several sources have a record that is to be forgotten."""


class Forgetting:
    """Forgets records."""

    def __init__(self, dependencies: ControlDependencies, clock: Clock) -> None:
        self._dependencies = dependencies
        self._now = clock.now

    async def forget(self, typed: str, source: str | None, *, is_dry_run: bool) -> ForgottenView:
        """Forget the record OBJECT/ID, *typed*, of *source* where several have one.

        Raises UnknownRecordError where nothing is kept of it, SeveralRecordsError where no source
        is told and several have one.
        """
        database = self._dependencies.database
        key = await asyncio.to_thread(_key, database, typed, source)
        found = await asyncio.to_thread(forgotten_records.found, database, key)
        is_rewritten = None
        if not is_dry_run:
            await self._erase(key, found.numbers)
            is_rewritten = await asyncio.to_thread(rewritten_file.rewrite, database)
        return ForgottenView(
            source=key[0],
            object=key[1],
            is_dry_run=is_dry_run,
            is_known=found.is_known,
            changes=found.changes,
            enrollments=found.enrollments,
            deliveries=len(found.numbers),
            cancelled=found.waiting,
            attempts=found.attempts,
            is_rewritten=is_rewritten,
        )

    async def _erase(self, key: Key, numbers: Sequence[int]) -> None:
        dispatcher = self._dependencies.dispatcher
        limit, pause = dispatcher.peers.exclusive_step
        last, left = numbers[-1] if numbers else 0, numbers
        try:
            while left:
                # The newest first: see the head.
                left, step = left[:-limit], left[-limit:]
                await self._write(partial(_erase_some, step, self._now()))
                await asyncio.sleep(pause)
            await self._write(partial(_erase_rest, key, last, self._now()))
        finally:
            dispatcher.fetches.refetch()

    async def _write(self, unit: Callable[[Connection], Sequence[str]]) -> None:
        # Shielded: who asked may go, and lanes must drop what the transaction took all the same.
        await asyncio.shield(asyncio.ensure_future(self._written(unit)))

    async def _written(self, unit: Callable[[Connection], Sequence[str]]) -> None:
        ids = await self._dependencies.writer.write(unit, EXCLUSIVE)
        self._dependencies.dispatcher.lanes.forget(ids)


def _key(database: Database, typed: str, source: str | None) -> Key:
    keys = forgotten_records.keys_of(database, typed, source)
    if not keys:
        # Raises, and says what is known in its place.
        keys = known_lookup.meant(database, typed, source)
    if len(keys) > 1:
        names = ", ".join(sorted({key[0] for key in keys}))
        raise SeveralRecordsError(
            f"several sources have a record of that object and id ({names}), perhaps of different"
            " people; --source says which"
        )
    return keys[0]


def _erase_some(wanted: Sequence[int], now: datetime, connection: Connection) -> list[str]:
    ids = forgotten_records.erase_deliveries(connection, wanted, now)
    notify.notify(connection, "gone", ids)
    return ids


def _erase_rest(key: Key, above: int, now: datetime, connection: Connection) -> list[str]:
    # Whatever was stored since the numbers were looked for; nobody else writes beside this.
    wanted = forgotten_records.numbers(connection, key, above=above)
    ids = _erase_some(wanted, now, connection)
    forgotten_records.erase_record(connection, key)
    return ids
