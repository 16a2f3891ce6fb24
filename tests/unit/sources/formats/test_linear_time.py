"""More input takes as much more time, whatever is wrong with it."""

from __future__ import annotations

import gzip
import io
import time
from contextlib import suppress
from threading import Event

import pytest

from webhookd.sources.directory.streams import Reading, open_claimed
from webhookd.sources.formats import formats
from webhookd.sources.formats.rows import BrokenFileError


def utf_16(text: str) -> bytes:
    return b"\xff\xfe" + text.encode("utf-16-le")


ODD = {
    "a quote in the header": ("csv", lambda n: b'id,"' + b"a\n" * n),
    "quotes that rows do not close": ("csv", lambda n: b"id\n" + b'"a\n' * n),
    "rows that are not CSV": ("csv", lambda n: b"id\n" + b'"a"b\n' * n),
    "lines that end in CR": ("csv", lambda n: b"id\r" + b"1\r\r" * n),
    "a quote in a header that ends in CR": ("csv", lambda n: b'id,"' + b"a\r" * n),
    "line breaks in quotes": ("csv", lambda n: b'id,b\n1,"' + b"\n" * (100 * n) + b'"\n2,x\n'),
    "a long row of commas": ("csv", lambda n: b"id,b\n" + b"," * (200 * n)),
    "a long row of quotes": ("csv", lambda n: b"id,b\n" + b'"' * (200 * n)),
    "a long row of quoted fields": ("csv", lambda n: b"id,b\n" + b'"a"x,"b",c,' * (50 * n)),
    "blank lines before the header": ("csv", lambda n: b"\n \r\n" * (20 * n) + b"id\n"),
    "blank lines of CR": ("csv", lambda n: b"id\r1\r" + b"\r" * (100 * n)),
    "CR behind LF": ("csv", lambda n: b"id\n1\n" + b"\r" * (100 * n)),
    "blank lines of UTF-16": ("csv", lambda n: utf_16("id\n1\n" + "\n" * (50 * n))),
    "blank lines of UTF-16 and CR": ("csv", lambda n: utf_16("id\r1\r" + "\r" * (50 * n))),
    "line breaks in quotes of UTF-16": (
        "csv",
        lambda n: utf_16('id,b\r1,"' + "\r" * (50 * n) + '"\r'),
    ),
    "blank lines of CSV": ("csv", lambda n: b"id\n" + b"\n" * n),
    "rows that are not JSON": ("json", lambda n: b"[" + b"{x}," * n + b"{}]"),
    "every other row": ("json", lambda n: b"[" + b'{"id":"1"},{x},' * n + b"{}]"),
    "values that are missing": ("json", lambda n: b"[" + b"tru,\n" * n),
    "keys that stand twice": ("json", lambda n: b"[" + b'{"a":1,"a":1},' * n + b"{}]"),
    "brackets": ("json", lambda n: b"[" * n),
    "quotes of JSON": ("json", lambda n: b'[{x"' + b'\\"' * n),
    "members around records": ("json", lambda n: b"{" + b'"a":["b",{}],' * n + b'"x":1}'),
    "lists that do not end": ("json", lambda n: b'{"a":[' + b'["b",{}],[1,' * n),
    "a list around many": ("json", lambda n: b'{"a":[' + b'[{"b":[]}],' * n),
    "members without values": ("json", lambda n: b"{" + b'"a":{' * n),
    "space": ("json", lambda n: b"[" + b" " * n + b"1]"),
    "marks and form feeds": ("ndjson", lambda n: b"\xef\xbb\xbf\n\f\n" * (20 * n)),
    "blank lines": ("ndjson", lambda n: b"\n" * n),
    "lines that are not JSON": ("ndjson", lambda n: b"{x}\n" * n),
    "rows over two lines": ("ndjson", lambda n: b'{"id":\n"1"}\n' * n),
    "a list in NDJSON": ("ndjson", lambda n: b"[\n" + b'{"id":"1"},\n' * n + b"{}]"),
    "lines that end too soon": ("ndjson", lambda n: b'{"a":\n' * n),
    "lines that begin lists": ("ndjson", lambda n: b"[\n" * n),
    "a string that is not closed": ("ndjson", lambda n: b"{" * 70 + b'"' + b'\\"' * n),
}
MANY = 10_000


@pytest.mark.parametrize("what", ODD)
def test_the_time_of_reading_is_linear(what):
    file_format, content = ODD[what]

    def is_linear():
        once = seconds(content(MANY), file_format)
        return seconds(content(4 * MANY), file_format) < 9 * once + 0.05

    # What else runs on the machine may slow the longer one down, but hardly thrice.
    assert any(is_linear() for _ in range(3))


PACKED = (
    *("a quote in the header", "blank lines of CSV", "space", "rows that are not JSON"),
    *("blank lines", "lines that are not JSON"),
)


@pytest.mark.parametrize("factor", [2, 4])
@pytest.mark.parametrize("what", PACKED)
def test_the_time_of_reading_packed_data_is_linear(what, factor, tmp_path):
    """A small file can hold much: what is unpacked counts."""
    file_format, content = ODD[what]

    def is_linear():
        once = packed_seconds(tmp_path / "once.gz", content(MANY), file_format)
        more = packed_seconds(tmp_path / "more.gz", content(factor * MANY), file_format)
        return more < 2.2 * factor * once + 0.05

    assert any(is_linear() for _ in range(3))


SECONDS_PER_MIB = 0.5
"""Of this machine or of one ten times slower, where nothing is to be told of what stands there."""

NOTHING = [
    *("line breaks in quotes", "a long row of commas", "a long row of quotes"),
    *("a long row of quoted fields", "blank lines before the header", "blank lines of CR"),
    *("CR behind LF", "blank lines of UTF-16", "blank lines of UTF-16 and CR"),
    *("line breaks in quotes of UTF-16", "marks and form feeds", "blank lines"),
    *("blank lines of CSV", "space"),
]


@pytest.mark.parametrize("what", NOTHING)
def test_what_holds_no_rows_is_read_at_once(what):
    """A small packed file may hold 64 MiB of it, and there may be many such files."""
    file_format, content = ODD[what]
    many = content(MANY)
    many = content(max(1, MANY * (1 << 20) // len(many)))

    limit = SECONDS_PER_MIB * len(many) / (1 << 20)
    assert any(seconds(many, file_format) < limit for _ in range(3))


def packed_seconds(path, content: bytes, file_format):
    path.write_bytes(gzip.compress(content, 1))
    began = time.process_time()
    with suppress(BrokenFileError), open_claimed(path, Reading(Event(), time.monotonic)) as opened:
        for _ in formats.rows(opened.content, file_format, "id"):
            pass
    return time.process_time() - began


def seconds(content: bytes, file_format):
    began = time.process_time()
    try:
        for _ in formats.rows(io.BufferedReader(io.BytesIO(content)), file_format, "id"):
            pass
    except BrokenFileError:
        pass
    return time.process_time() - began
