"""Files that somebody joined (`cat a b`): what is clear is read, and what is not is named."""

from __future__ import annotations

import io

import pytest

from webhookd.model import BadRow
from webhookd.sources.formats import formats
from webhookd.sources.formats.record_ids import IdRule
from webhookd.sources.formats.rows import BrokenFileError, observer

ONE, TWO = '{"id":"1"}', '{"id":"2"}'
MARK = "\ufeff"
OBSERVE = observer("contacts", IdRule("id"))


def read(file_format, content):
    """Return the ids of the rows, and for the others what is wrong, with its line."""
    found = []
    stream = io.BufferedReader(io.BytesIO(content))
    try:
        for row in formats.rows(stream, file_format, "id"):
            seen = row if isinstance(row, BadRow) else OBSERVE(row)
            found.append((seen.line, seen.reason) if isinstance(seen, BadRow) else seen.record_id)
    except BrokenFileError as error:
        found.append((error.line, error.reason))
    return found


@pytest.mark.parametrize(
    ("file_format", "content"),
    [
        ("ndjson", f"{MARK}{ONE}\n{MARK}{TWO}\n"),
        ("ndjson", f"{MARK}{MARK}{ONE}\r\n {MARK} {TWO}\r\n{MARK}\n"),
        ("ndjson", f'{ONE}\n{MARK}{{\n"id":"2"\n}}\n'),
        ("ndjson", f'{{\n"id":"1"}}\n{MARK}{TWO}\n'),
        ("ndjson", f"[{ONE}]\n{MARK}[{TWO}]\n"),
        ("json", f"{MARK}{MARK}[{ONE},{TWO}]"),
        ("csv", f"{MARK}id,a\n1,x\n{MARK}id,a\n2,y\n"),
        ("csv", f'{MARK}"id","a"\r1,x\r{MARK}"id","a"\r2,y\r'),
        ("csv", f"{MARK}{MARK}id\n1\n{MARK}id\n2\n"),
    ],
)
def test_what_is_clear_in_a_joined_file_is_read(file_format, content):
    assert read(file_format, content.encode()) == ["1", "2"]


def test_what_is_clear_in_joined_files_of_utf_16_is_read():
    content = f"{MARK}id,a\n1,x\n{MARK}id,a\n2,y\n"
    for encoding in ("utf-16-le", "utf-16-be"):
        assert read("csv", content.encode(encoding)) == ["1", "2"]


@pytest.mark.parametrize(
    ("file_format", "content", "line", "words"),
    [
        ("ndjson", f"{ONE}{MARK}{TWO}\n", 1, "joined without a line break"),
        ("ndjson", f"{ONE}{TWO}\n", 1, "joined without a line break"),
        ("ndjson", f"{ONE}\n\u200b{TWO}\n", 2, "an invisible character (U+200B)"),
        ("ndjson", f'{ONE}\n{{"id":"1{MARK}2"}}\n', 2, "byte order mark"),
        ("json", f"[{ONE}]\n{MARK}[{TWO}]", 2, "a byte order mark; where files were joined"),
        ("json", f"[{ONE}]\n[{TWO}]", 2, "drop them one by one"),
        ("json", f"[{ONE},\n{MARK}{TWO}]", 2, "an invisible character (U+FEFF)"),
        ("csv", f"id,a\n1,x\n{MARK}2,y\n", 3, "begins with an invisible byte order mark"),
        ("csv", f"a,id\nx,1\n{MARK}y,2\n", 3, "begins with an invisible byte order mark"),
        ("csv", f"id,a\n1,x{MARK}id,a\n2,y\n", 2, "joined without a line break"),
        ("csv", f"id\n1{MARK}id\n2\n", 2, "byte order mark"),
    ],
)
def test_what_is_not_clear_in_a_joined_file_is_named(file_format, content, line, words):
    found = read(file_format, content.encode())

    (named,) = [one for one in found if one[0] == line]
    assert words in named[1]


def test_utf_16_behind_utf_8_is_named():
    for encoding in ("utf-16-le", "utf-16-be"):
        content = f"{ONE}\n".encode() + f"{MARK}{TWO}\n".encode(encoding)
        first, (line, reason), *_ = read("ndjson", content)
        assert (first, line) == ("1", 2)
        assert "UTF-16 begins here; save what is joined as UTF-8" in reason
