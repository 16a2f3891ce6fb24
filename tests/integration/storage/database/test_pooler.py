"""A pooler in between: sessions of one's own, or nothing is written."""

import asyncio

import psycopg
import pytest

from tests import postgresql
from tests.pooler import Pooler
from webhookd.errors import StorageError
from webhookd.storage.database import postgresql_pooler
from webhookd.storage.database.database import open_database, open_for_reading
from webhookd.storage.database.writer import Writer

_OURS = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


def written(database, key):
    async def inside():
        async with Writer(database) as writer:
            await writer.write(lambda it: it.execute("INSERT INTO meta VALUES (?, '')", (key,)))

    asyncio.run(inside())


@pytest.mark.parametrize(
    ("is_in_turn", "others", "most"), [(False, 0, 20), (False, 1, 20), (True, 0, 2), (True, 2, 3)]
)
def test_sessions_that_are_lent_by_transaction_are_refused_before_anything_is_written(
    is_in_turn, others, most
):
    """Also by who is alone and gets the same session each time; *others* leave idle ones behind."""
    server = postgresql.server()
    name = server.empty()
    with Pooler(server, name, most=most) as pooler:
        pooler.is_by_transaction, pooler.is_in_turn = True, is_in_turn
        leave_idle(pooler.url, others)

        for opening in (open_database, open_for_reading):
            with pytest.raises(StorageError, match="PgBouncer's transaction mode"):
                opening(pooler.url)

    assert server.execute(_OURS, name) == [(0,)]


def leave_idle(url, count):
    connections = [psycopg.connect(url) for _ in range(count + 1)]
    for connection in connections:
        connection.execute("SELECT 1")
    for connection in connections:
        connection.commit()
        connection.close()


def test_a_pooler_that_keeps_sessions_serves_as_well_as_the_server():
    server = postgresql.server()
    name = server.empty()
    with Pooler(server, name) as pooler:
        database = open_database(pooler.url)
        written(database, "a")
        database.close()

    assert server.execute("SELECT 1 FROM meta WHERE key = 'a'", name) == [(1,)]


def test_a_pooler_that_is_told_to_lend_by_transaction_is_refused_by_who_connects_anew():
    server = postgresql.server()
    name = server.new()
    with Pooler(server, name) as pooler:
        database = open_database(pooler.url)
        pooler.is_by_transaction = True

        with pytest.raises(StorageError, match="PgBouncer's transaction mode"):
            written(database, "a")
        database.close()

    assert server.execute("SELECT 1 FROM daemons", name) == []


def test_a_pooler_with_too_few_sessions_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(postgresql_pooler, "WAIT_SECONDS", 0.2)
    server = postgresql.server()
    with (
        Pooler(server, server.empty(), most=1) as pooler,
        pytest.raises(StorageError, match="no more sessions to give"),
    ):
        open_database(pooler.url)
