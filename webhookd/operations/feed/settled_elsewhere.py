"""What the other daemons of a fleet settled: looked for once a second while somebody watches."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from webhookd.errors import StorageError
from webhookd.model import DeliveryState
from webhookd.operations.feed.feed_entries import Elsewhere
from webhookd.storage.search import settled_since
from webhookd.views.events import EndedAttemptView

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.clock import Clock
    from webhookd.storage.database.database import Database
    from webhookd.storage.deliveries.query import ListedDelivery

EVERY_SECONDS: Final = 1.0

LOOKED_BACK: Final = timedelta(seconds=5)
"""What is committed late is still found."""

REMEMBERED: Final = 20_000
"""Ids of what was told, so that nothing is told twice."""


class SettledElsewhere:
    """Tells of deliveries that other daemons settled. Runs on the event loop, but for `own`."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        tell: Callable[[Elsewhere], None],
        *,
        is_shared: bool,
    ) -> None:
        self._database = database
        self._clock = clock
        self._tell = tell
        self._is_shared = is_shared
        self._known: OrderedDict[str, None] = OrderedDict()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Begin to look, where there may be others."""
        if self._is_shared and self._task is None:
            self._task = asyncio.create_task(self._look())

    def end(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._known.clear()

    def own(self, delivery_id: str) -> None:
        """Note a delivery of this daemon, which is told already."""
        if not self._is_shared:
            return
        self._known[delivery_id] = None
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    async def _look(self) -> None:
        since = self._clock.now()
        while True:
            await self._clock.sleep(EVERY_SECONDS)
            try:
                found = await asyncio.to_thread(
                    settled_since.settled, self._database, since, now=self._clock.now()
                )
            except StorageError:
                # Whoever writes says so; what is missed meanwhile is not told.
                continue
            for one in found:
                if one.id not in self._known:
                    self.own(one.id)
                    self._tell(Elsewhere(_told(one)))
            since = max(since, self._clock.now() - LOOKED_BACK)


def _told(one: ListedDelivery) -> EndedAttemptView:
    return EndedAttemptView(
        at=one.settled_at or one.created_at,
        id=one.id,
        webhook=one.webhook,
        source=one.source,
        object=one.object,
        record_id=one.record_id,
        change=one.change,  # type: ignore[arg-type]  # the database holds these names
        attempt=max(one.attempts, 1),
        outcome="delivered" if one.state is DeliveryState.DELIVERED else "given_up",
        status=one.last_status,
        seconds=None,
        error=one.last_error,
        retry_at=None,
        is_elsewhere=True,
    )
