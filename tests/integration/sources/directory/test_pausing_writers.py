"""Producers that pause while they write into `new/`, of this user and of others."""

from __future__ import annotations

import asyncio
import gzip
import os
import subprocess
import sys
import time
from datetime import timedelta
from itertools import chain

import pytest

from tests.integration.sources.dropping import Dropping
from tests.integration.sources.fakes import OTHER_USER, Drop, eventually, rows
from webhookd.sources.directory.arrivals import completeness
from webhookd.telemetry.events import FileChanged, FileEmpty, FileFailed, FileIgnored, FileMisplaced

WRITER = """
import os, sys, time
user, path, pause, *pieces = sys.argv[1:]
if int(user) != os.getuid():
    os.setuid(int(user))
with open(path, "ab", buffering=0) as file:
    for piece in pieces:
        time.sleep(float(pause))
        file.write(bytes.fromhex(piece))
    time.sleep(float(pause))
"""

PAUSE = 3.0
"""Seconds; longer than what a file that was closed stands still for."""


def a_writer(path, *pieces, user, pause=PAUSE):
    """Begin to write *pieces* at *path*, with a pause before each and at the end."""
    shown = [piece.hex() for piece in pieces]
    command = [sys.executable, "-c", WRITER, str(user), str(path), str(pause), *shown]
    return subprocess.Popen(command)


@pytest.fixture
def drop(open_folder):
    return Drop(open_folder / "crm")


def test_a_pause_longer_than_any_stillness_loses_nothing(drop, user):
    """Half a row, a first flush that is late, gzip in pieces, and a header that is cut."""
    content = rows(*range(60)).encode()
    packed = gzip.compress(rows(*range(100, 160)).encode())

    async def scene():
        async with drop.running():
            new = drop.root / "new"
            writers = (
                a_writer(new / "a.ndjson", content[:333], content[333:], user=user),
                a_writer(new / "b.ndjson", rows("late").encode(), user=user, pause=2 * PAUSE),
                a_writer(new / "c.ndjson.gz", packed[:9], packed[9:], user=user),
                a_writer(new / "d.csv", b"id,na", b"me\ncsv,x", b"y\n", user=user),
            )
            for writer in writers:
                await asyncio.to_thread(writer.wait)
            await eventually(lambda: len(drop.names("done")) == 4)

    asyncio.run(scene())

    expected = {*map(str, range(60)), *map(str, range(100, 160)), "late", "csv"}
    assert sorted(drop.storage.ids) == sorted(expected)
    (row,) = [one for one in drop.storage.taken if one.record_id == "csv"]
    assert row.properties["name"] == '"xy"'
    assert not drop.reported.of(FileFailed)
    assert not drop.reported.of(FileEmpty)


def test_a_writer_does_not_hold_up_other_files(drop, user):
    async def scene():
        async with drop.running():
            writer = a_writer(drop.root / "new" / "a.ndjson", rows("slow").encode(), user=user)
            await eventually(lambda: drop.names("new"))
            drop.drop("b.ndjson", rows("quick"))
            await eventually(lambda: drop.storage.ids)
            assert writer.poll() is None
            await asyncio.to_thread(writer.wait)
            await eventually(lambda: len(drop.storage.ids) == 2)

    asyncio.run(scene())

    assert drop.storage.ids == ["quick", "slow"]


def test_what_was_published_by_a_link_or_a_rename_is_taken_at_once(drop, tmp_path):
    async def published(publish, name):
        (tmp_path / name).write_text(rows(name))
        began = time.monotonic()
        publish(tmp_path / name, drop.root / "new" / f"{name}.ndjson")
        await eventually(lambda: name in drop.storage.ids)
        return time.monotonic() - began

    async def scene():
        async with drop.running():
            for publish in (os.link, os.rename):
                took = [
                    await published(publish, f"{publish.__name__}-{letter}") for letter in "abc"
                ]
                # A busy machine may be slow once.
                assert min(took) < completeness.STILL_AFTER

    asyncio.run(scene())


@pytest.mark.skipif(os.getuid() != 0, reason="only root can write as another user")
def test_where_no_writer_can_be_seen_the_set_time_counts(drop):
    """A file that another user began before the daemon came."""
    path = drop.root / "new" / "a.ndjson"
    drop.settings = type(drop.settings)("crm", drop.root, "contacts", settle=timedelta(seconds=4))
    with a_writer(path, rows("1").encode(), rows("2").encode(), user=OTHER_USER, pause=2.5):
        asyncio.run(_until_taken(drop, path))

    assert drop.storage.ids == ["1", "2"]


async def _until_taken(drop, path):
    await eventually(lambda: path.exists() and path.stat().st_size)
    async with drop.running():
        await eventually(lambda: drop.names("done"))


def test_unfinished_names_and_markers_are_left_and_taken_once_they_are_renamed(drop):
    unfinished = ["a.ndjson.filepart", "a.ndjson.PART", "~a.ndjson", ".a.ndjson.x7Yz", "a.tmp"]
    markers = ["a.ndjson.md5", "a.done", "Thumbs.db", "a.sha256"]
    drop.settings = type(drop.settings)("crm", drop.root, "contacts", ignore=("*.BAK",))
    own = ["old.ndjson.bak"]

    async def scene():
        async with drop.running():
            for name in chain(unfinished, markers, own):
                drop.drop(name, rows("1"))
            drop.drop("z.ndjson", rows("2"))
            await eventually(lambda: drop.storage.ids)
            assert drop.names("new") == sorted([*unfinished, *markers, *own])
            (drop.root / "new" / "a.ndjson.filepart").rename(drop.root / "new" / "a.ndjson")
            await eventually(lambda: len(drop.storage.ids) == 2)

    asyncio.run(scene())

    assert drop.storage.ids == ["2", "1"]
    assert len(drop.reported.of(FileIgnored)) == len(unfinished) + len(markers) + len(own)


def test_every_name_is_taken_where_nothing_is_ignored(drop):
    drop.settings = type(drop.settings)("crm", drop.root, "contacts", ignore=(), format="ndjson")
    drop.drop("a.part", rows("1"))
    drop.drop(".b", rows("2"))

    async def scene():
        async with drop.running():
            await eventually(lambda: len(drop.storage.ids) == 2)

    asyncio.run(scene())


def test_an_empty_file_and_one_in_the_wrong_place_are_warned_of_once(drop):
    drop.drop("a.ndjson", "")
    (drop.root / "lost.ndjson").write_text(rows("1"))
    (drop.root / "lost.ndjson.part").write_text(rows("1"))

    async def scene():
        async with drop.running():
            await eventually(lambda: drop.names("done"))
            drop.drop("b.ndjson", rows("2"))
            await eventually(lambda: len(drop.names("done")) == 2)

    asyncio.run(scene())

    assert drop.reported.of(FileEmpty) == [FileEmpty("crm", "a.ndjson")]
    assert drop.reported.of(FileMisplaced) == [FileMisplaced("crm", "lost.ndjson")]


@pytest.fixture
def dropping(tmp_path):
    return Dropping(tmp_path, content="snapshot")


@pytest.mark.parametrize("seen_in", ["counting", "taking", "deleting"])
def test_a_snapshot_that_grows_is_counted_anew_before_anything_is_deleted(dropping, seen_in):
    everybody = [*range(1200)]
    dropping.take("a.ndjson", rows(*everybody))
    grown = []

    def wrap(ledger, take):
        wrapped = _Growing(ledger, dropping.root, seen_in, rows(*everybody[700:]), grown)
        return wrapped, take

    dropping.drop("b.ndjson", rows(*everybody[:700]))
    dropping.run(wrap=wrap)

    assert grown
    assert dropping.names("done") == ["a.ndjson", "b.ndjson"]
    assert [told for told in dropping.deliveries() if told[1] == "deleted"] == []
    # What comes while the end is still ahead is read like all the rest.
    assert seen_in == "counting" or dropping.reported.of(FileChanged)


class _Growing:
    """A ledger during whose work the claimed file grows, once."""

    def __init__(self, ledger, root, seen_in, rest, grown):
        self._ledger = ledger
        self._root = root
        self._method = {"counting": "count", "taking": "begin", "deleting": "missing"}[seen_in]
        self._rest = rest
        self._grown = grown
        self._calls = 0

    def __getattr__(self, name):
        method = getattr(self._ledger, name)
        if name != self._method or self._grown:
            return method

        async def growing(*arguments):
            self._calls += 1
            # `missing` is asked before the file is taken, too: only later it is about to delete.
            if self._method != "missing" or self._calls > 1:
                (path,) = (self._root / "work").glob("*/b.ndjson")
                with path.open("a") as file:
                    file.write(self._rest)
                self._grown.append(path)
            return await method(*arguments)

        return growing
