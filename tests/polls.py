"""A HubSpot source on a real database, against the fake, in a time that tests move."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count

import httpx

from tests.fake_hubspot import Account, FakeHubspot
from tests.making import LOOPBACK, a_webhook, read_here, some_definitions
from tests.virtual_time import VirtualTime
from webhookd import telemetry
from webhookd.definitions import Body, BodyFormat, HubspotObject, HubspotSource, Trigger
from webhookd.delivery.claims import ClaimTable
from webhookd.intake.batch import Intake
from webhookd.model import ChangeKind, Secret
from webhookd.rules.usage import NOTHING
from webhookd.sources import kinds
from webhookd.sources.dependencies import SourceDependencies
from webhookd.sources.polling.request_budget import Budgets
from webhookd.storage.database.database import open_database
from webhookd.storage.database.writer import Writer
from webhookd.storage.records.cursors import Polls
from webhookd.storage.records.files import Files
from webhookd.telemetry.figures import FIGURES

TYPES = {
    "contacts": {"email": "string", "stage": "enumeration", "score": "number", "met": "datetime"},
    "deals": {"dealname": "string", "amount": "number"},
    "companies": {"name": "string", "domain": "string", "founded": "date"},
}
CONTACTS = HubspotObject("contacts", ("email", "stage"))
DELETIONS = HubspotObject("contacts", ("email", "stage"), deletions=True)
LEAD, CUSTOMER = {"email": "a@x", "stage": "lead"}, {"email": "a@x", "stage": "customer"}


def everything(object_="contacts", **changes):
    """Return a webhook that reports every change of a type of object, with what was before."""
    webhook = a_webhook(object_, source="crm", object=object_)
    body = Body(properties=None, static={}, format=BodyFormat.RECORD, previous=True)
    request = replace(webhook.request, body=body)
    trigger = Trigger(changes=tuple(ChangeKind))
    return replace(webhook, request=request, **{"trigger": trigger, **changes})


class CuttingTransport(httpx.ASGITransport):
    """Cuts answers that are too long, as the daemon's transport does."""

    async def handle_async_request(self, request):
        response = await super().handle_async_request(request)
        content = await response.aread()
        limit = request.extensions["webhookd"].answer_limit
        if len(content) <= limit:
            return httpx.Response(response.status_code, headers=response.headers, content=content)
        return httpx.Response(
            response.status_code,
            headers={"date": response.headers["date"]},
            content=content[:limit],
            extensions={"answer_cut": True},
        )


class Polling:
    """A source that polls when it is told to. `told` are its deliveries' bodies."""

    def __init__(self, url, settings, *webhooks, fake=None, time=None):
        self.time = time or VirtualTime()
        self.fake = fake or FakeHubspot(Account(TYPES, clock=self.time.timestamp))
        self.fake.account.clock, self.fake.monotonic = self.time.timestamp, self.time.monotonic
        self.account = self.fake.account
        self.settings = settings
        self.definitions = some_definitions(*(webhooks or (everything(), everything("deals"))))
        self.budgets = Budgets(clock=self.time.clock)
        self.told = []
        self.batches = 0
        self._url = url
        self._serial = count(1)
        self._jobs = {}
        FIGURES.clear()

    async def start(self):
        self.database = open_database(self._url)
        self.writer = await Writer(self.database).__aenter__()
        await read_here(self.writer, self.settings.name)
        self.intake = Intake(
            self.database,
            self.writer,
            definitions=lambda: self.definitions,
            offer=self._offered,
            claims=ClaimTable(lambda: None),
            clock=self.time.clock,
            new_id=lambda _: f"{next(self._serial):032x}",
        )
        await self.run_source()

    async def run_source(self, **changes):
        """Run the source, with settings changed; what ran before is stopped, as by a reload."""
        await self.stop_source()
        self.settings = replace(self.settings, **changes)
        dependencies = SourceDependencies(
            ingest=self._ingest,
            files=lambda _: Files(self.writer),
            polls=Polls(self.writer),
            report=telemetry.report,
            used=lambda _: NOTHING,
            transport=CuttingTransport(self.fake.app),
            egress=lambda: LOOPBACK,
            schedule=self._schedule,
            clock=self.time.clock,
            budgets=self.budgets,
        )
        self.source = kinds.build(self.settings, dependencies)
        self._task = asyncio.create_task(self.source.run())
        await asyncio.sleep(0)

    async def stop_source(self):
        if self._jobs:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._jobs.clear()

    async def poll(self, *, times=1, every=30.0):
        """Poll every type of object, and let time pass after it."""
        for _ in range(times):
            await asyncio.gather(*(job() for job in tuple(self._jobs.values())))
            self.time.seconds += every

    async def close(self):
        await self.stop_source()
        await self.writer.__aexit__()
        self.database.close()

    async def query(self, sql):
        return await self.writer.read(lambda connection: connection.execute(sql).fetchall())

    def figures(self, object_="contacts"):
        return FIGURES["crm", object_]

    def news(self):
        """Return what was told since this was last asked: (id, kind, properties)."""
        news = [
            (one["objectId"], one["eventType"].partition(".")[2], one["properties"])
            for one in self.told
        ]
        self.told.clear()
        return news

    def _schedule(self, _period, work, name):
        self._jobs[name] = work
        return lambda: self._jobs.pop(name, None)

    def _offered(self, deliveries):
        self.told += [json.loads(one.rendered.body) for one in deliveries]

    async def _ingest(self, batch):
        self.batches += 1
        return await self.intake.ingest(batch)


def settings(*objects, **changes):
    """Return a HubSpot source of *objects*, of contacts if none is named."""
    source = HubspotSource("crm", "http://127.0.0.1:1", Secret("pat-token"), objects or (CONTACTS,))
    return replace(source, **changes)


@asynccontextmanager
async def polling(url, source, *webhooks, **options):
    """Run a source against a fake."""
    polls = Polling(url, source, *webhooks, **options)
    await polls.start()
    try:
        yield polls
    finally:
        await polls.close()


def an_old(polls, count=1, **properties):
    """Create records that are there before anything is read."""
    ids = [polls.account.create("contacts", LEAD | properties) for _ in range(count)]
    polls.time.seconds += 600
    return ids
