"""Reading is bounded by work: a stop is seen, and files that are something else are set aside."""

from __future__ import annotations

import asyncio
import gzip
import json
import time

import pytest

from tests.integration.sources.fakes import Drop, eventually, rows
from webhookd.telemetry.events import FileChanged, FileFailed, FileHeaderRepeated

MANY = 60 << 20
"""Bytes. What is that long is made when its test comes, and not in every worker at its start."""


@pytest.fixture
def drop(tmp_path):
    return Drop(tmp_path / "crm")


def reason_of(drop, name):
    return json.loads((drop.root / "failed" / f"{name}.error.json").read_text())["reason"]


def until_settled(drop):
    async def scene():
        async with drop.running():
            await eventually(lambda: drop.is_settled)

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ndjson.gz", lambda: b"\n" * MANY),
        ("a.csv.gz", lambda: b"id\n" + b"\n" * MANY),
        ("b.csv.gz", lambda: b"id\n" + b'"\n' + b"a\n" * (MANY // 2)),
        ("a.json.gz", lambda: b"[" + b" " * MANY),
        ("b.json.gz", lambda: b"[" + b"{" * MANY),
        ("c.ndjson.gz", lambda: b"x" * MANY),
        ("d.csv", lambda: b"\n" * MANY),
    ],
)
def test_a_stop_is_seen_where_no_row_comes(drop, name, content):
    written = content()
    drop.drop(name, gzip.compress(written, 1) if name.endswith(".gz") else written)

    async def scene():
        async with drop.running() as task:
            await eventually(lambda: drop.names("work") or drop.names("failed"))
            await asyncio.sleep(0.1)
            began = time.monotonic()
            task.cancel()
            await asyncio.wait([task])
            assert time.monotonic() - began < 2

    asyncio.run(scene())


def test_many_members_without_content_are_bounded_too(drop):
    drop.drop("a.ndjson.gz", gzip.compress(b"") * 100_000 + gzip.compress(rows("1").encode()))

    until_settled(drop)

    assert drop.storage.ids == ["1"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ndjson.gz", lambda: gzip.compress(rows("1").encode() + b"\n" * (65 << 20), 1)),
        ("a.csv.gz", lambda: gzip.compress(b"id\n1\n" + b"\r\n" * (33 << 20), 1)),
        ("a.ndjson", lambda: rows("1").encode() + b"x" * (65 << 20)),
        ("a.json.gz", lambda: gzip.compress(b'[{"id":"1"}, {"a": "' + b"x" * (70 << 20), 1)),
    ],
    ids=["ndjson.gz", "csv.gz", "ndjson", "json.gz"],
)
def test_a_file_in_which_no_row_comes_is_set_aside(drop, name, content):
    drop.drop(name, content())

    until_settled(drop)

    assert drop.storage.ids == ["1"]
    assert "no row in 64 MiB" in reason_of(drop, name)


@pytest.mark.parametrize(
    ("name", "begin", "bad", "good"),
    [
        ("a.csv", "id,b\n", "1\n", "1,2\n"),
        ("a.ndjson", "", '{"id": null}\n', '{"id":"1"}\n'),
        ("a.json", "[", "{x},\n", '{"id":"1"},\n'),
    ],
)
def test_a_file_of_bad_rows_is_set_aside_after_ten_thousand(drop, name, begin, bad, good):
    drop.drop(name, begin + good + bad * 9_999 + good + bad * 30_000)

    until_settled(drop)

    assert drop.storage.ids == ["1", "1"]
    (failed,) = drop.reported.of(FileFailed)
    assert failed.bad_rows == 9_999 + 10_000
    assert "10000 rows in a row are bad" in reason_of(drop, name)


def test_gzip_in_pieces_has_a_mark_and_a_header_in_each(drop):
    mark = "\ufeff".encode()
    pieces = [b"id,b\n1,x\n", b"id,b\n2,y\n", b"id,b\n"]
    drop.drop("a.csv.gz", b"".join(gzip.compress(mark + piece) for piece in pieces) + b"\0" * 700)

    until_settled(drop)

    assert drop.storage.ids == ["1", "2"]
    assert drop.reported.of(FileHeaderRepeated) == [FileHeaderRepeated("crm", "a.csv.gz", line=3)]
    assert drop.names("done") == ["a.csv.gz"]


def test_joined_csv_files_are_read_without_their_headers(drop):
    content = '"id","b"\n1,x\n\ufeff"id","b"\n2,y\n\ufeff3,z\n id , b\n4,v\n'
    drop.drop("a.csv", content)

    until_settled(drop)

    assert drop.storage.ids == ["1", "2", "4"]
    (bad,) = json.loads((drop.root / "failed" / "a.csv.error.json").read_text())["bad_rows"]
    assert bad["line"] == 5
    assert "invisible" in bad["reason"]


def test_a_second_header_in_another_order_ends_a_file(drop):
    drop.drop("a.csv", "id,b\n1,x\nb,id\ny,2\n")

    until_settled(drop)

    assert drop.storage.ids == ["1"]
    assert "another order" in reason_of(drop, "a.csv")


@pytest.mark.parametrize("cut", [10, -4, -9])
def test_gzip_that_is_cut_or_damaged_is_set_aside(drop, cut):
    packed = gzip.compress(rows(*range(1000)).encode())
    drop.drop("a.ndjson.gz", packed[:cut])
    drop.drop("b.ndjson.gz", packed[:-6] + b"xx" + packed[-4:])

    until_settled(drop)

    assert "cut or damaged" in reason_of(drop, "a.ndjson.gz")
    assert "cut or damaged" in reason_of(drop, "b.ndjson.gz")
    assert not drop.reported.of(FileChanged)
