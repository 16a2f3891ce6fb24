"""A drop directory whose files are taken for real: files, intake and database are the daemon's."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from functools import cache

import psycopg

from tests import postgresql
from tests.integration.sources.fakes import ReportedEvents
from tests.making import a_webhook, read_here, some_definitions
from webhookd import clock
from webhookd.definitions import Body, BodyFormat, DirectorySource, Trigger
from webhookd.delivery.claims import ClaimTable
from webhookd.intake.batch import Intake
from webhookd.model import ChangeKind
from webhookd.rules.usage import NOTHING
from webhookd.sources.directory.drop_directory import DropDirectory
from webhookd.storage.database.database import open_database
from webhookd.storage.database.writer import Writer
from webhookd.storage.records import known_records
from webhookd.storage.records.files import Files


@cache
def _database_of(_folder):
    server = postgresql.server()
    return server.url(server.new())


def mirror(**changes):
    """Return a webhook that sends every change whole, with the values before."""
    webhook = a_webhook(trigger=Trigger(changes=tuple(ChangeKind)))
    body = Body(properties=None, static={}, format=BodyFormat.RECORD, previous=True)
    return replace(webhook, request=replace(webhook.request, body=body), **changes)


class Dropping:
    """The source `export` in a folder of its own, run until nothing is left to take."""

    def __init__(self, folder, *webhooks, **settings):
        self.folder = folder
        self.root = folder / "crm"
        self.url = f"sqlite:///{folder / 'webhookd.db'}"
        if os.environ.get("WEBHOOKD_TEST_ON") == "postgresql":
            self.url = _database_of(folder)
        self.settings = DirectorySource("export", self.root, "contacts", **settings)
        self.definitions = some_definitions(*(webhooks or (mirror(),)))
        self.used = NOTHING
        self.reported = ReportedEvents()

    def drop(self, name, content: bytes | str, *, into="new"):
        """Put a file in, written some time ago, as a rename would."""
        (self.root / into).mkdir(parents=True, exist_ok=True)
        path = self.folder / "being-written"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(path, (time.time() - 10,) * 2)
        path.rename(self.root / into / name)

    def take(self, name, content: bytes | str):
        """Drop a file, have it taken, and return what it led to."""
        before = len(self.deliveries()) if self.root.exists() else 0
        self.drop(name, content)
        self.run()
        return self.deliveries()[before:]

    def run(self, **options):
        """Run the source until nothing waits and nothing is in work."""
        asyncio.run(self._run(**options))

    async def _run(self, *, wrap=lambda ledger, take: (ledger, take)):
        database = open_database(self.url)
        async with Writer(database) as writer:
            await read_here(writer, "export")
            identity = self.settings.identity
            await writer.write(
                lambda connection: known_records.introduce(connection, "export", identity)
            )
            intake = Intake(
                database,
                writer,
                definitions=lambda: self.definitions,
                offer=lambda _: None,
                claims=ClaimTable(lambda: None),
                clock=clock.SYSTEM,
                new_id=clock.new_id,
            )
            ledger, take = wrap(Files(writer), intake.ingest)
            source = DropDirectory(
                self.settings, take, ledger, self.reported, used=lambda: self.used
            )
            task = asyncio.create_task(source.run())
            try:
                await self._settled(task)
            finally:
                task.cancel()
                await asyncio.wait([task])
        database.close()
        if not task.cancelled():
            task.result()

    async def _settled(self, task):
        until = time.monotonic() + 30
        while not task.done() and not self.is_settled:
            assert time.monotonic() < until, "it did not settle in time"
            await asyncio.sleep(0.002)

    @property
    def is_settled(self):
        """Return whether nothing waits, on disk or in the database."""
        if not (self.root / "accepted").is_dir():
            return False
        return not (
            any(any((self.root / name).iterdir()) for name in ("new", "accepted", "work"))
            or self.query("SELECT 1 FROM files")
        )

    def query(self, sql, *values):
        """Return rows of the database."""
        with closing(self._connect()) as connection:
            return connection.execute(self._said(sql), values).fetchall()

    def execute(self, sql, *values):
        """Change the database behind the source's back."""
        with closing(self._connect()) as connection, connection:
            connection.execute(self._said(sql), values)

    def _connect(self):
        if self.url.startswith("postgresql"):
            return psycopg.connect(self.url)
        return sqlite3.connect(self.folder / "webhookd.db")

    def _said(self, sql):
        return sql.replace("?", "%s") if self.url.startswith("postgresql") else sql

    def deliveries(self):
        """Return what was stored: record, change, properties now and before, in order."""
        rows = self.query("SELECT record_id, change, body FROM deliveries ORDER BY number")
        return [(record_id, change, *_told(body)) for record_id, change, body in rows]

    def changes(self, name, content):
        """Take a file and return only which records changed how, in the order of their ids."""
        return sorted(told[:2] for told in self.take(name, content))

    def names(self, folder):
        """Return the names in *folder*."""
        return sorted(path.name for path in (self.root / folder).iterdir())

    def report(self, name):
        """Return what NAME.error.json says."""
        return json.loads((self.root / "failed" / f"{name}.error.json").read_text())


def _told(body):
    told = json.loads(body, parse_int=str, parse_float=str)
    return told["properties"], told.get("previousProperties")
