"""The text of a configuration file: bytes in, checked characters out."""

from __future__ import annotations

import codecs
import re
from typing import NamedTuple

LARGEST = 16 * 1024 * 1024
MOST_PROBLEMS = 10_000
DEEPEST = 64

_REFUSED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")
# YAML 1.1, which the C parser speaks, breaks lines at these; editors and YAML 1.2 do not, so
# every place after one would be wrong.
_ODD_BREAK = re.compile("[\u2028\u2029]")


class Place(NamedTuple):
    """A line and a column, both from 1."""

    line: int
    column: int


TOP = Place(1, 1)


class FlawError(Exception):
    """What makes a whole file unusable, and where (both from 1)."""

    def __init__(self, line: int, column: int, message: str) -> None:
        self.line, self.column, self.message = line, column, message
        super().__init__(message)


def decode(content: bytes) -> str:
    """Return the characters of a file, or raise the `FlawError` that makes it no text."""
    content = content.removeprefix(codecs.BOM_UTF8)
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise FlawError(1, 1, "this is UTF-16; save the file as UTF-8")
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        byte = content[error.start]
        before = content[: error.start].decode()
        raise FlawError(*_place(before), f"byte 0x{byte:02X} is not UTF-8") from None
    _refuse_control_characters(text)
    return text


def _refuse_control_characters(text: str) -> None:
    if found := _REFUSED.search(text):
        message = f"the control character U+{ord(found.group()):04X} is not allowed"
        raise FlawError(*_place(text[: found.start()]), message)
    if found := _ODD_BREAK.search(text):
        name = f"{ord(found.group()):04x}"
        message = f'the line separator U+{name} is not allowed; write it as "\\u{name}"'
        raise FlawError(*_place(text[: found.start()]), message)


def _place(before: str) -> Place:
    # A carriage return alone breaks a line in YAML too, and CRLF breaks one, not two.
    lines = re.split("\r\n|\r|\n", before)
    return Place(len(lines), len(lines[-1]) + 1)
