"""CSV files as programs really write them: encodings, line ends, delimiters, lines before."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import processor
from tests.unit.sources.formats.short_reads import in_pieces
from webhookd.definitions import CsvSettings
from webhookd.model import BadRow
from webhookd.sources.formats import csv_rows
from webhookd.sources.formats.csv_header import read_header
from webhookd.sources.formats.csv_text import csv_text
from webhookd.sources.formats.rows import LONGEST_ROW, BrokenFileError

BOM = "\N{ZERO WIDTH NO-BREAK SPACE}"
FILE = "id;größe\r\n1;µ\r\n2;€ 5\r\n"


def read(content: bytes, *, pieces: int = 1 << 16, **settings):
    """Return the members of the rows, and the reasons of the bad ones."""
    rows = csv_rows.rows(in_pieces(content, pieces), "id", settings=CsvSettings(**settings))
    return [row.reason if isinstance(row, BadRow) else row.members for row in rows]


def broken(content: bytes, **settings):
    with pytest.raises(BrokenFileError) as caught:
        read(content, **settings)
    return caught.value.reason


@pytest.mark.parametrize("pieces", [1, 3, 1 << 16])
@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (FILE.encode(), "auto"),
        (FILE.encode("utf-8-sig"), "auto"),
        (FILE.encode("utf-16"), "auto"),
        ((BOM + FILE).encode("utf-16-be"), "auto"),
        (FILE.encode("utf-32"), "auto"),
        (FILE.encode("utf-16-le"), "utf-16-le"),
        (FILE.encode("utf-16"), "UTF-16"),
        (FILE.encode("utf-16-le"), "utf-16"),
        (FILE.encode("utf-32-le"), "utf_32"),
        ((BOM + FILE).encode("utf-16-le"), "utf_16_le"),
        (FILE.encode("cp1252"), "cp1252"),
        (FILE.encode("iso-8859-15"), "latin9"),
        (FILE.encode("utf-8-sig"), "cp1252"),
        (FILE.encode("utf-16"), "cp1252"),
        (FILE.encode("utf-8-sig"), "utf-8"),
        (FILE.encode("gb18030"), "gb18030"),
    ],
)
def test_a_file_is_read_in_its_encoding_and_a_byte_order_mark_wins(content, encoding, pieces):
    assert read(content, encoding=encoding, pieces=pieces) == [
        {"id": "1", "größe": "µ"},
        {"id": "2", "größe": "€ 5"},
    ]


@pytest.mark.parametrize(
    ("content", "encoding", "says"),
    [
        (b"id,a\n1,\xfc\n2,x\n", "auto", "csv.encoding"),
        (b"id,a\n1,\x81\n2,x\n", "cp1252", "the row is not cp1252"),
        (
            "id,a\n1,\ud800\n2,x\n".encode("utf-16-le", "surrogatepass"),
            "utf-16-le",
            "not utf-16-le",
        ),
    ],
)
def test_only_the_row_that_cannot_be_decoded_is_bad(content, encoding, says):
    bad, good = read(content, encoding=encoding)

    assert says in bad
    assert good == {"id": "2", "a": "x"}


def test_a_header_that_cannot_be_decoded_says_what_to_do():
    assert "csv.encoding" in broken("id,größe\n1,2\n".encode("cp1252"))
    assert "csv.encoding" in broken("id,a\n1,2\n".encode("utf-16-le"))
    assert broken(b"id,\x81\n1,2\n", encoding="cp1252") == "the header is not cp1252"


@pytest.mark.parametrize("pieces", [1, 2, 1 << 16])
@pytest.mark.parametrize(
    "content",
    [
        b"id,a,b\r1,x,y\r2,z,w",
        b'id,a,b\r\r1,x,"y"\r\r2,z,w\r',
        b"\r\rid,a,b\r1,x,y\r2,z,w\r",
        b'"id",a,"b"\r1,x,y\r2,z,w\r',
    ],
)
def test_lines_may_end_in_cr_alone(content, pieces):
    assert read(content, pieces=pieces) == [
        {"id": "1", "a": "x", "b": "y"},
        {"id": "2", "a": "z", "b": "w"},
    ]


def test_line_breaks_in_quotes_stay_as_they_were_whichever_ends_a_line():
    assert read(b'id,"a\nb"\r1,"x\ny\rz"\r') == [{"id": "1", "a\nb": "x\ny\rz"}]
    assert read(b'id,"a\rb"\n1,"x\ry\r\nz"\n') == [{"id": "1", "a\rb": "x\ry\r\nz"}]


@pytest.mark.parametrize("pieces", [1, 1 << 16])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r\r\n", "\r"])
def test_the_end_of_the_first_line_tells_how_lines_end(end, pieces):
    assert read(f"id,a{end}1,x{end}{end}2,y".encode(), pieces=pieces) == [
        {"id": "1", "a": "x"},
        {"id": "2", "a": "y"},
    ]


def test_a_stray_carriage_return_is_told_in_our_words():
    (bad,) = read(b"id,a\n1,x\ry\n")

    assert bad == (
        "the row is not CSV: a carriage return (CR) stands in the middle of it, outside of quotes"
    )


@pytest.mark.parametrize(
    ("line", "delimiter"),
    [
        ("sep=;", ";"),
        ("SEP=;", ";"),
        ('"sep=;"', ";"),
        ("sep=;;;", ";"),
        ("sep=|", "|"),
        ("sep=\t", "\t"),
        ("sep=^", "^"),
        ("sep=§", "§"),
        ("sep=,", ","),
        ("sep= ", " "),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_first_line_that_names_the_delimiter_is_obeyed(line, delimiter, end):
    lines = [line, f"id{delimiter}a", f"1{delimiter}x/y"]

    assert read(BOM.encode() + end.join(lines).encode()) == [{"id": "1", "a": "x/y"}]


def test_a_delimiter_that_was_told_holds_where_another_would_fit():
    assert read(b"sep=;\nid;a,id,b\n1;2\n") == [{"id": "1", "a,id,b": "2"}]
    assert read(b"sep=;\nid,a\n1,2\n", delimiter=",") == [{"id": "1", "a": "2"}]


def test_joined_files_repeat_the_line_that_names_the_delimiter():
    one = b"sep=;\r\nid;a\r\n1;x\r\n"
    repeated = []

    found = list(
        csv_rows.rows(
            io.BytesIO(one + one.replace(b"1;", b"2;")), "id", lambda _: None, repeated.append
        )
    )

    assert [row.members["id"] for row in found] == ["1", "2"]
    assert repeated == [5]


@pytest.mark.parametrize("delimiter", ["^", "§", " ", "~"])
def test_any_one_character_may_be_the_delimiter(delimiter):
    content = f"id{delimiter}a\n1{delimiter}x\n2{delimiter}{'y' * LONGEST_ROW}\n3{delimiter}z\n"

    first, long, last = read(content.encode(), delimiter=delimiter)

    assert (first["a"], last["a"]) == ("x", "z")
    assert "over 1 MiB" in long


def test_pipes_are_found_as_commas_are():
    assert read(b"id|name\n1|a,b\n") == [{"id": "1", "name": "a,b"}]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_before_the_header_are_skipped_whatever_they_hold(end):
    lines = ['Export "of', "\udcff", "", "id;a", "1;x"]
    content = end.join(lines).encode(errors="surrogateescape")

    (row,) = csv_rows.rows(io.BytesIO(content), "id", settings=CsvSettings(skip_lines=3))

    assert (row.line, row.members) == (5, {"id": "1", "a": "x"})


def test_the_line_with_the_delimiter_counts_among_those_that_are_skipped():
    assert read(b"sep=#\nExport\nid#a;b\n1#2\n", skip_lines=2) == [{"id": "1", "a;b": "2"}]
    assert read(b"Export\nsep=#\nid#a;b\n1#2\n", skip_lines=1) == [{"id": "1", "a;b": "2"}]


@pytest.mark.parametrize(("content", "lines"), [(b"a\nb\n", 2), (b"a\n\n\n\n", 4), (b"id,a", 1)])
def test_more_lines_than_there_are_leave_no_header(content, lines):
    reason = broken(content, skip_lines=3)

    assert "3 lines that csv.skip_lines skips" in reason
    assert reason.endswith(f"the file has {lines}")
    assert read(b"", skip_lines=3) == []


@pytest.mark.parametrize(
    "header",
    [
        "id, name, email",
        " id ,name\u00a0, email ",
        '"id", "name", "email"',
        '" id"," name "," email"',
        "\tid\t,name,email",
    ],
)
def test_blanks_around_the_names_of_columns_are_dropped_and_those_of_values_stay(header):
    assert read(f"{header}\n1, Ada ,a@x\n".encode()) == [
        {"id": "1", "name": " Ada ", "email": "a@x"}
    ]


def test_a_repeated_header_is_one_whatever_blanks_it_has():
    assert read(b'id, name\n1,x\nid, name\nid,name\n" id", "name"\n2,y\n') == [
        {"id": "1", "name": "x"},
        {"id": "2", "name": "y"},
    ]


def test_columns_of_one_name_are_no_properties_and_told_of():
    headers = []
    content = b"id,a,b, a,,c,a\n1,2,3,4,5,6,7\nid,a,b,a,,c,a\n"

    (row,) = csv_rows.rows(io.BytesIO(content), "id", headers.append)

    assert row.members == {"id": "1", "b": "3", "c": "6"}
    assert headers[0].repeated == {"a": (2, 4, 7)}
    assert headers[0].unnamed == (5,)


@given(
    values=st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=4),
    encoding=st.sampled_from(["utf-16", "utf-16-be", "utf-32-le", "gb18030", "utf-7", "auto"]),
    size=st.integers(1, 9),
)
def test_what_was_written_in_an_encoding_is_read_from_any_pieces(values, encoding, size):
    rows = [{"id": str(number), "a": value} for number, value in enumerate(values)]
    quoted = ['"' + row["a"].replace('"', '""') + '"' for row in rows]
    text = "id,a\r\n" + "".join(f"{number},{value}\r\n" for number, value in enumerate(quoted))
    written = text.encode("utf-8" if encoding == "auto" else encoding)

    assert read(written, encoding=encoding, pieces=size) == rows


@processor.at_most(20)
@pytest.mark.parametrize("filler", [b"\r", b'"', b"\n", b"x", b'"\r'])
@pytest.mark.parametrize("start", [b"", b'id,"'])
def test_looking_for_the_end_of_the_first_line_takes_time_in_proportion(start, filler):
    content = start + filler * (LONGEST_ROW // len(filler) + 9)
    # Packed one by one, each byte comes alone.
    text = csv_text(in_pieces(content[: LONGEST_ROW // 4], 1), "cp1252")

    with contextlib.suppress(BrokenFileError):
        read_header(text, "id")
