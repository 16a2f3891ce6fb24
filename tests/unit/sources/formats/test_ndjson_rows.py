"""NDJSON, line by line."""

from __future__ import annotations

import io

import pytest

from webhookd.model import BadRow
from webhookd.sources.formats import ndjson_rows
from webhookd.sources.formats.rows import LONGEST_ROW, Row

GOOD = b'{"id":"1"}\n'


def read(content: bytes):
    return list(ndjson_rows.rows(io.BytesIO(content)))


def test_blank_lines_are_skipped_and_counted_as_lines():
    assert [row.line for row in read(b'\n{"id":"1"}\r\n \t\n{"id":"2"}')] == [2, 4]


class CountedReader(io.BufferedReader):
    """Counts the lines that are read one by one."""

    lines = 0

    def readline(self, size=-1):
        self.lines += 1
        return super().readline(size)


@pytest.mark.parametrize("blank", [b"\n", b" \n", b"\t \r\n"])
def test_many_blank_lines_are_skipped_together(blank):
    stream = CountedReader(io.BytesIO(blank * 100_000 + GOOD), 1 << 16)

    (row,) = ndjson_rows.rows(stream)

    assert row.line == 100_001
    assert stream.lines < 100


@pytest.mark.parametrize(
    ("line", "column", "says"),
    [
        (b'{"a":}', 6, "a value is missing"),
        (b'{"a":1', 7, "delimiter"),
        (b'{"a":NaN}', 1, "NaN is not JSON"),
        (b'{"a":-Infinity}', 1, "-Infinity is not JSON"),
        (b'{"a":01}', 7, "delimiter"),
        (b'{"a":"\x01"}', 7, "control character"),
        (b"{'a':1}", 2, "not JSON"),
        (b'{"a":1,"a":2}', 1, "'a' stands twice"),
        (b'{"b":{"a":1,"a":2}}', 1, "'a' stands twice"),
        (b'{"id":"1"} {"id":"2"}', 11, "goes on"),
        (b"[1]", 1, "not a JSON object"),
        (b'"id"', 1, "not a JSON object"),
        (b'{"a":"\xff"}', 7, "not UTF-8"),
        (b'{"a":"\xed\xa0\x80"}', 7, "not UTF-8"),
        (b'{"a":"\\ud800"}', 1, "surrogate"),
        (b'{"\\udc00":1}', 1, "surrogate"),
        (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", 1, "deeper"),
        (b"[" * 200_000, 1, "deeper"),
        (b'{"a":' * 100_000, 1, "deeper"),
    ],
)
def test_a_bad_row_says_where_and_why_and_the_next_is_read(line, column, says):
    bad, good = read(line + b"\n" + GOOD)

    assert isinstance(bad, BadRow)
    assert (bad.line, bad.column) == (1, column)
    assert says in bad.reason
    assert good.members == {"id": "1"}


def test_an_escaped_pair_is_one_character():
    (row,) = read(b'{"id":"\\ud83d\\ude00"}')

    assert row.members == {"id": "\N{GRINNING FACE}"}


def test_brackets_inside_strings_are_no_nesting():
    (row,) = read(b'{"id":"' + b'[{\\"' * 500 + b'"}')

    assert isinstance(row, Row)


def test_the_deepest_allowed_nesting_is_taken():
    (row,) = read(b'{"a":' + b"[" * 63 + b"]" * 63 + b"}")

    assert isinstance(row, Row)


@pytest.mark.parametrize("excess", [1, 2, 3, LONGEST_ROW, 3 * LONGEST_ROW])
def test_a_row_too_long_is_bad_and_the_next_is_read(excess):
    frame = b'{"id":"%s"}'
    long = frame % (b"x" * (LONGEST_ROW - len(frame) + 2 + excess))

    bad, good = read(long + b"\n" + GOOD)

    assert (bad.line, bad.reason) == (1, "the row is over 1 MiB")
    assert good.line == 2
    (at_the_end,) = read(long)
    assert isinstance(at_the_end, BadRow)


def test_the_longest_row_is_taken():
    frame = b'{"id":"%s"}'
    long = frame % (b"x" * (LONGEST_ROW - len(frame) + 2))

    assert len(long) == LONGEST_ROW
    assert all(isinstance(row, Row) for row in read(long + b"\n" + long))
