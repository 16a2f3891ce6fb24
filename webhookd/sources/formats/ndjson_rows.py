"""Rows of an NDJSON file: one JSON object a line, blank lines skipped.

Where a line begins a value that is whole further on, or a list of objects, the rest of the file is
read as the JSON values that it holds, whatever their lines.
"""

from __future__ import annotations

from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from json import JSONDecodeError
from typing import TYPE_CHECKING, Final

from webhookd.model import BadRow
from webhookd.sources.formats import json_sequence
from webhookd.sources.formats.json_sequence import rejoined
from webhookd.sources.formats.json_values import (
    DEEPEST,
    RefusedValueError,
    has_lone_surrogate,
    is_too_deep,
    scan,
    why_no_value,
)
from webhookd.sources.formats.rows import BLANK, LONGEST_ROW, Row, skip_blank_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_NEWLINE = 10
_FIRST_OF_MARK: Final = BOM_UTF8[0]
_UTF_16_MARKS: Final = (BOM_UTF16_LE, BOM_UTF16_BE)

_JOINED: Final = ": were files joined without a line break between them?"
_GOES_ON: Final = {
    ",": " with a comma, as in a JSON list; that begins with [",
    "\ufeff": f" with a byte order mark{_JOINED}",
    "{": f" with another{_JOINED}",
}
"""What to say of a row that goes on with a character."""

_MOST_TRIALS: Final = 3
"""Lines that may turn out to begin nothing; each costs a look at the next 1 MiB."""


def rows(stream: BinaryIO) -> Iterator[Row | BadRow]:
    """Yield every row of *stream*, in constant memory whatever its lines hold."""
    number, trials = 0, _MOST_TRIALS
    while line := stream.readline(LONGEST_ROW + 1):
        number += 1
        if len(line) > LONGEST_ROW and line[-1] != _NEWLINE:
            if json_sequence.is_list(line):
                yield from json_sequence.rows(rejoined(line, stream), number)
                return
            _skip_line(stream)
            yield BadRow(number, 1, "the row is over 1 MiB")
        elif (content := line.strip()) and (
            content[0] != _FIRST_OF_MARK or (content := _behind_marks(content))
        ):
            row = _row(number, content)
            if trials and type(row) is BadRow and json_sequence.is_begun(content):
                ahead = stream.read(LONGEST_ROW)
                begun = content + b"\n" + ahead
                if json_sequence.is_sequence(begun):
                    yield from json_sequence.rows(rejoined(begun, stream), number)
                    return
                trials -= 1
                stream = rejoined(ahead, stream)
            yield row
        else:
            number += skip_blank_lines(stream, BLANK)


def _behind_marks(content: bytes) -> bytes:
    """Return a line without the byte order mark of a joined file, which RFC 8259 lets us ignore."""
    while content.startswith(BOM_UTF8):
        content = content[len(BOM_UTF8) :].lstrip()
    return content


def _skip_line(stream: BinaryIO) -> None:
    while (piece := stream.readline(LONGEST_ROW)) and piece[-1] != _NEWLINE:
        pass


def _row(number: int, content: bytes) -> Row | BadRow:
    try:
        text = content.decode()
        if is_too_deep(text):
            return BadRow(number, 1, f"the row is nested deeper than {DEEPEST} levels")
        value, end = scan(text, 0)
    except UnicodeDecodeError as error:
        is_utf_16 = content.startswith(_UTF_16_MARKS)
        why = ": UTF-16 begins here; save what is joined as UTF-8" if is_utf_16 else ""
        return BadRow(number, error.start + 1, f"the row is not UTF-8{why}")
    except StopIteration as error:
        return BadRow(number, error.value + 1, why_no_value(text, error.value))
    except JSONDecodeError as error:
        return BadRow(number, error.pos + 1, f"the row is not JSON: {error.msg}")
    except RefusedValueError as error:
        return BadRow(number, 1, str(error))
    return _checked(number, content, value, text[end : end + 1], end)


def _checked(number: int, content: bytes, value: object, rest: str, end: int) -> Row | BadRow:
    if rest:
        how = _GOES_ON.get(rest, "")
        return BadRow(number, end + 1, f"the row goes on after its first value{how}")
    if type(value) is not dict:
        return BadRow(number, 1, "the row is not a JSON object")
    if b"\\u" in content and has_lone_surrogate(value):
        return BadRow(number, 1, "the row holds half of a surrogate pair")
    return Row(number, 1, len(content), value)
