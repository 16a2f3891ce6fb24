"""Producers that open a file again which was closed, and write when it has been put away.

A root process can lease every file, and a lease tells of each writer; so these tests take leases
away, as they are for the daemon's own user where producers are others.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.integration.sources.dropping import Dropping
from tests.integration.sources.fakes import Drop, eventually, rows
from webhookd.model import FilesProgress
from webhookd.sources.directory import drop_directory
from webhookd.telemetry.events import FileChanged, FileFailed, FileTaken, FileWrittenLate

APPENDER = """
import os, sys
user, path, mode = sys.argv[1:]
if int(user) != os.getuid():
    os.setuid(int(user))
with open(path, "wb", buffering=0) as file:
    file.write(bytes.fromhex(sys.stdin.readline()))
with open(path, mode, buffering=0) as file:
    for line in sys.stdin:
        file.write(bytes.fromhex(line))
"""


class Appender:
    """A producer that writes a file, closes it, opens it again, and writes when it is told to."""

    def __init__(self, path, first: bytes, *, user, mode="ab"):
        command = [sys.executable, "-c", APPENDER, str(user), str(path), mode]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE)
        self.write(first)

    def write(self, content: bytes):
        self._process.stdin.write(content.hex().encode() + b"\n")
        self._process.stdin.flush()

    def close(self):
        self._process.stdin.close()
        assert self._process.wait() == 0


@pytest.fixture
def drop(open_folder, monkeypatch):
    monkeypatch.setattr(drop_directory, "is_local", lambda _: False)
    return Drop(open_folder / "crm", settle=timedelta(seconds=2))


def run(drop, name, first, later, *, user=0, mode="ab", until):
    """Have *first* taken while a writer has the file open, which then writes *later*."""

    async def scene():
        async with drop.running():
            appender = Appender(drop.root / "new" / name, first, user=user, mode=mode)
            await eventually(lambda: drop.reported.of(FileTaken) or drop.reported.of(FileFailed))
            for piece in later:
                appender.write(piece)
            appender.close()
            await eventually(until)

    asyncio.run(scene())


def ndjson(*ids):
    return rows(*ids).encode()


@pytest.mark.parametrize(
    ("name", "first", "later"),
    [
        ("a.ndjson", ndjson(1, 2), [ndjson(3), ndjson(4)]),
        ("a.csv", b"id,b\n1,x\n2,y\n3,z", [b"z\n4,v\n"]),
        ("a.ndjson.gz", gzip.compress(ndjson(1, 2)), [gzip.compress(ndjson(3, 4))]),
    ],
    ids=["ndjson", "half a row of csv", "another member"],
)
def test_what_is_appended_after_all_is_taken(drop, user, name, first, later):
    run(drop, name, first, later, user=user, until=lambda: {"3", "4"} <= set(drop.storage.ids))

    # The last row may have been half of one: it is taken again.
    assert sorted(set(drop.storage.ids)) == ["1", "2", "3", "4"]
    assert drop.storage.ids.count("1") == 1
    assert drop.reported.of(FileChanged)
    assert not drop.reported.of(FileWrittenLate)


@pytest.mark.parametrize("pause", [3, 6])
def test_who_has_a_closed_file_open_again_is_waited_for(drop, user, pause):
    drop.settings = replace(drop.settings, settle=timedelta(seconds=20))

    async def scene():
        async with drop.running():
            appender = Appender(drop.root / "new" / "a.ndjson", ndjson(1), user=user)
            await asyncio.sleep(pause)
            appender.write(ndjson(2))
            appender.close()
            await eventually(lambda: drop.names("done"))

    asyncio.run(scene())

    assert drop.storage.ids == ["1", "2"]
    assert not drop.reported.of(FileChanged)


def test_who_only_looks_into_a_file_does_not_hold_it_up_for_ever(drop):
    async def scene():
        async with drop.running():
            path = drop.root / "new" / "a.ndjson"
            path.write_text(rows("1"))
            with path.open("rb"):
                await eventually(lambda: drop.names("done"))

    asyncio.run(scene())

    assert drop.storage.ids == ["1"]


def test_a_file_is_appended_to_again_and_again(drop, user):
    async def scene():
        async with drop.running():
            appender = Appender(drop.root / "new" / "a.ndjson", ndjson(0), user=user)
            await eventually(lambda: drop.reported.of(FileTaken))
            appender.close()
            for number in range(1, 4):
                with (drop.root / "done" / "a.ndjson").open("ab") as file:
                    file.write(ndjson(number))
                await eventually(lambda: str(number) in drop.storage.ids)  # noqa: B023 - awaited
                await eventually(lambda: drop.names("done") == ["a.ndjson"])

    asyncio.run(scene())

    assert sorted(set(drop.storage.ids)) == ["0", "1", "2", "3"]


@pytest.mark.parametrize(
    ("settings", "first", "later", "mode", "said"),
    [
        ({"on_done": "delete"}, ndjson(1), ndjson(2), "ab", "deleted"),
        ({}, b"{x}\n", ndjson(2), "ab", "failed/"),
        ({}, ndjson(1), ndjson(2), "r+b", "overwritten"),
    ],
    ids=["deleted", "failed", "overwritten"],
)
def test_what_cannot_be_taken_is_an_error(drop, user, settings, first, later, mode, said):
    drop.settings = replace(drop.settings, **settings)

    run(
        *(drop, "a.ndjson", first, [later]),
        user=user,
        mode=mode,
        until=lambda: drop.reported.of(FileWrittenLate),
    )

    (told,) = drop.reported.of(FileWrittenLate)
    assert said in told.reason


def test_a_file_that_nobody_writes_to_is_not_taken_again(drop):
    drop.drop("a.ndjson", rows("1"))

    async def scene():
        async with drop.running():
            await eventually(lambda: drop.names("done"))
            path = drop.root / "done" / "a.ndjson"
            path.read_bytes()
            path.open("ab").close()
            os.utime(path)
            path.chmod(0o600)
            drop.drop("b.ndjson", rows("2"))
            await eventually(lambda: len(drop.names("done")) == 2)

    asyncio.run(scene())

    assert drop.storage.ids == ["1", "2"]
    assert not drop.reported.of(FileChanged)
    assert not drop.reported.of(FileWrittenLate)


class Awaited(Dropping):
    """A drop directory that is settled only when as many deliveries as *expected* were stored."""

    expected = 0

    @property
    def is_settled(self):
        return super().is_settled and len(self.deliveries()) >= self.expected


@pytest.mark.parametrize("on_done", ["archive", "delete"])
def test_what_comes_between_the_last_row_and_the_move_is_taken(open_folder, on_done):
    dropping = Awaited(open_folder, on_done=on_done, settle=timedelta(seconds=1))
    dropping.drop("a.ndjson", rows("1"))
    dropping.expected = 2

    dropping.run(wrap=lambda ledger, take: (ledger, _Appending(take, dropping.root, "2")))

    assert [told[0] for told in dropping.deliveries()] == ["1", "2"]
    assert dropping.names("done") == (["a.ndjson"] if on_done == "archive" else [])
    assert dropping.reported.of(FileChanged)


def test_a_snapshot_that_grew_late_is_taken_anew_if_nothing_came_since(open_folder):
    dropping = Awaited(open_folder, content="snapshot", settle=timedelta(seconds=1))
    dropping.drop("a.ndjson", rows(1, 2, 3))
    dropping.run()
    dropping.drop("b.ndjson", rows(1, 2))
    dropping.expected = 5

    dropping.run(wrap=lambda ledger, take: (ledger, _Appending(take, dropping.root, "3")))

    told = [told[:2] for told in dropping.deliveries()[3:]]
    assert told == [("3", "deleted"), ("3", "created")]
    assert dropping.reported.of(FileChanged)


class _Appending:
    """Takes batches; behind the last one of a file a row is appended to it, once."""

    def __init__(self, take, root, record_id):
        self._take = take
        self._root = root
        self._record_id = record_id

    async def __call__(self, batch):
        taken = await self._take(batch)
        made = batch.progress
        every = made.files if isinstance(made, FilesProgress) else [made]
        if every[-1].is_finished and self._record_id:
            (path,) = (self._root / "work").glob("*/*")
            with path.open("a") as file:
                file.write(rows(self._record_id))
            self._record_id = None
        return taken
