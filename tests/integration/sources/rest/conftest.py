"""A fake API on loopback, and a daemon that reads it as a definition says."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tests.fake_api import START, FakeApi, running
from tests.source_harness import SourceDaemon
from webhookd.definitions import (
    RestDeletions,
    RestDetect,
    RestObject,
    RestOne,
    RestPaging,
    RestPart,
    RestSource,
)
from webhookd.sources.rest import rest_factory as factory
from webhookd.telemetry import logs
from webhookd.transport import Transport

PAGES = RestPaging(by="page", limit=10, query={"page": "${page}", "limit": "${limit}"})
TIME = RestDetect(by="time", order="modified", query={"since": "${since}", "sort": "updated,id"})
TIES = RestPart(query={"at": "${since}", "after": "${after}", "sort": "id"})
ONE = RestOne("items/${id}", record="data")
ABSENCE = RestDeletions(by="absence", every=timedelta(hours=1), query={"sort": "id"})
ITEMS = RestObject(
    "items",
    records="data",
    paging=PAGES,
    modified="updated",
    created="created",
    detect=TIME,
    one=ONE,
    deletions=ABSENCE,
)


@pytest.fixture
def api():
    with running(FakeApi()) as served:
        yield served


@pytest.fixture
def logged():
    """Return what is logged during the test."""
    logs.configure("console", "WARNING")
    with capture_logs() as lines:
        yield lines


class Reading:
    """Polls the API as *read* says, on one database."""

    def __init__(self, api, url, read, **changes):
        self.api = api
        self.url = url
        self.read = read
        self.changes = changes

    def settings(self):
        made = RestSource(
            "crm", self.api.url, (self.read,), requests_per_second=1000, **self.changes
        )
        return replace(made, start=self.changes.get("start", "now"))

    async def daemon(self, work, **more):
        transport = Transport(None)
        try:
            async with SourceDaemon(
                self.url, self.settings(), factory.make, transport=transport, **more
            ) as daemon:
                # The daemon's clock and the API's agree.
                daemon.time.seconds = (self.api.now - START) / 1_000_000
                return await work(daemon)
        finally:
            await transport.aclose()

    def poll(self, times=1, every=30.0, **more):
        """Poll, by a daemon that begins anew; return what was reported so far."""

        async def work(daemon):
            await daemon.poll(times=times, every=every)
            return await daemon.changes()

        return asyncio.run(self.daemon(work, **more))

    def known(self):
        """Return the known records that are not deleted, their properties as the API has them."""

        async def work(daemon):
            query = "SELECT record_id, properties FROM known_records WHERE deleted = 0"
            rows = await daemon.writer.read(lambda one: one.execute(query).fetchall())
            return {
                id_: {name: json.loads(value) for name, value in json.loads(bytes(text)).items()}
                for id_, text in rows
            }

        return asyncio.run(self.daemon(work))

    def cursor(self):
        async def work(daemon):
            query = "SELECT cursor FROM cursors"
            rows = await daemon.writer.read(lambda one: one.execute(query).fetchall())
            return json.loads(rows[0][0])

        return asyncio.run(self.daemon(work))


@pytest.fixture
def reading(api, tmp_path, logged):
    """Return what makes a reading of the API with an object that differs from `ITEMS` so."""

    def make(*, source=None, **changes):
        url = f"sqlite:///{tmp_path / 'webhookd.db'}"
        return Reading(api, url, replace(ITEMS, **changes), **(source or {}))

    return make


def dump(api):
    """Return all records of the API as they are shown."""
    return {id_: api.shown(one) for id_, one in api.records.items()}


def kinds(changes):
    """Return what was reported, by kind: ids in order."""
    found = {}
    for change in changes:
        kind = change["eventType"].rpartition(".")[2]
        found.setdefault(kind, []).append(change["objectId"])
    return found
