"""Rows of a JSON file: an array of objects, or one object; streamed row by row."""

from __future__ import annotations

import re
from json import JSONDecodeError
from typing import TYPE_CHECKING

from webhookd.model import BadRow
from webhookd.sources.formats.json_values import (
    DEEPEST,
    RefusedValueError,
    has_lone_surrogate,
    is_too_deep,
    scan,
)
from webhookd.sources.formats.json_window import Window
from webhookd.sources.formats.rows import LONGEST_ROW, BrokenFileError, Row

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

# What surrogateescape makes of bytes that are not UTF-8.
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_TOO_LONG = "the row is over 1 MiB"

_MOST_IN_PLACE = 20
"""Rows that may be refused where they stand; each costs a look at the text before it."""


def rows(stream: BinaryIO, *, is_list: bool = False) -> Iterator[Row | BadRow]:
    """Yield every row of *stream*, in constant memory whatever it holds.

    Where *is_list*, the file lists all records: then a single object is none.
    """
    window = Window(stream, LONGEST_ROW)
    mark = window.next_mark()
    if not mark:
        return
    if mark == "[":
        window.at += 1
        yield from _elements(window)
    elif is_list:
        raise BrokenFileError(
            "a snapshot lists all records: this is one value, not a list; write [{…}, {…}]",
            *window.place(),
        )
    else:
        yield _Decoder(window).row()
    if window.next_mark():
        hint = "; a file with one object a line is named .ndjson" if mark == "{" else ""
        raise BrokenFileError(f"text follows the end of the JSON value{hint}", *window.place())


def _elements(window: Window) -> Iterator[Row | BadRow]:
    if window.next_mark() == "]":
        window.at += 1
        return
    decoder = _Decoder(window)
    while True:
        yield decoder.row()
        mark = window.next_mark()
        if not mark:
            raise BrokenFileError("the file ends inside its array", *window.place())
        if mark not in ",]":
            raise BrokenFileError("a comma or ] is missing between two rows", *window.place())
        window.at += 1
        if mark == "]":
            return


class _Decoder:
    """Decodes the rows in a window.

    An error of the decoder counts the lines before it, from the start of the text that it was
    given. After a few refused rows each is given to it alone, so that the time is linear.
    """

    def __init__(self, window: Window) -> None:
        self._window = window
        self._refused = 0

    def row(self) -> Row | BadRow:
        """Return the next row."""
        window = self._window
        window.next_mark()
        window.fill()
        start = window.at
        line, column = window.place()
        text, at = self._text(start)
        before = start - at
        try:
            value, end = scan(text, at)
        except StopIteration as error:
            position = error.value + before
            return self._refuse(position, "the row is not JSON: a value is missing here")
        except JSONDecodeError as error:
            return self._refuse(error.pos + before, f"the row is not JSON: {error.msg}")
        except RefusedValueError as error:
            return self._refuse(start, str(error))
        except RecursionError:
            return self._refuse(start, f"the row is nested deeper than {DEEPEST} levels")
        end += before
        window.at = end
        size = _size(window.text, start, end)
        reason = _fault(window, start, end, size, value)
        return Row(line, column, size, value) if reason is None else BadRow(line, column, reason)

    def _text(self, start: int) -> tuple[str, int]:
        """Return the text to decode, and the place in it where the row begins."""
        if self._refused < _MOST_IN_PLACE:
            return self._window.text, start
        end = self._window.end_of_value(start)
        return (self._window.text, start) if end is None else (self._window.text[start:end], 0)

    def _refuse(self, position: int, reason: str) -> BadRow:
        self._refused += 1
        return _refused(self._window, position, reason)


def _refused(window: Window, position: int, reason: str) -> BadRow:
    """Return the bad row that starts here, read over; one without an end breaks the file."""
    start = window.place()
    place = window.place_of(position)
    length = window.skip_value()
    if length is None:
        raise BrokenFileError(f"the file ends inside the row that starts here ({reason})", *start)
    if length > LONGEST_ROW:
        return BadRow(*start, _TOO_LONG)
    return BadRow(*place, reason)


def _size(text: str, start: int, end: int) -> int:
    """Return the length in bytes; counted only where it can matter."""
    length = end - start
    if length * 4 <= LONGEST_ROW or length > LONGEST_ROW:
        return length
    return len(text[start:end].encode("utf-8", "surrogateescape"))


def _fault(window: Window, start: int, end: int, size: int, value: object) -> str | None:
    if size > LONGEST_ROW:
        return _TOO_LONG
    if type(value) is not dict:
        return "the row is not a JSON object"
    text = window.text
    if not window.is_clean and _NOT_UTF8.search(text, start, end):
        return "the row is not UTF-8"
    if text.find("\\u", start, end) >= 0 and has_lone_surrogate(value):
        return "the row holds half of a surrogate pair"
    if text.count("{", start, end) + text.count("[", start, end) <= DEEPEST:
        return None
    deep = is_too_deep(text[start:end])
    return f"the row is nested deeper than {DEEPEST} levels" if deep else None
