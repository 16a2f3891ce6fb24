"""A fake API read in this process, without sockets and databases: some thousand polls a second.

What is known is kept as intake keeps it, and the cursor as text. A poll may be killed before any
batch, and whatever changes the API's records runs before each answer.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from email.utils import format_datetime
from urllib.parse import parse_qsl

import httpx

from tests.fake_api import EPOCH, START
from tests.virtual_time import VirtualTime
from webhookd.authentication.credentials import fixed
from webhookd.definitions import Egress, RestSource, Tls
from webhookd.model import MissingRecords
from webhookd.rules.changes import notice
from webhookd.sources.polling.checkpoint import Checkpoint
from webhookd.sources.polling.refusals import PollError
from webhookd.sources.polling.request_budget import Budget, Burst
from webhookd.sources.rest import rest_cursor
from webhookd.sources.rest.rest_factory import Parts, Way
from webhookd.sources.rest.rest_reader import ObjectReader
from webhookd.sources.storage_retry import StorageRetry
from webhookd.telemetry.figures import PollFigures

NEVER = 10**9


class KilledError(BaseException):
    """The daemon was killed: the batch is not stored."""


class Wire(httpx.AsyncBaseTransport):
    """Answers as `tests.fake_api.running` does."""

    def __init__(self, api):
        self.api = api

    async def handle_async_request(self, request):
        api, body = self.api, await request.aread()
        query = dict(parse_qsl(request.url.query.decode(), keep_blank_values=True))
        if body:
            query |= json.loads(body)
        asked = (request.method, request.url.path, query)
        api.between(asked)
        headers = {name.title(): one for name, one in request.headers.items()}
        api.asked.append((*asked, headers))
        status, told, *more = api.reply((*asked, headers))
        at = EPOCH.fromtimestamp(api.now // 1_000_000, EPOCH.tzinfo)
        date = {"Date": format_datetime(at, usegmt=True)}
        content = told if isinstance(told, bytes) else json.dumps(told).encode()
        return httpx.Response(
            status, headers={**date, **api.headers, **(more[0] if more else {})}, content=content
        )


class InMemory:
    """Polls the API as *read* says; `known` are the records as intake knows them, by id."""

    def __init__(self, api, read, **changes):
        self.api = api
        self.read = read
        self.known = {}
        self.told = []
        self.kill_at = NEVER
        self.time = VirtualTime()
        self.error = ""
        self._changes = changes
        self._lists = {}
        self._cursor = None
        self._accepted = None

    def poll(self, kill_at=NEVER):
        """Poll as a daemon that begins anew; return whether it ended well, or `error` has why."""
        self.kill_at = kill_at
        self.time.seconds = (self.api.now - START) / 1_000_000
        try:
            asyncio.run(self._reader().poll())
        except (KilledError, PollError) as error:
            self.error = str(error)
            return False
        return True

    def accept(self, number):
        """Let through the absences of a pass."""
        self._accepted = number

    @property
    def cursor(self):
        """Return the cursor as it is stored."""
        return None if self._cursor is None else json.loads(self._cursor)

    @property
    def there(self):
        """Return the properties of the known records that are not deleted, by id."""
        return {
            id_: {name: json.loads(value) for name, value in one.properties.items()}
            for id_, one in self.known.items()
            if not one.deleted
        }

    def changes(self, kind):
        """Return the ids that were told as *kind*, in order."""
        return [id_ for what, id_ in self.told if what == kind]

    def _reader(self):
        figures = PollFigures("crm", self.read.name)
        settings = replace(
            RestSource("crm", "http://127.0.0.1/api", (self.read,), requests_per_second=1000),
            **self._changes,
        )
        budget = Budget(Burst(1_000_000, 1), clock=self.time.clock)
        egress = Egress()
        way = Way(fixed(None, Tls(), None), Wire(self.api), lambda: egress, budget, self.time.clock)
        parts = Parts(settings, self.read, way, figures)
        checkpoint = Checkpoint(
            "crm",
            self.read.name,
            parsed=rest_cursor.parsed,
            ingest=self._ingest,
            ledger=_Ledger(self),
            storage_retry=StorageRetry("crm", lambda _: None),
            figures=figures,
        )
        work = parts.work(checkpoint)
        return ObjectReader(work, parts.proofs(work), parts.details(work))

    async def _ingest(self, batch):
        self.kill_at -= 1
        if self.kill_at < 0:
            raise KilledError
        for seen in batch.observations:
            known = self.known.get(seen.record_id)
            found = notice(known, seen, source="crm", seen_at=self.time.now())
            if found.known is not None:
                self.known[seen.record_id] = found.known
            if found.change is not None:
                self.told.append((found.change.kind.value, seen.record_id))
        progress = batch.progress
        for one in progress.listed:
            self._lists.setdefault(one.claim, set()).update(one.record_ids)
        self._lists.pop(progress.forgotten, None)
        self._cursor = progress.cursor
        return 0


class _Ledger:
    """What the database remembers of the polls."""

    def __init__(self, crm):
        self.crm = crm

    async def cursor(self, *_):
        return self.crm._cursor

    async def known(self, _source, _object, ids):
        return {id_: self.crm.known[id_].deleted for id_ in ids if id_ in self.crm.known}

    async def modified(self, _source, _object, ids):
        known = self.crm.known
        return {i: known[i].modified_at for i in ids if i in known and not known[i].deleted}

    async def listed(self, claim, ids):
        return frozenset(ids) & frozenset(self.crm._lists.get(claim, ()))

    async def is_kept(self, claim):
        return claim in self.crm._lists

    async def missing(self, _source, _object, claim, *, after, modified_before=None):
        there = sorted(id_ for id_, one in self.crm.known.items() if id_ > after)
        met = self.crm._lists.get(claim, ())
        known = [id_ for id_ in there if not self.crm.known[id_].deleted]
        lacking = [id_ for id_ in known if id_ not in met and self._is_before(id_, modified_before)]
        return MissingRecords(tuple(lacking), len(known), "", is_last=True)

    def _is_before(self, id_, at):
        modified = self.crm.known[id_].modified_at
        return at is None or modified is None or modified < at

    async def accepted(self, *_):
        return self.crm._accepted
