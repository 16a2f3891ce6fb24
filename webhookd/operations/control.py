"""What operators may ask of the running daemon: the one place behind the admin API."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from webhookd.operations import record_lookup
from webhookd.operations.deliveries.delivery_control import DeliveryControl
from webhookd.operations.feed.event_hub import EventHub
from webhookd.operations.readiness import Readiness
from webhookd.operations.status_report import StatusReport
from webhookd.operations.unknown_names import unknown_webhook
from webhookd.operations.view_builders import journal_page, latest_change, reload_result
from webhookd.operations.webhook_control import WebhookControl
from webhookd.storage.deliveries import settle
from webhookd.storage.records import journal_pages, known_names
from webhookd.storage.records.known_properties import known_properties
from webhookd.storage.webhooks import latest_attempts
from webhookd.views.sources import PropertiesView

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from webhookd.clock import Clock
    from webhookd.operations.control_dependencies import ControlDependencies
    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.database import Database
    from webhookd.views.activity import ActivityView
    from webhookd.views.changes import ChangesView, LatestChangeView, RecordView
    from webhookd.views.status import ReloadView
    from webhookd.views.webhooks import ShownWebhookView


class Control:
    """Answers and acts, by what is meant. Every method may raise StorageError."""

    def __init__(self, dependencies: ControlDependencies, *, host: str, clock: Clock) -> None:
        self._dependencies = dependencies
        self.deliveries = DeliveryControl(dependencies, clock)
        self.webhooks = WebhookControl(dependencies, clock)
        self.report = StatusReport(dependencies, host=host, clock=clock)
        self.readiness = Readiness(dependencies.writer, clock)
        self.report.watch(self.deliveries.changes)
        self.feed = EventHub(dependencies, clock)

    def begin(self) -> None:
        """Begin to answer: the daemon counts as started now, and is not ready yet."""
        self.report.begin()

    @property
    def has_definitions(self) -> bool:
        """Return whether a configuration is in force: before that there are no figures."""
        return self._dependencies.reloader.has_definitions

    async def is_alive(self) -> bool:
        """Return whether the writer answers; the event loop does if this returns."""
        return await self._dependencies.writer.read(lambda _: True)

    async def count_pending(self) -> int:
        """Return how many deliveries are pending."""
        return await asyncio.to_thread(_counted, self._dependencies.database, settle.count_pending)

    async def count_failing(self) -> int:
        """Return how many webhooks in force are failing."""
        count = latest_attempts.count_failing
        return await asyncio.to_thread(_counted, self._dependencies.database, count)

    async def changes(self, since: datetime, *, after: int, limit: int) -> ChangesView:
        """Return a page of the journal of changes, those seen since a time."""
        database = self._dependencies.database
        read = partial(journal_pages.page, database, since=since, after=after, limit=limit)
        return await asyncio.to_thread(lambda: journal_page(read()))

    async def latest_change(
        self, source: str, object_: str, record_id: str | None
    ) -> LatestChangeView:
        """Return the last change of a source and object, or of one record, that is kept."""
        database = self._dependencies.database
        read = partial(journal_pages.latest, database, source, object_, record_id)
        return await asyncio.to_thread(lambda: latest_change(read()))

    async def record(self, source: str, object_: str, record_id: str) -> RecordView:
        """Return a record as it is known; raises UnknownRecordError where it is not."""
        database = self._dependencies.database
        return await asyncio.to_thread(record_lookup.record, database, source, object_, record_id)

    async def properties(self, source: str, object_: str) -> PropertiesView:
        """Return the properties that known records of a source and object have."""
        database = self._dependencies.database

        def read() -> PropertiesView:
            with database.reading() as connection:
                found = known_properties(connection, source, object_)
            return PropertiesView(found.records, tuple(sorted(found.names)), found.is_whole)

        return await asyncio.to_thread(read)

    async def activity(
        self, minutes: int, step: timedelta | None, webhook: str | None
    ) -> ActivityView:
        """Return what attempts came to in the last *minutes*, all or those of one webhook."""
        return await self._dependencies.activity.told(minutes, step, webhook)

    async def webhook(self, name: str) -> ShownWebhookView:
        """Return a webhook whole; raises UnknownNameError where nobody knows it."""
        found = await self.report.webhook(name)
        if found is None:
            names = await self._dependencies.writer.read(known_names.webhooks)
            raise unknown_webhook(name, {*names, *self._dependencies.reloader.definitions.webhooks})
        return found

    async def reload(self, *, allow_mass_removal: bool) -> ReloadView:
        """Read the configuration anew; callers that come meanwhile share one more reload."""
        reloader = self._dependencies.reloader
        return reload_result(await reloader.reload(allow_mass_removal=allow_mass_removal))


def _counted(database: Database, count: Callable[[Statements], int]) -> int:
    with database.reading() as connection:
        return count(connection)
