"""The drop directory on a real folder."""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import pathlib
import resource
import socket
import statistics
import time

import pytest

from tests.integration.sources.fakes import Drop, FakeStorage, eventually, rows
from webhookd.errors import SourceError, StorageError
from webhookd.model import BadRow, ClaimedFile
from webhookd.sources.directory import drop_directory, durable_moves, folders
from webhookd.sources.directory.arrivals.completeness import STILL_AFTER
from webhookd.telemetry.events import (
    DiskRanLow,
    FileFailed,
    FileIgnored,
    FileTaken,
    SourceBlocked,
    SourceRecovered,
    SourceUnreadable,
)


@pytest.fixture
def drop(tmp_path):
    return Drop(tmp_path / "crm")


async def run_until_settled(drop, **options):
    async with drop.running(**options):
        await eventually(lambda: drop.is_settled)


def failure(drop, name):
    return json.loads((drop.root / "failed" / f"{name}.error.json").read_text())


def test_it_creates_its_folders(drop):
    asyncio.run(run_until_settled(drop))

    assert sorted(path.name for path in drop.root.iterdir()) == [
        "accepted", "done", "failed", "new", "tmp", "work"
    ]  # fmt: skip


def test_a_folder_that_cannot_be_created_is_a_clear_error(tmp_path):
    (tmp_path / "crm").write_text("not a folder")

    with pytest.raises(SourceError, match="crm cannot be prepared"):
        asyncio.run(Drop(tmp_path / "crm").source().run())


def test_files_are_taken_in_the_order_of_their_names_and_archived(drop):
    for name in ("b.ndjson", "a.ndjson", "c.csv"):
        drop.drop(name, "id\nc\n" if name == "c.csv" else rows(name[0]))

    asyncio.run(run_until_settled(drop))

    assert drop.storage.ids == ["a", "b", "c"]
    assert drop.names("done") == ["a.ndjson", "b.ndjson", "c.csv"]
    assert [event.rows for event in drop.reported.of(FileTaken)] == [1, 1, 1]


def test_a_file_renamed_in_is_taken_at_once(drop):
    async def scene():
        waits = []
        async with drop.running():
            for number in range(5):
                await asyncio.sleep(0.02)
                started = time.monotonic()
                drop.drop(f"{number}.ndjson", rows(number), seconds_ago=0)
                await eventually(lambda: len(drop.storage.ids) > number)  # noqa: B023 - awaited at once
                waits.append(time.monotonic() - started)
        return waits

    waits = asyncio.run(scene())

    # A loaded machine may delay one or two; waiting for stillness would delay all.
    assert statistics.median(waits) < STILL_AFTER / 2


def test_a_name_in_done_is_never_overwritten(drop):
    for text in ("1", "2", "3"):
        drop.drop("a.ndjson", rows(text))
        asyncio.run(run_until_settled(drop))

    assert drop.names("done") == ["a.ndjson", "a.ndjson~2", "a.ndjson~3"]
    assert [(drop.root / "done" / name).read_text() for name in drop.names("done")] == [
        rows("1"), rows("2"), rows("3")
    ]  # fmt: skip


def test_done_files_are_deleted_when_asked_but_failed_ones_never(tmp_path):
    drop = Drop(tmp_path / "crm", on_done="delete")
    drop.drop("a.ndjson", rows("1"))
    drop.drop("b.ndjson", rows("2") + "oops\n" + rows("3"))

    asyncio.run(run_until_settled(drop))

    assert drop.names("done") == []
    assert drop.names("failed") == ["b.ndjson", "b.ndjson.error.json"]
    assert drop.storage.ids == ["1", "2", "3"]


def test_bad_rows_are_listed_and_the_good_ones_taken(drop):
    drop.drop("a.ndjson", rows("1") + "oops\n" * 1500 + rows("2"))

    asyncio.run(run_until_settled(drop))

    found = failure(drop, "a.ndjson")
    assert drop.storage.ids == ["1", "2"]
    assert (found["file"], found["rows_taken"], found["rows_read"]) == ("a.ndjson", 2, 1502)
    assert (found["bad_rows_count"], len(found["bad_rows"])) == (1500, 1000)
    assert found["bad_rows"][0]["line"] == 2
    assert found["taken"] == "every row was taken but the bad ones"
    (event,) = drop.reported.of(FileFailed)
    assert (event.file, event.rows, event.bad_rows) == ("a.ndjson", 2, 1500)
    assert event.error_file == str(drop.root / "failed" / "a.ndjson.error.json")
    (put_away,) = drop.storage.put_away
    assert put_away.error == "a.ndjson: 1500 of 1,502 rows are bad; all others were taken"


def test_a_file_that_breaks_midway_keeps_the_rows_before(drop):
    drop.drop("a.json", '[{"id":"1"},{"id":"2"}, {"id":')

    asyncio.run(run_until_settled(drop))

    found = failure(drop, "a.json")
    assert drop.storage.ids == ["1", "2"]
    assert (found["line"], found["column"], found["is_complete"]) == (1, 25, False)
    assert found["taken"] == "the first 2 rows were taken; none after them"


def test_an_empty_file_is_done(drop):
    for name in ("a.csv", "b.json", "c.ndjson", "d.csv.gz"):
        drop.drop(name, "")

    asyncio.run(run_until_settled(drop))

    assert len(drop.names("done")) == 4


def test_gzip_goes_by_suffix_or_content(drop):
    drop.drop("a.ndjson.gz", gzip.compress(rows("1").encode()) + gzip.compress(rows("2").encode()))
    drop.drop("b.ndjson", gzip.compress(b"\xef\xbb\xbf" + rows("3").encode()))

    asyncio.run(run_until_settled(drop))

    assert drop.storage.ids == ["1", "2", "3"]
    assert drop.names("failed") == []


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.ndjson.gz", b"plain", "gzip"),
        ("a.ndjson.gz", gzip.compress(rows(*range(50_000)).encode(), mtime=0)[:-100], "gzip"),
        ("a.txt", b"x", "set the source's `format`"),
        ("a.ndjson", '{"id": 1}'.encode("utf-16"), "UTF-16"),
        ("a.csv", "id,a\n1,2\n".encode("utf-16-be"), "csv.encoding"),
        ("a.csv", "id,größe\n1,2\n".encode("cp1252"), "csv.encoding"),
        ("a.csv", b"name\nx\n", "no column 'id'"),
    ],
)
def test_what_is_wrong_with_a_whole_file_is_said(drop, name, content, says):
    drop.drop(name, content)
    drop.drop("z.ndjson", rows("good"))

    asyncio.run(run_until_settled(drop))

    assert says in failure(drop, name)["reason"]
    assert drop.storage.ids[-1] == "good"


def test_a_byte_order_mark_is_no_part_of_the_first_name(drop):
    drop.drop("a.csv", b"\xef\xbb\xbfid,a\n1,2\n")

    asyncio.run(run_until_settled(drop))

    assert drop.storage.taken[0].properties == {"id": '"1"', "a": '"2"'}


def test_a_set_format_goes_before_the_suffix(tmp_path):
    drop = Drop(tmp_path / "crm", format="csv", id_property="key")
    drop.drop("export.txt", "key;a\n1;2\n")

    asyncio.run(run_until_settled(drop))

    assert drop.storage.ids == ["1"]


def test_what_is_no_regular_file_is_never_opened_or_followed(drop):
    drop.drop("z.ndjson", rows("good"))
    new = drop.root / "new"
    secret = drop.root / "secret.ndjson"
    secret.write_text(rows("stolen"))
    (new / "a-link.ndjson").symlink_to(secret)
    (new / "b-folder.ndjson").mkdir()
    (new / "b-folder.ndjson" / "inside").write_text("x")
    os.mkfifo(new / "c-pipe.ndjson")
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(new)
        listener.bind("d-socket.ndjson")
        os.chdir("/")

    asyncio.run(run_until_settled(drop))

    assert drop.storage.ids == ["good"]
    kinds = {"a-link": "link", "b-folder": "folder", "c-pipe": "pipe", "d-socket": "socket"}
    for name, kind in kinds.items():
        assert kind in failure(drop, f"{name}.ndjson")["reason"]
        assert os.path.lexists(drop.root / "failed" / f"{name}.ndjson")
    assert (drop.root / "failed" / "b-folder.ndjson" / "inside").exists()
    assert secret.exists()


def test_dot_names_are_left_and_reported_once(drop):
    (drop.root / "new").mkdir(parents=True)
    (drop.root / "new" / ".a.csv.Xk3j").write_text("x")

    async def scene():
        async with drop.running():
            for number in range(3):
                drop.drop(f"{number}.ndjson", rows(number))
                await eventually(lambda: len(drop.storage.ids) > number)  # noqa: B023 - awaited at once

    asyncio.run(scene())

    assert [event.file for event in drop.reported.of(FileIgnored)] == [".a.csv.Xk3j"]
    assert drop.names("new") == [".a.csv.Xk3j"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable to root")
def test_a_file_one_may_not_read_fails(drop):
    drop.drop("a.ndjson", rows("1"))
    (drop.root / "new" / "a.ndjson").chmod(0)

    asyncio.run(run_until_settled(drop))

    assert "Permission denied" in failure(drop, "a.ndjson")["reason"]


@pytest.mark.parametrize(
    "name", [b"odd\xff\xfe.ndjson", b"new\nline\x1b.ndjson", b"x" * 248 + b".ndjson"]
)
def test_any_name_is_taken_or_failed_and_shown_safely(drop, name):
    for content in (rows("1"), rows("2"), "oops\n", "oops\n"):
        drop.drop(os.fsdecode(name), content)
        asyncio.run(run_until_settled(drop))

    assert drop.storage.ids == ["1", "2"]
    assert len(drop.names("done")) == 2
    assert len(drop.names("failed")) == 4
    files = [event.file for event in drop.reported.events if hasattr(event, "file")]
    assert len(files) >= 4
    assert all(name.encode() and name.isprintable() for name in files)


def test_an_old_error_report_is_never_overwritten(drop):
    (drop.root / "failed").mkdir(parents=True)
    (drop.root / "failed" / "a.ndjson.error.json").write_text("[" * 100_000)
    drop.drop("a.ndjson", "oops\n")

    asyncio.run(run_until_settled(drop))

    assert drop.names("failed") == [
        "a.ndjson.error.json", "a.ndjson~2", "a.ndjson~2.error.json"
    ]  # fmt: skip


def test_the_first_file_is_taken_as_known_when_starting_now(tmp_path):
    drop = Drop(tmp_path / "crm", start="now")
    drop.drop("a.ndjson", rows(*range(1200)))
    drop.drop("b.ndjson", rows("new"))

    asyncio.run(run_until_settled(drop))

    assert drop.storage.as_known == [True] * 1200 + [False]


def test_a_database_that_refuses_is_waited_for_and_nothing_is_skipped(drop):
    drop.drop("a.ndjson", rows(*range(1200)))
    drop.storage.refusals = 5

    asyncio.run(run_until_settled(drop))

    assert drop.storage.ids == [str(number) for number in range(1200)]
    assert drop.reported.of(SourceBlocked)


def test_low_disk_stops_claiming_until_there_is_room(drop):
    drop.drop("a.ndjson", rows("1"))

    async def scene():
        async with drop.running(least_free=1 << 62):
            await eventually(lambda: drop.reported.of(DiskRanLow))
            drop.drop("b.ndjson", rows("2"))
            await asyncio.sleep(0.1)
            assert drop.names("new") == ["a.ndjson", "b.ndjson"]

    asyncio.run(scene())
    assert len(drop.reported.of(DiskRanLow)) == 1

    asyncio.run(run_until_settled(drop))
    assert drop.storage.ids == ["1", "2"]


def test_a_directory_that_vanishes_is_reported_once_and_read_when_it_is_back(drop):
    async def scene():
        async with drop.running():
            drop.root.rename(drop.root.with_name("away"))
            drop.root.with_name("away").joinpath("new", "wake").touch()
            await eventually(lambda: drop.reported.of(SourceUnreadable))
            await asyncio.sleep(0.3)
            drop.root.with_name("away").joinpath("new", "wake").unlink()
            drop.root.with_name("away").rename(drop.root)
            drop.drop("a.ndjson", rows("1"))
            await eventually(lambda: drop.storage.ids)
            await eventually(lambda: drop.reported.of(SourceRecovered))
            started = time.monotonic()
            drop.drop("b.ndjson", rows("2"))
            await eventually(lambda: len(drop.storage.ids) == 2)
            # Not by the scan that comes now and then: the new folder is watched.
            assert time.monotonic() - started < drop_directory._SCAN_EVERY / 2

    asyncio.run(scene())

    assert len(drop.reported.of(SourceUnreadable)) == 1
    (error,) = drop.storage.errors
    assert str(drop.root) in error
    assert drop.storage.put_away[0].error is None


def test_a_row_whose_folder_is_not_mounted_is_kept(drop):
    drop.storage.files["0001"] = ClaimedFile("crm", "0001", "a.ndjson", rows_taken=1)

    async def scene():
        async with drop.running():
            await eventually(lambda: drop.reported.of(FileIgnored))

    asyncio.run(scene())

    assert "0001" in drop.storage.files


def test_a_clean_stop_in_the_middle_is_no_crash_and_goes_on_where_it_was(drop):
    drop.drop("a.ndjson", rows(*range(5000)))

    async def scene():
        async with drop.running() as task:
            await eventually(lambda: drop.storage.ids)
            task.cancel()

    for _ in range(6):
        asyncio.run(scene())
        assert all(file.openings == 0 for file in drop.storage.files.values())
    asyncio.run(run_until_settled(drop))

    assert drop.storage.ids == [str(number) for number in range(5000)]


def test_stops_before_the_first_progress_are_no_crashes(tmp_path):
    class RefusingStorage(FakeStorage):
        is_refusing = True

        async def ingest(self, batch):
            if self.is_refusing:
                raise StorageError("not now")
            await super().ingest(batch)

    drop = Drop(tmp_path / "crm", RefusingStorage())
    drop.drop("a.ndjson", rows("1"))

    async def scene():
        async with drop.running():
            await eventually(lambda: drop.reported.of(SourceBlocked))

    for _ in range(5):
        drop.reported.events.clear()
        asyncio.run(scene())
    drop.storage.is_refusing = False
    asyncio.run(run_until_settled(drop))

    assert drop.storage.ids == ["1"]


def test_a_link_put_there_after_the_look_is_not_followed(drop, monkeypatch):
    drop.drop("a.ndjson", "")
    secret = drop.root / "secret.ndjson"
    secret.write_text(rows("stolen"))
    (drop.root / "new" / "a.ndjson").unlink()
    (drop.root / "new" / "a.ndjson").symlink_to(secret)
    monkeypatch.setattr(pathlib.Path, "lstat", pathlib.Path.stat)

    async def scene():
        async with drop.running():
            await eventually(lambda: drop.reported.of(FileFailed))

    asyncio.run(scene())

    assert drop.storage.ids == []


@pytest.mark.parametrize("openings", [2, 3])
def test_a_file_is_set_aside_unopened_after_three_crashes_without_progress(drop, openings):
    folder = drop.root / "work" / "0001"
    folder.mkdir(parents=True)
    (folder / "a.ndjson").write_text(rows("1", "2"))
    drop.storage.files["0001"] = ClaimedFile(
        "crm", "0001", "a.ndjson", rows_taken=1, openings=openings
    )

    asyncio.run(run_until_settled(drop))

    if openings == 3:
        assert drop.storage.ids == []
        assert "3 times without progress" in failure(drop, "a.ndjson")["reason"]
        assert failure(drop, "a.ndjson")["rows_taken"] == 1
    else:
        assert drop.storage.ids == ["2"]


def test_a_finished_file_with_bad_rows_is_put_away_unread(drop):
    folder = drop.root / "work" / "0001"
    folder.mkdir(parents=True)
    (folder / "a.ndjson").write_text("whatever")
    drop.storage.files["0001"] = ClaimedFile(
        "crm", "0001", "a.ndjson", rows_taken=9, bad_count=1, openings=9, is_finished=True
    )
    drop.storage.bad["0001"] = [BadRow(3, 1, "bad")]

    asyncio.run(run_until_settled(drop))

    assert drop.storage.ids == []
    assert failure(drop, "a.ndjson")["bad_rows"] == [{"line": 3, "column": 1, "reason": "bad"}]


def test_a_file_whose_links_are_refused_is_moved_by_rename(drop, monkeypatch):
    def refuse(*_, **__):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(durable_moves.os, "link", refuse)
    for text in ("1", "2"):
        drop.drop("a.ndjson", rows(text))
        asyncio.run(run_until_settled(drop))

    assert (drop.root / "done" / "a.ndjson").read_text() == rows("1")
    assert (drop.root / "done" / "a.ndjson~2").read_text() == rows("2")


def test_one_file_that_cannot_be_moved_does_not_hold_up_the_others(drop, monkeypatch):
    rename = os.rename

    def refusing(source, target):
        if source.name == "a.ndjson":
            raise PermissionError(1, "Operation not permitted")
        rename(source, target)

    drop.drop("a.ndjson", rows("1"))
    drop.drop("b.ndjson", rows("2"))
    drop.drop("c.ndjson", rows("3"))
    monkeypatch.setattr(os, "rename", refusing)

    async def scene():
        async with drop.running():
            await eventually(lambda: len(drop.storage.ids) == 2)

    asyncio.run(scene())

    assert len(drop.reported.of(FileIgnored)) == 1


def test_a_disk_that_refuses_is_the_sources_trouble_and_passes(drop, monkeypatch):
    claim = folders.Folders.claim
    refusals = iter([True, True])

    def refusing(self, wanted):
        if next(refusals, False):
            raise OSError(28, "No space left on device")
        return claim(self, wanted)

    monkeypatch.setattr(folders.Folders, "claim", refusing)
    drop.drop("a.ndjson", rows("1"))

    asyncio.run(run_until_settled(drop))

    assert drop.storage.ids == ["1"]
    assert len(drop.reported.of(SourceUnreadable)) == 1


def test_the_event_loop_goes_on_while_a_file_is_read(drop):
    drop.drop("a.ndjson", rows(*range(30_000)))

    async def scene():
        longest, started = 0.0, time.monotonic()
        async with drop.running():
            while not (drop.storage.ids and drop.is_settled):
                before = time.monotonic()
                await asyncio.sleep(0)
                longest = max(longest, time.monotonic() - before)
        return longest, time.monotonic() - started

    longest, whole = asyncio.run(scene())

    assert longest < whole / 2


@pytest.mark.parametrize("suffix", ["csv", "json", "ndjson", "ndjson.gz"])
def test_memory_stays_flat_whatever_the_length_of_a_file(tmp_path, suffix):
    class ForgettingStorage(FakeStorage):
        async def ingest(self, batch):
            await super().ingest(batch)
            self.count = getattr(self, "count", 0) + len(self.taken)
            self.taken.clear()
            self.as_known.clear()

    drop = Drop(tmp_path / "crm", ForgettingStorage())
    filling = "x" * 400
    line = {"csv": f"%d,{filling}\n", "json": f'{{"id":%d,"a":"{filling}"}},\n'}.get(
        suffix, f'{{"id":%d,"a":"{filling}"}}\n'
    )
    text = "".join(line % number for number in range(100_000))
    if suffix == "csv":
        text = "id,a\n" + text
    if suffix == "json":
        text = "[" + text[:-2] + "]"
    content = text.encode()
    drop.drop(f"a.{suffix}", gzip.compress(content, 1) if suffix.endswith("gz") else content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    asyncio.run(run_until_settled(drop))

    assert drop.storage.count == 100_000
    # The file has over 40 MB; what a thread's allocator keeps has been seen to be 20.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 35 * 1024
