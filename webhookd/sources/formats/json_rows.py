"""Rows of a JSON file: a list of objects, at its top or within it, or one object; streamed."""

from __future__ import annotations

import re
from contextlib import suppress
from json import JSONDecodeError
from typing import TYPE_CHECKING

from webhookd.model import BadRow
from webhookd.sources.formats.json_values import (
    DEEPEST,
    RefusedValueError,
    has_lone_surrogate,
    is_too_deep,
    scan,
    why_no_value,
)
from webhookd.sources.formats.rows import LONGEST_ROW, BrokenFileError, Row
from webhookd.sources.formats.streamed_json.json_document import Document, hint, listed_at
from webhookd.sources.formats.streamed_json.json_window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

# What surrogateescape makes of bytes that are not UTF-8.
_NOT_UTF8 = re.compile("[\udc80-\udcff]")
_TOO_LONG = "the row is over 1 MiB"

_INSTEAD = {
    "{": "; a file with one object a line is named .ndjson",
    "[": "; where files were joined, drop them one by one",
    "\ufeff": ", a byte order mark; where files were joined, drop them one by one",
}
"""What to do instead, by the character that follows."""

_MOST_IN_PLACE = 20
"""Rows that may be refused where they stand; each costs a look at the text before it."""


def rows(
    stream: BinaryIO, id_property: str = "id", *, path: tuple[str, ...] = (), is_list: bool = False
) -> Iterator[Row | BadRow]:
    """Yield every row of *stream*, in constant memory whatever it holds.

    They are the list at *path* in its document, or else the document: a list, or one record.
    Where *is_list*, the file lists all records: then a single object is none.
    """
    window = Window(stream, LONGEST_ROW)
    mark = window.next_mark()
    if not mark:
        return
    if path:
        document = Document(window, path)
        document.enter()
        yield from elements(window)
        document.leave()
    elif mark == "[":
        yield from elements(window)
    else:
        yield _only(window, id_property, is_list=is_list)
    if follows := window.next_mark():
        raise BrokenFileError(
            f"text follows the end of the JSON value{_INSTEAD.get(follows, '')}", *window.place()
        )


def _only(window: Window, id_property: str, *, is_list: bool) -> Row | BadRow:
    """Return the one row of a document that is no list; BrokenFileError where it is a page."""
    place = window.place()
    window.fill()
    listed, is_in_memory = _listed(window)
    if listed is None and not is_in_memory:
        listed = listed_at(window)
        if listed is None and not is_list:
            return BadRow(*place, _TOO_LONG)
    if listed is None and is_list:
        reason = "a snapshot lists all records: this is one value, not a list; write [{…}, {…}]"
        raise BrokenFileError(reason, *place)
    if listed is None:
        return RowDecoder(window).row()
    # An object with an id is a record, whatever it holds.
    row = None
    if is_in_memory and not is_list:
        with suppress(BrokenFileError):
            row = RowDecoder(window).row()
    if isinstance(row, Row) and (
        row.members.get(id_property) is not None or "properties" in row.members
    ):
        return row
    raise BrokenFileError(hint(listed), *place)


def _listed(window: Window) -> tuple[tuple[str, ...] | None, bool]:
    """Return the path of the list in the value that starts here, and whether it ends in memory."""
    if window.next_mark() != "{":
        return None, True
    try:
        return listed_at(window.ahead()), True
    except BrokenFileError:
        return None, window.has_all


def elements(window: Window) -> Iterator[Row | BadRow]:
    """Yield the elements of the list that starts here."""
    window.at += 1
    if window.next_mark() == "]":
        window.at += 1
        return
    decoder = RowDecoder(window)
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


class RowDecoder:
    """Decodes the rows in a window.

    An error of the decoder counts the lines before it, from the start of the text that it was
    given. After a few refused rows each is given to it alone, so that the time is linear.

    A row that *is_alone* is in no list: where it is broken, nothing says where the next begins.
    """

    def __init__(self, window: Window, *, is_alone: bool = False) -> None:
        self._window = window
        self._is_alone = is_alone
        self._refused = 0

    def row(self) -> Row | BadRow:
        """Return the next row; BrokenFileError where it does not end, or is broken and alone."""
        window = self._window
        window.next_mark()
        window.fill()
        start = window.at
        place = window.place()
        text, at, end_of_value = self._text(start)
        before = start - at
        try:
            value, end = scan(text, at)
        except StopIteration as error:
            position = error.value + before
            reason = why_no_value(text, error.value)
        except JSONDecodeError as error:
            position = error.pos + before
            reason = f"the row is not JSON: {error.msg}"
        except RefusedValueError as error:
            position, reason = start, str(error)
        except RecursionError:
            position, reason = start, f"the row is nested deeper than {DEEPEST} levels"
        else:
            end += before
            window.at = end
            size = _size(window.text, start, end)
            fault = _fault(window, start, end, size, value)
            return Row(*place, size, value) if fault is None else BadRow(*place, fault)
        if self._is_alone:
            is_cut = "Unterminated" in reason and not window.has_all
            if is_cut or position - start > LONGEST_ROW:
                raise BrokenFileError(_TOO_LONG, *place)
            raise BrokenFileError(reason, *window.place_of(position))
        self._refused += 1
        return self._read_over(place, window.place_of(position), end_of_value, reason)

    def _text(self, start: int) -> tuple[str, int, int | None]:
        """Return the text to decode, the place in it where the row begins, and its end if known."""
        if self._refused < _MOST_IN_PLACE:
            return self._window.text, start, None
        end = self._window.end_of_value(start)
        if end is None:
            return self._window.text, start, None
        return self._window.text[start:end], 0, end

    def _read_over(
        self, start: tuple[int, int], place: tuple[int, int], end: int | None, reason: str
    ) -> BadRow:
        """Return the bad row that starts here, read over; one without an end breaks the file."""
        window = self._window
        if end is None:
            length = window.skip_value()
        else:
            length, window.at = end - window.at, end
        if length is None:
            raise BrokenFileError(
                f"the file ends inside the row that starts here ({reason})", *start
            )
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
