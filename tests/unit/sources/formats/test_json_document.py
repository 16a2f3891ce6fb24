"""JSON documents around a list of records: pages of APIs."""

from __future__ import annotations

import io
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sources.formats.short_reads import ShortReads
from webhookd.definitions import JsonSettings, record_path
from webhookd.model import BadRow
from webhookd.sources.formats import json_rows
from webhookd.sources.formats.rows import LONGEST_ROW, BrokenFileError, Row

ONE = [{"id": "1"}]


def read(content: bytes, records: str | None = None, **options):
    path = JsonSettings(records).path
    return list(json_rows.rows(io.BytesIO(content), path=path, **options))


def until_broken(content: bytes, records: str | None = None, **options):
    rows, path = [], JsonSettings(records).path
    with pytest.raises(BrokenFileError) as caught:
        rows.extend(json_rows.rows(io.BytesIO(content), path=path, **options))
    return [row.members for row in rows if isinstance(row, Row)], caught.value


def members(rows):
    return [row.members for row in rows]


@pytest.mark.parametrize(
    ("records", "content"),
    [
        ("results", b'{"results":[{"id":"1"}]}'),
        (
            "results",
            b'{"paging":{"next":"]}\\"{"},"n":1,"x":[1,[2]],"results":[{"id":"1"}],"y":{}}',
        ),
        ("data.items", b' { "data" : {"a":[],"items" : [ {"id":"1"} ] , "z":null} , "b":2 }\n'),
        ("results", b'{"resu\\u006cts":[{"id":"1"}]}'),
        ('"odd name".items', b'{"odd name":{"items":[{"id":"1"}]}}'),
        ('"a.b"', b'{"a":{"b":1},"a.b":[{"id":"1"}]}'),
        ('"\\u00fc\\""', '{"ü\\"":[{"id":"1"}]}'.encode()),
        ("größe", '{"größe":[{"id":"1"}]}'.encode()),
        ("results", b'{"a":{"results":[{"id":"0"}]},"results":[{"id":"1"}]}'),
    ],
)
def test_records_are_the_list_at_the_path_and_the_rest_is_passed_over(records, content):
    assert members(read(content, records)) == ONE
    assert members(read(content, records, is_list=True)) == ONE


def test_rows_in_a_document_know_their_places():
    first, bad, last = read(b'{"a":"\n",\n "results":[\n{"id":"1"},\n {x},{"id":"2"}]}', "results")

    assert (first.line, first.column) == (4, 1)
    assert (bad.line, bad.column) == (5, 3)
    assert (last.line, last.column) == (5, 6)


def test_an_empty_list_has_no_rows():
    assert read(b'{"results":[]}', "results") == []


@pytest.mark.parametrize(
    ("records", "content", "says"),
    [
        ("results", b'{"data":[{"id":1}]}', "there is no results in the document; there is a list"),
        ("results", b'{"data":[{"id":1}]}', "`json: {records: data}`"),
        ("results", b"{}", "there is no results"),
        ("data.items", b'{"data":{"rows":[{"id":1}]}}', "`json: {records: data.rows}`"),
        ("data.items", b'{"data":[{"id":1}]}', "data is a list: set `json: {records: data}`"),
        ("results", b'[{"id":1}]', "the document is a list: leave `json.records` out"),
        ("results", b'"x"', "the document is text"),
        ("results", b'{"results":null}', "null, not a list"),
        ("results", b'{"results":{"items":[]}}', "an object, not a list"),
        ("results", b'{"results":12}', "a number, true or false, not a list"),
        ("results", b'{"results":', "nothing, not a list"),
        ("results", b'{"a":1', "ends inside"),
        ("results", b'{"a":"x', "ends inside"),
        ("results", b'{"resul', "not JSON: Unterminated"),
        ("results", b'{"a":,"results":[]}', "a value is missing"),
        ("results", b'{"a":1 "results":[]}', "there is no results"),
        ("results", b'{"a":1],"results":[]}', "a comma or } is missing"),
        ("results", b'{"a" 1,"results":[]}', "a colon is missing"),
        ("results", b'{a:1,"results":[]}', "a key is missing"),
        ("results", b'{"a":1,}', "a key is missing"),
        ("results", b'{"results"}', "a colon is missing"),
    ],
)
def test_a_document_without_the_list_breaks_and_has_no_rows(records, content, says):
    """An empty snapshot would delete everything."""
    for is_list in (False, True):
        rows, error = until_broken(content, records, is_list=is_list)

        assert rows == []
        assert says in error.reason
        assert error.line == 1


@pytest.mark.parametrize(
    ("rest", "says"),
    [
        (b"", "ends inside its array"),
        (b',{"id":', "ends inside the row"),
        (b"]", "ends inside its object"),
        (b'],"results":[{"id":"2"}]}', "results stands twice"),
        (b'],"resu\\u006cts":[]}', "results stands twice"),
        (b'],"results":1}', "results stands twice"),
        (b'],"a":', "ends inside"),
        (b'],"a":1]', "a comma or } is missing"),
        (b"]]}", "a comma or } is missing"),
        (b']}{"results":[]}', "text follows"),
        (b"]} x", "text follows"),
    ],
)
def test_where_a_document_breaks_the_rows_before_are_kept(rest, says):
    rows, error = until_broken(b'{"results":[{"id":"1"}' + rest, "results")

    assert rows == ONE
    assert says in error.reason


def test_a_path_that_leads_to_two_lists_breaks():
    _, error = until_broken(b'{"data":{"items":[]},"data":{"items":[]}}', "data.items")

    assert "data stands twice" in error.reason


@pytest.mark.parametrize(
    ("content", "setting"),
    [
        (b'{"results":[{"id":1},{"id":2}],"paging":{}}', "results"),
        (b'{"total":3,"records":[]}', "records"),
        (b'{"data":[]}', "data"),
        (b'{"@odata.context":"x","value":[]}', "value"),
        (b'{"items":[]}', "items"),
        (b'{"data":{"items":[]}}', "data.items"),
        (b'{"response":{"data":{"results":[]}}}', "response.data.results"),
        (b'{"contacts":[{"Nr":1}]}', "contacts"),
        (b'{"paging":{"items":[]},"results":[]}', "results"),
        (b'{"odd name":[{}]}', "'\"odd name\"'"),
        (b'{"results":[{"id":1},', "results"),
        (b'{"results":[{"id":1}],"a":NaN,"a":2}', "results"),
        (b'{"a":"' + b"x" * 3 * LONGEST_ROW + b'","results":[]}', "results"),
        (b'{"a":{"b":"' + b"x" * LONGEST_ROW + b'"},"results":[]}', "results"),
        (b'{"results":[' + b'{"id":1},' * (LONGEST_ROW // 9 + 1) + b"{}]}", "results"),
    ],
)
def test_an_object_around_a_list_says_what_to_set(content, setting):
    for is_list in (False, True):
        rows, error = until_broken(content, is_list=is_list)

        assert rows == []
        assert f"`json: {{records: {setting}}}`" in error.reason
        assert (error.line, error.column) == (1, 1)


@pytest.mark.parametrize(
    "content",
    [
        b'{"id":"1","items":[{"id":"2"}]}',
        b'{"id":"1","properties":{"a":"b"},"results":[]}',
    ],
)
def test_an_object_with_an_id_is_a_record_whatever_it_holds(content):
    assert members(read(content)) == [json.loads(content)]


@pytest.mark.parametrize("content", [b'{"name":"x"}', b'{"tags":["a","b"]}', b'{"a":{"b":{}}}'])
def test_an_object_around_no_list_of_records_is_a_row(content):
    assert members(read(content)) == [json.loads(content)]


def test_a_long_object_without_a_list_is_a_bad_row():
    (bad,) = read(b'{"id":"' + b"x" * 3 * LONGEST_ROW + b'"}')

    assert bad == BadRow(1, 1, "the row is over 1 MiB")


def test_a_name_over_a_mebibyte_is_not_shown():
    _, error = until_broken(b'{"' + b"x" * 600_000 + b'":[{}]}')

    assert len(error.reason) < 500
    assert "`json: {records: PATH}`" in error.reason


NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    NAMES | st.booleans() | st.none() | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=150)
@given(
    path=st.lists(NAMES, min_size=1, max_size=3),
    around=st.lists(st.tuples(st.dictionaries(NAMES, VALUES, max_size=3), st.booleans())),
    records=st.lists(st.dictionaries(NAMES, VALUES, max_size=3), max_size=4),
    size=st.integers(1, 9),
    indent=st.none() | st.just(2),
    ascii_only=st.booleans(),
    data=st.data(),
)
def test_any_records_in_any_document_come_out_as_they_went_in(
    path, around, records, size, indent, ascii_only, data
):
    document = records
    for depth, name in reversed(list(enumerate(path))):
        beside, is_before = around[depth] if depth < len(around) else ({}, True)
        beside = {key: value for key, value in beside.items() if key != name}
        document = {**beside, name: document} if is_before else {name: document, **beside}
    content = json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode()
    written = record_path.path_text(tuple(path))

    rows = list(
        json_rows.rows(ShortReads(content, size), path=JsonSettings(written).path, is_list=True)
    )

    assert [row.members for row in rows] == [
        json.loads(json.dumps(record), parse_int=str) for record in records
    ]
    cut = data.draw(st.integers(1, len(content) - 1))
    whole = []
    with pytest.raises(BrokenFileError):
        whole.extend(json_rows.rows(io.BytesIO(content[:cut]), path=tuple(path)))
    whole = [row for row in whole if isinstance(row, Row)]
    assert [row.members for row in whole] == [row.members for row in rows[: len(whole)]]


@given(st.lists(NAMES, min_size=1, max_size=16))
def test_a_path_is_read_as_it_is_written(names):
    text = record_path.path_text(tuple(names))

    assert record_path.steps(text) == tuple(names)
    assert re.search(record_path.PATTERN, text)
