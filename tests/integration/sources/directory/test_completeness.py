"""Files that somebody writes straight into `new/`, by real writers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from functools import partial

import pytest

from tests.integration.sources.fakes import Drop, eventually, rows
from webhookd.sources.directory.arrivals import completeness
from webhookd.sources.directory.arrivals.completeness import Writer
from webhookd.sources.directory.arrivals.inotify import Arrival, FolderWatch
from webhookd.telemetry.events import FileGrowing, SourceUnwatched

signs_of = partial(completeness.signs_of, is_local=True)

SLOW_WRITER = """
import sys, time
path, mode, pieces = sys.argv[1], sys.argv[2], int(sys.argv[3])
file = open(path, "a")
for piece in range(pieces):
    file.write('{"id":"%d"}\\n{"id":"x' % piece)
    file.flush()
    if mode == "reopen":
        file.close()
    time.sleep(0.7)
    if mode == "reopen":
        file = open(path, "a")
    file.write('%d"}\\n' % piece)
    file.flush()
file.close()
"""


@pytest.fixture
def drop(tmp_path):
    return Drop(tmp_path / "crm")


@pytest.mark.parametrize("mode", ["hold", "reopen"])
def test_a_slow_writer_is_waited_for_and_warned_of_once(drop, mode):
    async def scene():
        async with drop.running():
            target = drop.root / "new" / "a.ndjson"
            writer = await asyncio.create_subprocess_exec(
                sys.executable, "-c", SLOW_WRITER, str(target), mode, "4"
            )
            drop.drop("b.ndjson", rows("other"))
            await eventually(lambda: drop.storage.ids == ["other"])
            await writer.wait()
            assert drop.storage.ids == ["other"]
            await eventually(lambda: len(drop.storage.ids) > 1)

    asyncio.run(scene())

    expected = [text for piece in range(4) for text in (f"{piece}", f"x{piece}")]
    assert drop.storage.ids == ["other", *expected]
    assert drop.reported.of(FileGrowing) == [FileGrowing("crm", "a.ndjson")]


def test_a_copy_is_taken_when_it_has_stood_still_for_two_seconds(drop, tmp_path):
    (tmp_path / "export.ndjson").write_text(rows(*range(50_000)))

    async def scene():
        async with drop.running():
            subprocess.run(  # noqa: ASYNC221 - over within milliseconds
                ["cp", tmp_path / "export.ndjson", drop.root / "new"],  # noqa: S607 - any cp will do
                check=True,
            )
            copied_at = time.monotonic()
            await eventually(lambda: drop.storage.ids)
            assert time.monotonic() - copied_at >= 1.9
            await eventually(lambda: len(drop.storage.ids) == 50_000)

    asyncio.run(scene())


def test_one_that_may_be_whole_is_not_overtaken(drop):
    """What was renamed within a tick of its last write looks so when nobody saw the rename."""
    (drop.root / "new").mkdir(parents=True)
    (drop.root / "new" / "a.ndjson").write_text(rows("first"))

    async def scene():
        async with drop.running():
            drop.drop("b.ndjson", rows("second"))
            await eventually(lambda: len(drop.storage.ids) > 1)

    asyncio.run(scene())

    assert drop.storage.ids == ["first", "second"]


def test_a_file_that_grows_while_it_is_read_is_read_to_its_end(drop):
    async def scene():
        async with drop.running():
            drop.drop("a.ndjson", rows(*range(20_000)) + '{"id":"ta')
            await eventually(lambda: drop.names("work") and drop.storage.ids)
            (path,) = (drop.root / "work").glob("*/a.ndjson")
            with path.open("a") as file:
                file.write('il"}\n' + rows("last"))
            await eventually(lambda: drop.is_settled)

    asyncio.run(scene())

    assert drop.storage.ids[-2:] == ["tail", "last"]
    assert len(drop.storage.ids) == 20_002


def test_the_end_of_a_file_that_grew_is_waited_for(drop):
    async def scene():
        async with drop.running():
            drop.drop("a.ndjson", rows(*range(20_000)))
            await eventually(lambda: drop.names("work") and drop.storage.ids)
            (path,) = (drop.root / "work").glob("*/a.ndjson")
            with path.open("a") as file:
                for piece in ('{"id":', '"la', 'st"}\n'):
                    file.write(piece)
                    file.flush()
                    await asyncio.sleep(0.5)
            await eventually(lambda: drop.is_settled)

    asyncio.run(scene())

    assert drop.storage.ids[-1] == "last"
    assert drop.names("done") == ["a.ndjson"]


def test_a_stop_does_not_wait_for_a_file_to_stand_still(drop):
    async def scene():
        async with drop.running() as task:
            drop.drop("a.ndjson", rows(*range(20_000)))
            await eventually(lambda: drop.names("work") and drop.storage.ids)
            (path,) = (drop.root / "work").glob("*/a.ndjson")
            with path.open("a") as file:
                file.write(rows("last"))
            await eventually(lambda: len(drop.storage.ids) > 15_000)
            started = time.monotonic()
            task.cancel()
            await asyncio.wait([task])
            assert time.monotonic() - started < completeness.STILL_AFTER

    asyncio.run(scene())


def test_a_writer_is_seen_and_its_absence_too(tmp_path):
    path = tmp_path / "a"
    with path.open("w"):
        assert signs_of(path).writer is Writer.SURELY
    assert signs_of(path).writer is Writer.SURELY_NOT


def test_a_writer_that_comes_is_not_held_up_and_does_not_kill_us(tmp_path):
    path = tmp_path / "a"
    path.touch()
    writer = subprocess.Popen(
        [sys.executable, "-c", f"for _ in range(3000): open({str(path)!r}, 'a').close()"]
    )
    looks = 0
    while writer.poll() is None:
        signs_of(path)
        looks += 1

    assert writer.returncode == 0
    assert looks > 100


def test_the_watch_tells_how_each_file_came(tmp_path):
    new = tmp_path / "new"
    new.mkdir()

    async def scene():
        watch = FolderWatch()
        watch.follow(new)
        try:
            (new / "copied").write_text("x")
            for name in ("moved", "moved then written", os.fsdecode(b"odd\xff"), "gone"):
                (tmp_path / "a").write_text("x")
                (tmp_path / "a").rename(new / name)
            os.link(new / "moved", new / "linked")
            (new / "gone").unlink()
            with (new / "moved then written").open("a") as open_file, (new / "new").open("w"):
                open_file.write("y")
                open_file.flush()
                await watch.wait(1)
                names = ("copied", "moved", "odd\udcff", "moved then written", "new", "linked")
                watch.catch_up()
                return [watch.arrival(name) for name in (*names, "gone")]
        finally:
            watch.close()

    assert asyncio.run(scene()) == [
        Arrival.CLOSED,
        Arrival.MOVED_IN,
        Arrival.MOVED_IN,
        Arrival.WRITTEN,
        Arrival.CREATED,
        Arrival.CREATED,
        Arrival.UNSEEN,
    ]


def test_what_happens_in_another_watched_folder_wakes_and_is_not_taken_for_moved_in(tmp_path):
    new, accepted = tmp_path / "new", tmp_path / "accepted"
    for folder in (new, accepted):
        folder.mkdir()

    async def scene():
        watch = FolderWatch()
        watch.follow(new, accepted)
        try:
            (tmp_path / "a").write_text("x")
            os.link(tmp_path / "a", accepted / "a")
            async with asyncio.timeout(20):
                await watch.wait(60)
            (tmp_path / "a").rename(new / "b")
            (accepted / "b").touch()
            watch.catch_up()
            return [watch.arrival(name) for name in "ab"]
        finally:
            watch.close()

    assert asyncio.run(scene()) == [Arrival.UNSEEN, Arrival.MOVED_IN]


def test_a_folder_that_cannot_be_watched_is_read_all_the_same(drop, monkeypatch):
    def refuse(self, *folders):
        raise OSError(24, "inotify instance limit reached")

    monkeypatch.setattr(FolderWatch, "follow", refuse)
    drop.drop("a.ndjson", rows("1"))

    async def scene():
        async with drop.running():
            await eventually(lambda: drop.storage.ids)

    asyncio.run(scene())

    assert len(drop.reported.of(SourceUnwatched)) == 1
