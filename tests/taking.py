"""An intake over a real database, by a clock that tests set."""

from __future__ import annotations

from itertools import count

from tests.making import NOW, read_here, some_definitions
from webhookd.clock import Clock
from webhookd.delivery.claims import ClaimTable
from webhookd.intake.batch import Intake
from webhookd.model import Batch, FileProgress, Observation
from webhookd.storage.database.database import open_database
from webhookd.storage.database.writer import Writer


class Taking:
    """Intake with its writer, as a daemon has them, of *webhooks*; what was offered: `offered`."""

    def __init__(self, url, *webhooks, now=NOW):
        self.now = now
        self.offered = []
        self.definitions = some_definitions(*webhooks)
        self._url = url
        self._rows = count(1)
        self._serial = count(1)

    async def __aenter__(self):
        self.database = open_database(self._url)
        self.writer = await Writer(self.database).__aenter__()
        await read_here(self.writer, "export")
        shared = {
            "definitions": lambda: self.definitions,
            "offer": self.offered.extend,
            "claims": ClaimTable(lambda: None),
            "clock": Clock(now=lambda: self.now),
            "new_id": lambda _: f"{next(self._serial):032x}",
        }
        self.intake = Intake(self.database, self.writer, **self._beside(shared), **shared)
        return self

    async def __aexit__(self, *_):
        await self.writer.__aexit__()
        self.database.close()

    def _beside(self, shared):
        """Return what intake gets beside what is *shared*."""
        del shared
        return {}

    async def take(self, *rows, as_known=False, asked=None, deletion=None):
        """Take rows of (id, properties), None for a deletion, which was as *deletion* says."""
        seen = tuple(
            Observation(
                "contacts",
                id_,
                properties or {},
                deleted=properties is None,
                asked=asked,
                deletion=deletion if properties is None else None,
            )
            for id_, properties in rows
        )
        progress = FileProgress("export", "claim", "1.ndjson", next(self._rows))
        await self.intake.ingest(Batch("export", seen, progress, as_known))

    async def rows(self, sql="SELECT id FROM deliveries ORDER BY number", *values):
        """Return rows of the database, by default the ids of all deliveries."""
        return await self.writer.read(lambda connection: connection.execute(sql, values).fetchall())
