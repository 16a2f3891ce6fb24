"""The one writer: groups, failures, order."""

import asyncio
import sqlite3
import threading

import pytest

from webhookd import clock
from webhookd.errors import StorageError


def put(key):
    return lambda connection: connection.execute("INSERT INTO meta VALUES (?, '')", (key,))


def keys(connection):
    query = (
        "SELECT key FROM meta"
        " WHERE key NOT IN ('schema_version', 'works_with', 'last_commit') ORDER BY key"
    )
    return [key for (key,) in connection.execute(query)]


def test_what_is_queued_during_a_commit_is_the_next_transaction(with_writer):
    async def work(writer):
        begun, go = threading.Event(), threading.Event()

        def slow(_connection):
            begun.set()
            assert go.wait(10)

        first = writer.write(slow)
        await asyncio.to_thread(begun.wait, 10)
        before = writer.read(lambda _: None)
        rest = [writer.write(put(f"k{number}")) for number in range(50)]
        seen = writer.read(keys)
        go.set()
        await asyncio.gather(first, before, *rest)
        return await seen

    assert len(with_writer(work)) == 50


def test_one_bad_unit_fails_alone(with_writer):
    async def work(writer):
        def bad(connection):
            put("half")(connection)
            raise ValueError("no good")

        futures = [writer.write(unit) for unit in (put("a"), bad, put("b"))]
        results = await asyncio.gather(*futures, return_exceptions=True)
        return results, await writer.read(keys)

    (first, failed, last), kept = with_writer(work)

    assert isinstance(failed, ValueError)
    assert not isinstance(first, BaseException)
    assert not isinstance(last, BaseException)
    assert kept == ["a", "b"]


def test_a_refusal_of_the_database_is_a_storage_error(with_writer):
    async def work(writer):
        await writer.write(put("a"))
        with pytest.raises(StorageError, match=r"(?i)unique"):
            await writer.write(put("a"))
        await writer.write(put("b"))
        return await writer.read(keys)

    assert with_writer(work) == ["a", "b"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_locked_database_is_an_error_and_not_the_end(with_writer, tmp_path, monkeypatch):
    monkeypatch.setattr("webhookd.storage.database.sqlite.BUSY_SECONDS", 0.05)

    async def work(writer):
        await writer.write(lambda connection: connection.execute("PRAGMA busy_timeout=50"))
        other = sqlite3.connect(tmp_path / "webhookd.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="locked"):
            await writer.write(put("a"))
        other.execute("ROLLBACK")
        other.close()
        await writer.write(put("a"))
        return await writer.read(keys)

    assert with_writer(work) == ["a"]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_another_process_s_lock_is_waited_for_once_and_not_by_every_unit(with_writer, tmp_path):
    async def work(writer):
        await writer.write(lambda connection: connection.execute("PRAGMA busy_timeout=250"))
        other = sqlite3.connect(tmp_path / "webhookd.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        begun = clock.monotonic()
        units = [writer.write(put(f"k{number}")) for number in range(80)]
        refused = await asyncio.gather(*units, return_exceptions=True)
        waited = clock.monotonic() - begun
        other.execute("ROLLBACK")
        other.close()
        await writer.write(put("a"))
        return refused, waited, await writer.read(keys)

    refused, waited, kept = with_writer(work)

    assert all(isinstance(error, StorageError) for error in refused)
    assert waited < 80 * 0.25 / 2
    assert kept == ["a"]


def test_a_write_is_answered_before_the_reads_that_saw_it(with_writer):
    async def work(writer):
        begun, go, order = threading.Event(), threading.Event(), []
        writer.write(lambda _: (begun.set(), go.wait(10)))
        await asyncio.to_thread(begun.wait, 10)
        read, write = writer.read(keys), writer.write(put("a"))
        read.add_done_callback(lambda done: order.append(("read", done.result())))
        write.add_done_callback(lambda _: order.append("write"))
        go.set()
        await asyncio.gather(read, write)
        return order

    assert with_writer(work) == ["write", ("read", ["a"])]


def test_closing_commits_what_is_queued(with_writer, database):
    async def work(writer):
        for number in range(20):
            writer.write(put(f"k{number}"))

    with_writer(work)

    with database.reading() as connection:
        assert len(keys(connection)) == 20


def test_a_unit_whose_caller_left_is_still_written(with_writer, database):
    async def work(writer):
        writer.write(put("a")).cancel()
        await writer.write(put("b"))
        return await writer.read(keys)

    assert with_writer(work) == ["a", "b"]


def test_a_bug_around_a_commit_is_the_error_of_its_units_and_the_thread_goes_on(
    with_writer, monkeypatch
):
    async def work(writer):
        serve, is_broken = writer._commits.serve, True

        def broken(group):
            if is_broken:
                raise RuntimeError("not today")
            serve(group)

        monkeypatch.setattr(writer._commits, "serve", broken)
        results = await asyncio.gather(writer.write(put("lost")), return_exceptions=True)
        is_broken = False
        await writer.write(put("kept"))
        return results, await writer.read(keys)

    (error,), kept = with_writer(work)

    assert isinstance(error, RuntimeError)
    assert kept == ["kept"]
