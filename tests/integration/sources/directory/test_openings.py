"""Only openings of daemons that died, and bugs, make a file suspect."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from tests.integration.sources.fakes import Drop, FakeStorage, eventually, rows
from webhookd.errors import NotHeldError, StorageError
from webhookd.sources.directory.ingest import MOST_OPENINGS
from webhookd.sources.directory.openings import Openings
from webhookd.telemetry.events import FileClaimed, FileFailed


class Refusing(FakeStorage):
    """Raises an error at each batch, and at `rest` while it is away."""

    def __init__(self, error):
        super().__init__()
        self.error = error
        self.is_away = False

    async def ingest(self, batch):
        if self.error is not None:
            raise self.error
        await super().ingest(batch)

    async def rest(self, claim):
        if self.is_away:
            raise StorageError("away")
        await super().rest(claim)


@pytest.fixture
def made(tmp_path):
    def make(error):
        drop = Drop(tmp_path / "crm", Refusing(error))
        drop.drop("a.ndjson", rows("1"))
        return drop

    return make


async def read(drop, openings):
    """Read until it fails, or all is taken, as often as it likes."""
    for _ in range(MOST_OPENINGS + 1):
        with suppress(NotHeldError, ZeroDivisionError, TimeoutError):
            await asyncio.wait_for(drop.source(openings=openings).run(), 0.2)


@pytest.mark.parametrize("error", [NotHeldError("another's"), StorageError("away")])
@pytest.mark.parametrize("is_away", [False, True])
def test_a_file_whose_rows_are_never_stored_is_not_suspect_while_its_daemons_live(
    made, error, is_away
):
    drop = made(error)
    drop.storage.is_away = is_away

    async def scene():
        # Two daemons in turn, more often than a file may end one.
        for _ in range(MOST_OPENINGS):
            await read(drop, Openings())
        drop.storage.is_away = False
        await eventually(lambda: not any(one.openings for one in drop.storage.files.values()))
        drop.storage.error = None
        await read(drop, Openings())

    asyncio.run(scene())

    assert not drop.reported.of(FileFailed)
    assert drop.storage.ids == ["1"]


def test_a_bug_that_a_file_brings_out_makes_it_suspect(made):
    drop = made(ZeroDivisionError())

    asyncio.run(read(drop, Openings()))

    assert len(drop.reported.of(FileClaimed)) == MOST_OPENINGS + 1
    (failed,) = drop.reported.of(FileFailed)
    assert f"or met a bug in it, {MOST_OPENINGS} times" in failed.reason


def test_deaths_make_a_file_suspect_though_connections_were_lost_between_them(made):
    drop = made(NotHeldError("another's"))

    async def scene():
        for _ in range(MOST_OPENINGS):
            openings = Openings()
            await read(drop, openings)
            # A death: what it counted stays, and nobody is left to take it back.
            await drop.storage.open("crm", next(iter(drop.storage.files)), "a.ndjson")
        drop.storage.error = None
        await read(drop, Openings())

    asyncio.run(scene())

    assert len(drop.reported.of(FileFailed)) == 1
    assert drop.storage.ids == []
