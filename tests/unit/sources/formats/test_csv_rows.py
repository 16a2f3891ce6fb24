"""CSV: the header, the quotes, and what is wrong with a row."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.model import BadRow
from webhookd.sources.formats import csv_rows
from webhookd.sources.formats.csv_quotes import Quotes
from webhookd.sources.formats.rows import LONGEST_ROW, BrokenFileError, Row


def read(content: bytes, id_property: str = "id"):
    return list(csv_rows.rows(io.BytesIO(content), id_property))


def until_broken(content: bytes):
    rows = []
    with pytest.raises(BrokenFileError) as caught:
        rows.extend(csv_rows.rows(io.BytesIO(content), "id"))
    return rows, caught.value


@pytest.mark.parametrize("content", [b"", b"\n\r\n", b"id,a\n", b"id", b"\nid,a\n\n\n"])
def test_a_file_may_hold_no_rows(content):
    assert read(content) == []


@pytest.mark.parametrize(
    "content",
    [
        b"id,a;b\n1,x;y\n",
        b"id;a,b\n1;x,y\n",
        b"id\ta,b\n1\tx,y\n",
        b'"id","a;b"\r\n"1","x;y"\r\n',
        b'"a;x;y",id\n"1",1',
    ],
)
def test_the_delimiter_is_the_one_that_makes_the_id_a_column(content):
    (row,) = read(content)

    assert row.members["id"] == "1"
    assert len(row.members) == 2


@pytest.mark.parametrize(
    ("header", "column", "says"),
    [
        (b"a,b", 1, "no column 'id' (the source's id_property); it has 'a', 'b'"),
        (b"id,a,id", 3, "'id' twice, and it is the source's id_property"),
        (b"id,\xff", 4, "not UTF-8"),
        (b'id,"a', 1, "never closed"),
        (b'id,"a"b', 1, "not CSV"),
        (b"id," + b"x" * LONGEST_ROW, 1, "over 1 MiB"),
    ],
)
def test_a_wrong_header_fails_the_file(header, column, says):
    rows, error = until_broken(header + b"\n1,2\n")

    assert rows == []
    assert says in error.reason
    assert error.column == column


@pytest.mark.parametrize(
    ("content", "unnamed"),
    [
        (b"id,a,\n1,x,\n", (3,)),
        (b",id,a\n0,1,x\n", (1,)),
        (b"id,,a,\n1,y,x,z\n", (2, 4)),
        (b"id,a\n1,x\n", ()),
    ],
)
def test_a_column_without_a_name_is_left_out_and_told_of(content, unnamed):
    headers = []
    (row,) = csv_rows.rows(io.BytesIO(content), "id", headers.append)

    assert row.members == {"id": "1", "a": "x"}
    assert [header.unnamed for header in headers] == [unnamed]


def test_names_and_values_may_hold_newlines_and_lines_count_on():
    first, second = read(b'id,"a\nb"\n1,"x\r\ny"\n\n2,"say ""hi"""\n')

    assert first.members == {"id": "1", "a\nb": "x\r\ny"}
    assert (first.line, second.line) == (3, 6)
    assert second.members["a\nb"] == 'say "hi"'


def test_an_empty_field_is_empty_text():
    assert read(b"id,a\n1,\n")[0].members == {"id": "1", "a": ""}


@pytest.mark.parametrize(
    ("row", "place", "says"),
    [
        (b"1", (2, 2), "1 fields, the header 2"),
        (b"1,2,3", (2, 3), "3 fields, the header 2"),
        (b'1,"a"b', (2, 1), "not CSV"),
        (b"1,a\rb", (2, 1), "not CSV"),
        (b"1,\xff", (2, 1), "not UTF-8"),
        (b'1,"a\n\xff"', (2, 1), "not UTF-8"),
        (b"1," + b"x" * LONGEST_ROW, (2, 1), "over 1 MiB"),
        (b'1,"' + b"xxxxxxxxxxxxxxx\n" * (LONGEST_ROW // 15) + b'"', (2, 1), "over 1 MiB"),
        (b'1,"' + b'""' * (LONGEST_ROW // 2) + b'"', (2, 1), "over 1 MiB"),
        (b'"' + b"x" * LONGEST_ROW + b'\n,",""', (2, 1), "over 1 MiB"),
    ],
)
def test_a_bad_row_says_where_and_why_and_the_next_is_read(row, place, says):
    bad, good = read(b"id,a\n" + row + b"\n7,good\n")

    assert isinstance(bad, BadRow)
    assert (bad.line, bad.column) == place
    assert says in bad.reason
    assert good.members == {"id": "7", "a": "good"}
    assert good.line == 2 + row.count(b"\n") + 1


@pytest.mark.parametrize("length", [1, LONGEST_ROW])
def test_a_quote_never_closed_breaks_the_file_there(length):
    rows, error = until_broken(b'id,a\n1,x\n2,"' + b"yyyyyyyyyyyyyyy\n" * (length // 10 + 1))

    assert [row.members["id"] for row in rows] == ["1"]
    assert "never closed" in error.reason
    assert error.line == 3


@given(st.lists(st.text('ab",', max_size=6), max_size=8), st.sampled_from([",", ";", "\t", "§"]))
def test_quotes_open_fields_at_their_start_alone(pieces, delimiter):
    row = "".join(pieces).replace(",", delimiter)
    quotes = Quotes(delimiter.encode())
    for piece in pieces:
        quotes.follow(piece.replace(",", delimiter).encode())
        assert not (row.count('"') == 0 and quotes.are_open)

    # What csv.reader makes of it: where a quote is open, a line break belongs to a field.
    read = list(csv.reader([row + "\n", f"{delimiter}\n"], delimiter=delimiter))
    assert quotes.are_open == (len(read) == 1 and bool(row))


def test_the_longest_row_is_taken():
    long = b"1," + b"x" * (LONGEST_ROW - 2)

    assert all(isinstance(row, Row) for row in read(b"id,a\n" + long + b"\n" + long))


def test_a_field_over_the_csv_modules_own_limit_is_taken():
    assert len(read(b"id,a\n1," + b"x" * 200_000)[0].members["a"]) == 200_000


def test_the_id_column_is_the_column_of_a_row():
    assert read(b"a,id\nx,1\n")[0].column == 2


@given(
    fields=st.lists(st.text('a",\n', max_size=6), min_size=1, max_size=4), cut=st.integers(0, 30)
)
def test_quotes_are_followed_wherever_a_row_is_cut(fields, cut):
    row = ",".join('"' + field.replace('"', '""') + '"' for field in fields).encode()
    quotes = Quotes(b",")

    quotes.follow(row[:cut])
    quotes.follow(row[cut:])
    assert not quotes.are_open

    quotes.follow(b',"')
    assert quotes.are_open
