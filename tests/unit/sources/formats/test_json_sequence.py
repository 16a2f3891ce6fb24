"""Files named as NDJSON that hold JSON over several lines, or a list."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sources.formats.short_reads import in_pieces
from webhookd.model import BadRow
from webhookd.sources.formats import ndjson_rows
from webhookd.sources.formats.rows import LONGEST_ROW, BrokenFileError, Row


def read(content: bytes):
    return list(ndjson_rows.rows(io.BytesIO(content)))


def until_broken(content: bytes):
    rows = []
    with pytest.raises(BrokenFileError) as caught:
        rows.extend(ndjson_rows.rows(io.BytesIO(content)))
    return rows, caught.value


def ids(rows):
    return [row.members["id"] for row in rows if isinstance(row, Row)]


@pytest.mark.parametrize(
    "content",
    [
        b'{\n  "id": "1"\n}\n{\n  "id": "2"\n}\n',
        b'{\r\n  "id": "1"\r\n}\r\n{\r\n  "id": "2"\r\n}\r\n',
        b'{"id":\n"1"}{"id"\n:"2"}',
        b'{"id":"1"}\n{\n"id":"2"}',
        b'\n\n{"id":"1",\n"a":[\n{"id":"3"}\n]}\n\n{"id":"2"}',
        b'[\n{"id":"1"},\n{"id":"2"}\n]\n',
        b'[{"id":"1"},\n{"id":"2"}]',
        b'[{"id":"1"},{"id":"2"}]\n',
        b'[{"id":"1"}]\n[{"id":"2"}]\n',
        b'[\n{"id":"1"}\n]\n{"id":"2"}\n',
        b'{"id":"1"}\n[{"id":"2"}]\n',
        b'[\n  {\n    "id": "1"\n  },\n  {\n    "id": "2"\n  }\n]\n',
        b'[\n\n\n{"id":"1"}\n,\n{"id":"2"}]',
        b'[]\n{"id":"1"}\n{"id":"2"}\n',
    ],
)
def test_it_is_read_as_the_json_that_it_is(content):
    rows = read(content)

    assert ids(rows) == ["1", "2"]
    assert len(rows) == 2


@pytest.mark.parametrize("start", [b"", b'{"id":"0"}\n\n', b"\n \n"])
def test_places_are_those_of_the_file(start):
    before = start.count(b"\n")
    rows = read(start + b'[\n {"id":"1"},\n{x},\n  {"id":"2"}]')[-3:]

    assert [(row.line - before, row.column) for row in rows] == [(2, 2), (3, 2), (4, 3)]
    assert isinstance(rows[1], BadRow)


def test_an_empty_list_has_no_rows():
    assert read(b"[\n]\n") == []
    assert read(b"[]") == []


@pytest.mark.parametrize("size", [5, 2000])
def test_a_cut_line_is_a_bad_row_and_the_next_are_read(size):
    """What is cut is not the beginning of what follows."""
    lines = [b'{"id":"%d","a":{"b":' % number + b'{"c":"%s"' % (b"x" * size) for number in range(9)]
    good = b'{"id":"1"}\n'
    rows = read(good.join(line + b"\n" for line in lines) + good)

    assert [row.line for row in rows if isinstance(row, BadRow)] == list(range(1, 18, 2))
    assert ids(rows) == ["1"] * 9


@pytest.mark.parametrize(
    ("content", "line", "says"),
    [
        (b'{\n"id":"1"\n}\n{\n"id":"2" 5\n}\n{"id":"3"}\n', 5, "not JSON"),
        (b'{\n"id":"1"\n},\n{\n"id":"2"\n}\n', 3, "a value is missing"),
        (b'{\n"id":"1"\n}\n{"id":"2","id":"3"}', 4, "twice"),
        (b'{\n"id":"1"\n}\n{"id":', 4, "a value is missing"),
        (b'{\n"id":"1"\n}\n]', 4, "a value is missing"),
        (b'{\n"id":"1"\n}\n{"id":"' + b"x" * 3 * LONGEST_ROW, 4, "over 1 MiB"),
        (b'{\n"id":"1"\n}\n{"id":[' + b"1," * 2 * LONGEST_ROW, 4, "over 1 MiB"),
        (b'[\n{"id":"1"}\n{"id":"2"}\n]', 3, "a comma or ] is missing"),
        (b'[\n{"id":"1"},\n', 3, "ends inside its array"),
    ],
)
def test_where_it_breaks_the_rows_before_are_kept(content, line, says):
    rows, error = until_broken(content)

    assert ids(rows) == ["1"]
    assert error.line == line
    assert says in error.reason


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"id":"1"},', "with a comma, as in a JSON list"),
        (b"[", "a value is missing"),
        (b"]", "not JSON"),
        (b"{", "not JSON"),
        (b"[1]", "not a JSON object"),
        (b'["id","name"]', "not a JSON object"),
        (b'{"id":', "a value is missing"),
    ],
)
def test_a_line_that_begins_nothing_is_a_bad_row(line, says):
    for rest in (b"", b"\n", b"\nx\n"):
        bad = read(line + rest)[0]

        assert isinstance(bad, BadRow)
        assert says in bad.reason


def test_a_long_list_on_one_line_is_read():
    rows = read(b"[" + b'{"id":"1"},' * (LONGEST_ROW // 5) + b'{"id":"2"}]')

    assert len(rows) == LONGEST_ROW // 5 + 1


VALUES = st.recursive(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab{[\n"), inner),
    max_leaves=6,
)


@settings(max_examples=200)
@given(
    records=st.lists(st.dictionaries(st.text("ab]}\n"), VALUES, max_size=3), max_size=5),
    indents=st.lists(st.sampled_from([None, 0, 1, 2]), min_size=5, max_size=5),
    list_of=st.integers(0, 5),
    size=st.integers(1, 9),
)
def test_any_sequence_comes_out_as_it_went_in(records, indents, list_of, size):
    listed, alone = records[:list_of], records[list_of:]
    parts = [json.dumps(listed, indent=indents[0])] if listed else []
    parts += [
        json.dumps(record, indent=indent) for record, indent in zip(alone, indents, strict=False)
    ]

    rows = list(ndjson_rows.rows(in_pieces("\n".join(parts).encode(), size)))

    assert [row.members for row in rows] == [
        json.loads(json.dumps(record), parse_int=str) for record in records
    ]
