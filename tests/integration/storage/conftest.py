"""A real database on a real disk, and the one writer."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from tests import databases
from webhookd.storage.database.database import open_database
from webhookd.storage.database.writer import Writer


@pytest.fixture(params=databases.KINDS)
def url(request, tmp_path):
    """Return the URL of a new database, of each kind in turn."""
    return databases.new_url(request.param, tmp_path)


@pytest.fixture
def database(url):
    opened = open_database(url)
    yield opened
    opened.close()


@pytest.fixture
def connection(database):
    """Return a connection to the database, as the writer has it."""
    opened = database.connect()
    yield opened
    opened.close()


@pytest.fixture
def with_writer(database):
    """Run an async function that takes the writer, and close the writer behind it."""

    @asynccontextmanager
    async def writing():
        async with Writer(database) as writer:
            yield writer

    def run(work):
        async def inside():
            async with writing() as writer:
                return await work(writer)

        return asyncio.run(inside())

    return run
