"""Which encodings may be named for text files."""

from __future__ import annotations

import pytest

from webhookd.rules.text_encodings import is_text_encoding


@pytest.mark.parametrize(
    "name",
    [
        "utf-8",
        "UTF_16",
        "latin1",
        "windows-1252",
        "cp437",
        "cp037",
        "shift_jis",
        "iso2022_jp",
        "gb18030",
    ],
)
def test_encodings_of_text_may_be_named_as_python_does(name):
    assert is_text_encoding(name)


@pytest.mark.parametrize(
    "name", ["", "ansi", "utf9", "rot13", "hex", "zip", "base64", "idna", "punycode", "undefined"]
)
def test_what_is_none_or_not_of_text_is_refused(name):
    assert not is_text_encoding(name)
