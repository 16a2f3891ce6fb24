"""JSON arrays and objects, streamed."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sources.formats.short_reads import ShortReads
from webhookd.model import BadRow
from webhookd.sources.formats import json_rows
from webhookd.sources.formats.rows import LONGEST_ROW, BrokenFileError, Row
from webhookd.sources.formats.streamed_json.json_window import Window


def read(content: bytes):
    return list(json_rows.rows(io.BytesIO(content)))


def until_broken(content: bytes):
    rows = []
    with pytest.raises(BrokenFileError) as caught:
        rows.extend(json_rows.rows(io.BytesIO(content)))
    return rows, caught.value


@pytest.mark.parametrize("content", [b"", b" \n", b"[]", b" [ \n ] "])
def test_a_file_may_hold_no_rows(content):
    assert read(content) == []


def test_one_object_is_one_row():
    assert [row.members for row in read(b' {"id": "1"}\n')] == [{"id": "1"}]


def test_rows_know_their_lines_and_columns():
    rows = read(b'[\n  {"id":"1"}, {"id":\n"2"}\n\n,\n{"id":"3"}]')

    assert [(row.line, row.column) for row in rows] == [(2, 3), (2, 15), (6, 1)]


@pytest.mark.parametrize(
    ("row", "place", "says"),
    [
        (b'{"a": }', (2, 7), "a value is missing"),
        (b'{"a":NaN}', (2, 1), "NaN"),
        (b'{"a":1,"a":2}', (2, 1), "twice"),
        (b'{"a":"]},{["\n x}', (3, 2), "not JSON"),
        (b'{"a":"\xff"}', (2, 1), "not UTF-8"),
        (b'{"a":"\\ud800"}', (2, 1), "surrogate"),
        (b"12", (2, 1), "not a JSON object"),
        (b'[{"a":1}]', (2, 1), "not a JSON object"),
        (b"nothing", (2, 1), "a value is missing"),
        (b"", (2, 1), "a value is missing"),
        (b'{"a":' + b"[" * 64 + b"]" * 64 + b"}", (2, 1), "deeper"),
        (b"[" * 5000 + b"]" * 5000, (2, 1), "deeper"),
    ],
)
def test_a_bad_row_says_where_and_why_and_the_next_is_read(row, place, says):
    bad, good = read(b"[\n" + row + b',\n{"id":"1"}]')

    assert isinstance(bad, BadRow)
    assert (bad.line, bad.column) == place
    assert says in bad.reason
    assert good.members == {"id": "1"}


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        (b"", "ends inside its array"),
        (b",", "ends inside its array"),
        (b',{"id":', "ends inside the row"),
        (b',{"id":"x', "ends inside the row"),
        (b',{"id":"x\\', "ends inside the row"),
        (b' {"id":"2"}]', "comma"),
        (b"]]", "text follows"),
        (b'],{"id":"2"}', "text follows"),
    ],
)
def test_where_the_file_breaks_the_rows_before_are_kept(rest, says):
    rows, error = until_broken(b'[{"id":"1"}' + rest)

    assert [row.members for row in rows if isinstance(row, Row)] == [{"id": "1"}]
    assert says in error.reason
    assert (error.line, error.column) >= (1, 12)


def test_objects_in_line_are_called_by_their_name():
    _, error = until_broken(b'{"id":"1"}\n{"id":"2"}\n')

    assert ".ndjson" in error.reason
    assert (error.line, error.column) == (2, 1)


@pytest.mark.parametrize("length", [LONGEST_ROW + 1, 3 * LONGEST_ROW])
@pytest.mark.parametrize("filling", [b"x", b"[", b"xxxxxxxxxxxx\\n", "é".encode()])
def test_a_row_too_long_is_bad_and_the_next_is_read(length, filling):
    long = b'{"id":"' + filling * (length // len(filling)) + b'"}'

    bad, good = read(b"[" + long + b',\n{"id":"1"}]')

    assert bad == BadRow(1, 2, "the row is over 1 MiB")
    assert (good.line, good.column) == (2, 1)


def test_the_longest_row_is_taken():
    long = b'{"id":"' + b"x" * (LONGEST_ROW - 9) + b'"}'

    assert [len(row.members["id"]) for row in read(b"[" + long + b"," + long + b"]")] == [
        LONGEST_ROW - 9
    ] * 2


@settings(max_examples=40)
@given(
    value=st.recursive(
        st.text() | st.booleans() | st.integers(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    size=st.integers(1, 7),
    end=st.sampled_from(",]"),
    ascii_only=st.booleans(),
)
def test_a_value_is_skipped_to_its_end_wherever_the_window_is_cut(value, size, end, ascii_only):
    text = json.dumps(value, ensure_ascii=ascii_only)
    content = (text + end + "rest").encode("utf-8", "surrogatepass")
    window = Window(ShortReads(content, size), ahead=1)

    assert window.skip_value() is not None
    assert window.next_mark() == end
    assert window.place() == (1, len(text) + 1) or not ascii_only


def test_many_bad_rows_on_one_line_take_linear_time():
    rows = read(b"[" + b",".join([b"x"] * 20_000) + b"]")

    assert len(rows) == 20_000
    assert rows[-1].column == 40_000


PIECES = [
    "{",
    "[",
    "}",
    "]",
    ",",
    '"',
    "\\",
    "a",
    " ",
    "\n",
    ":",
    "1",
    '"a"',
    "{}",
    "[[",
    "[[[",
    "}}",
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_the_end_of_a_value_is_found_as_it_is_read_over(text):
    content = (text + ",").encode()
    looked, skipped = Window(io.BytesIO(content), 100), Window(io.BytesIO(content), 100)
    for window in (looked, skipped):
        window.fill()

    length, end = skipped.skip_value(), looked.end_of_value(0)

    assert (looked.at, looked.text) == (0, text + ",")
    if end is None:
        assert length is None or skipped.at == len(text) + 1
    else:
        assert end == skipped.at


@pytest.mark.parametrize(
    "bad", ["nope", '{"id": 1,}', '{"a": "\\q"}', "[1 2", '{"a": {"b": [[{,}]]}}', "NaN"]
)
def test_after_many_bad_rows_reasons_and_places_are_those_of_the_first(bad):
    bad = bad + "]" * (bad.count("[") - bad.count("]"))
    content = ",\n".join([bad, '{"id": 1}'] * 40)
    rows = read(f"[{content}]".encode())

    assert {(row.column, row.reason) for row in rows[2::2]} == {(rows[2].column, rows[2].reason)}
    assert [row.line for row in rows[::2]] == list(range(1, 80, 2))
    assert [row.members for row in rows[1::2]] == [{"id": "1"}] * 40
