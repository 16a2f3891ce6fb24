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


def rows(stream: BinaryIO) -> Iterator[Row | BadRow]:
    """Yield every row of *stream*, in constant memory whatever it holds."""
    window = Window(stream, LONGEST_ROW)
    mark = window.next_mark()
    if not mark:
        return
    if mark == "[":
        window.at += 1
        yield from _elements(window)
    else:
        yield _row(window)
    if window.next_mark():
        hint = "; a file with one object a line is named .ndjson" if mark == "{" else ""
        raise BrokenFileError(f"text follows the end of the JSON value{hint}", *window.place())


def _elements(window: Window) -> Iterator[Row | BadRow]:
    if window.next_mark() == "]":
        window.at += 1
        return
    while True:
        yield _row(window)
        mark = window.next_mark()
        if not mark:
            raise BrokenFileError("the file ends inside its array", *window.place())
        if mark not in ",]":
            raise BrokenFileError("a comma or ] is missing between two rows", *window.place())
        window.at += 1
        if mark == "]":
            return


def _row(window: Window) -> Row | BadRow:
    window.next_mark()
    window.fill()
    start = window.at
    line, column = window.place()
    try:
        value, end = scan(window.text, start)
    except StopIteration as error:
        return _refused(window, error.value, "the row is not JSON: a value is missing here")
    except JSONDecodeError as error:
        return _refused(window, error.pos, f"the row is not JSON: {error.msg}")
    except RefusedValueError as error:
        return _refused(window, start, str(error))
    except RecursionError:
        return _refused(window, start, f"the row is nested deeper than {DEEPEST} levels")
    window.at = end
    size = _size(window.text, start, end)
    reason = _fault(window, start, end, size, value)
    return Row(line, column, size, value) if reason is None else BadRow(line, column, reason)


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
