"""A real database on a real disk, and the one writer."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from webhookd.storage.database import open_database
from webhookd.storage.writer import Writer


@pytest.fixture
def database(url):
    opened = open_database(url)
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
