"""Answers that hold bytes which are not UTF-8: they cost the value that they stand in."""

from __future__ import annotations

import pytest

from webhookd.sources.polling.answer_json import BAD_VALUE, NO_TEXT, decoded, decoded_exactly

STRAY = {
    "latin-1": "é".encode("latin-1"),
    "half a character": "é".encode()[:1],
    "a surrogate": b"\xed\xa0\x80",
    "too long a form": b"\xc0\xaf",
    "beyond Unicode": b"\xf5\x80\x80\x80",
}


def record(members):
    return decoded(b'{"total": 1, "results": [{%b}]}' % members)["results"][0]


@pytest.mark.parametrize("name", STRAY)
def test_only_the_text_that_holds_them_is_bad(name):
    found = record(b'"a": ["x", "y%b"], "b": "z", "n": 1.10' % STRAY[name])

    assert found == {"a": ["x", NO_TEXT], "b": "z", "n": "1.10"}
    assert repr(found["a"][1]) == "bytes that are not UTF-8"


def test_an_object_with_such_a_name_is_bad():
    assert record(b'"a": {"\xff": 1}, "b": 2') == {"a": NO_TEXT, "b": "2"}


@pytest.mark.parametrize(
    "content",
    [b'"\xff": 1', b'"a": "\xff"', b'"a": ["\xff"]', b'"a": {"next": {"after": "\xff"}}'],
)
def test_an_answer_that_holds_them_beside_its_records_is_refused(content):
    with pytest.raises(ValueError, match="not UTF-8"):
        decoded(b"{%b}" % content)


def test_half_of_a_character_as_an_escape_is_as_ever():
    assert record(b'"a": "\\ud83d", "b": "\xff"') == {"a": "\ud83d", "b": NO_TEXT}
    assert record(b'"a": "\\udcff", "b": "\xff"') == {"a": "\udcff", "b": NO_TEXT}


def test_a_text_with_a_code_point_that_is_none_stays():
    content = '"a": "\ufdd0\ufdd1", "b": "\\uFDD2", "c": "'.encode() + b'\xff"'

    assert record(content) == {"a": "\ufdd0\ufdd1", "b": "\ufdd2", "c": NO_TEXT}


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe", b'{"a": \xff}', '{"a": 1}'.encode("utf-16"), b'{"a": "\xff"', b'["\xff"]'],
)
def test_what_is_no_json_without_them_is_none_with_them(content):
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        decoded(content)


def test_where_every_mark_is_taken_it_is_not_read():
    every = "".join(map(chr, range(0xFDD0, 0xFDF0))).encode()

    with pytest.raises(ValueError, match="UTF-8"):
        decoded(b'{"a": "%b", "b": "\xff"}' % every)


def test_an_exact_answer_is_any_value_with_its_numbers_as_written():
    found = decoded_exactly(
        b'[{"n": 1.10, "a": "y%b"}, {"a": NaN}, {"a": 1, "a": 2}]' % STRAY["latin-1"]
    )

    first, second, third = found.value
    assert (str(first["n"]), first["n"] > 1, first["a"]) == ("1.10", True, NO_TEXT)
    assert (second, third) == ({"a": BAD_VALUE}, BAD_VALUE)
    assert not found.is_deep


@pytest.mark.parametrize(("depth", "is_deep"), [(60, False), (100, True), (300, True)])
def test_a_deep_answer_is_read_and_says_so(depth, is_deep):
    assert decoded_exactly(b"[" * depth + b"]" * depth).is_deep is is_deep


@pytest.mark.parametrize("content", [b"", b"[", b"{}{}", b"<html>", b"[" * 10_000 + b"]" * 10_000])
def test_what_is_no_exact_answer_is_an_error(content):
    with pytest.raises(ValueError, match="it is "):
        decoded_exactly(content)
