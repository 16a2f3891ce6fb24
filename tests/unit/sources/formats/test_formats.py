"""Any records, in any format, cut anywhere, come out as they went in."""

from __future__ import annotations

import contextlib
import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sources.formats.short_reads import in_pieces
from webhookd.model import BadRow, Observation
from webhookd.sources.formats import formats
from webhookd.sources.formats.csv_header import plain
from webhookd.sources.formats.record_ids import IdRule
from webhookd.sources.formats.rows import BrokenFileError, observer

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    TEXT
    | st.booleans()
    | st.none()
    | st.integers()
    | st.floats(allow_nan=False).filter(lambda number: abs(number) != float("inf")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
IDS = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=20)
NAMES = TEXT.filter(lambda name: name and plain(name) == name)
RECORDS = st.lists(
    st.tuples(IDS, st.dictionaries(TEXT, VALUES, max_size=4)).map(
        lambda pair: {**pair[1], "id": pair[0]}
    ),
    max_size=5,
)


def compact(value) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def expected(records):
    return [
        Observation(
            "contacts",
            record["id"],
            {name: compact(value) for name, value in record.items() if value is not None},
        )
        for record in records
    ]


def observed(content: bytes, file_format, size: int):
    observe = observer("contacts", IdRule("id"))
    rows = formats.rows(in_pieces(content, size), file_format, "id")
    return [row if isinstance(row, BadRow) else observe(row) for row in rows]


@settings(max_examples=30)
@given(records=RECORDS, size=st.integers(1, 40), escaped=st.booleans())
def test_ndjson_comes_out_as_it_went_in(records, size, escaped):
    lines = [json.dumps(record, ensure_ascii=escaped) + "\n" for record in records]

    assert observed("".join(lines).encode(), "ndjson", size) == expected(records)


@settings(max_examples=30)
@given(records=RECORDS, size=st.integers(1, 40), indent=st.none() | st.integers(0, 2))
def test_json_comes_out_as_it_went_in(records, size, indent):
    content = json.dumps(records, indent=indent, ensure_ascii=False).encode()

    assert observed(content, "json", size) == expected(records)


@settings(max_examples=30)
@given(
    names=st.lists(NAMES, min_size=1, max_size=3, unique=True),
    rows=st.lists(st.tuples(IDS, TEXT, TEXT, TEXT), max_size=5),
    size=st.integers(1, 40),
    delimiter=st.sampled_from(",;\t"),
)
def test_csv_comes_out_as_it_went_in(names, rows, size, delimiter):
    names = ["id", *(name for name in names if name != "id")]
    records = [dict(zip(names, row, strict=False)) for row in rows]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writeheader()
    writer.writerows(records)

    assert observed(text.getvalue().encode(), "csv", size) == expected(records)


@settings(max_examples=60)
@given(content=st.binary(max_size=200) | st.text('{}[]",:\\ \n1aé').map(str.encode))
@pytest.mark.parametrize("file_format", ["csv", "json", "ndjson"])
def test_whatever_a_file_holds_it_ends_in_rows_or_a_reason(file_format, content):
    with contextlib.suppress(BrokenFileError):
        for seen in observed(content, file_format, 7):
            assert isinstance(seen, Observation) or seen.reason


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.csv", "csv"),
        ("a.CSV.GZ", "csv"),
        ("a.json", "json"),
        ("a.b.ndjson", "ndjson"),
        ("a.jsonl.gz", "ndjson"),
    ],
)
def test_the_format_goes_by_the_suffix(name, found):
    assert formats.format_of(name, "auto") == found


@pytest.mark.parametrize("name", ["a", "a.txt", "csv", "a.gz", "a.csv.zip"])
def test_an_unknown_suffix_says_what_to_set(name):
    with pytest.raises(BrokenFileError, match="set the source's `format`"):
        formats.format_of(name, "auto")


def test_a_set_format_goes_before_the_suffix():
    assert formats.format_of("a.csv", "ndjson") == "ndjson"
