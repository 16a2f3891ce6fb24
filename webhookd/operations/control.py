"""What operators may ask of the running daemon: the one place behind the admin API."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from webhookd.errors import ConfigError
from webhookd.operations.deliveries.delivery_control import DeliveryControl
from webhookd.operations.deliveries.forgetting import Forgetting
from webhookd.operations.feed.event_hub import EventHub
from webhookd.operations.lookups import disk_plan, known_lookup, record_lookup, sample_lookup
from webhookd.operations.lookups.source_files import SourceFiles
from webhookd.operations.readiness import Readiness
from webhookd.operations.status_report import StatusReport
from webhookd.operations.trials.webhook_trials import Trials
from webhookd.operations.unknown_names import objects_of, unknown_webhook
from webhookd.operations.view_builders import journal_page, latest_change, reload_result
from webhookd.operations.webhook_control import WebhookControl
from webhookd.storage.deliveries import settle
from webhookd.storage.records import journal_pages, known_names
from webhookd.storage.webhooks import latest_attempts
from webhookd.views.configuration import ConfigurationView, WrittenFileView

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime, timedelta

    from webhookd.clock import Clock
    from webhookd.operations.control_dependencies import ControlDependencies
    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.database import Database
    from webhookd.views.activity import ActivityView
    from webhookd.views.changes import (
        ChangesView,
        KnownRecordsView,
        LatestChangeView,
        RecordView,
    )
    from webhookd.views.configuration import PlanView
    from webhookd.views.records import ListedRecordsView, ShownRecordsView
    from webhookd.views.sources import PropertiesView
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
        self.files = SourceFiles(dependencies)
        self.trials = Trials(dependencies, clock)
        self.forgetting = Forgetting(dependencies, clock)

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
        return await asyncio.to_thread(
            sample_lookup.properties,
            self._dependencies.database,
            source,
            object_,
            self._dependencies.reloader.definitions,
        )

    async def records(
        self, source: str, object_: str, record_id: str | None, limit: int
    ) -> KnownRecordsView:
        """Return one known record, or some; raises UnknownRecordError where none has the id."""
        database = self._dependencies.database
        find = partial(sample_lookup.records, database, source, object_, record_id, limit)
        return await asyncio.to_thread(find)

    async def listed_records(
        self, name: str | None, after: str | None, limit: int
    ) -> ListedRecordsView:
        """Return known records page by page; see `known_lookup.listed`."""
        definitions = self._dependencies.reloader.definitions
        configured = {*definitions.sources, *objects_of(definitions)}
        database = self._dependencies.database
        find = partial(known_lookup.listed, database, name, after=after, limit=limit)
        return await asyncio.to_thread(find, configured=configured)

    async def shown_records(self, typed: str, source: str | None) -> ShownRecordsView:
        """Return what is known of OBJECT/ID, as *typed*; UnknownRecordError where nothing is."""
        database = self._dependencies.database
        return await asyncio.to_thread(known_lookup.shown, database, typed, source)

    async def newest_changes(
        self, source: str, object_: str, before: int | None, limit: int
    ) -> ChangesView:
        """Return the newest changes of a source and object that are kept, the newest first."""
        database = self._dependencies.database
        read = partial(journal_pages.newest, database, source, object_, before=before, limit=limit)
        return await asyncio.to_thread(lambda: journal_page(read()))

    def configuration(self) -> ConfigurationView:
        """Return the files of the configuration in force."""
        reloader, redactor = self._dependencies.reloader, self._dependencies.secrets.redactor
        return ConfigurationView(
            reloader.definitions.hash,
            str(reloader.path),
            None if reloader.last is None else reloader.last.at,
            tuple(WrittenFileView(one.file, redactor.text(one.text)) for one in reloader.written),
        )

    async def plan(self) -> PlanView:
        """Return what a reload would change now."""
        reloader = self._dependencies.reloader
        try:
            loaded = await reloader.read()
        except ConfigError as error:
            return disk_plan.refused(reloader.definitions.hash, tuple(map(str, error.problems)))
        rotated = await self.webhooks.rotated(loaded)
        waiting = await self.report.waiting()
        running = reloader.definitions.hash
        return await asyncio.to_thread(
            disk_plan.plan, running, reloader.shown, loaded, rotated, waiting
        )

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
