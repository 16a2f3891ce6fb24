"""Rows of an NDJSON file: one JSON object a line, blank lines skipped.

Where a line begins a value that is whole further on, or a list of objects, the rest of the file is
read as the JSON values that it holds, whatever their lines.
"""

from __future__ import annotations

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
)
from webhookd.sources.formats.rows import LONGEST_ROW, Row, skip_blank_lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_NEWLINE = 10
_BLANKS: Final = b" \t\r\n"

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
        elif content := line.strip():
            row = _row(number, content)
            if trials and type(row) is BadRow and json_sequence.is_begun(content):
                ahead = stream.read(LONGEST_ROW)
                if json_sequence.is_sequence(line + ahead):
                    yield from json_sequence.rows(rejoined(line + ahead, stream), number)
                    return
                trials -= 1
                stream = rejoined(ahead, stream)
            yield row
        else:
            number += skip_blank_lines(stream, _BLANKS)


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
        return BadRow(number, error.start + 1, "the row is not UTF-8")
    except StopIteration as error:
        return BadRow(number, error.value + 1, "the row is not JSON: a value is missing here")
    except JSONDecodeError as error:
        return BadRow(number, error.pos + 1, f"the row is not JSON: {error.msg}")
    except RefusedValueError as error:
        return BadRow(number, 1, str(error))
    return _checked(number, content, value, text[end : end + 1], end)


def _checked(number: int, content: bytes, value: object, rest: str, end: int) -> Row | BadRow:
    if rest:
        of_list = " with a comma, as in a JSON list; that begins with [" if rest == "," else ""
        return BadRow(number, end + 1, f"the row goes on after its first value{of_list}")
    if type(value) is not dict:
        return BadRow(number, 1, "the row is not a JSON object")
    if b"\\u" in content and has_lone_surrogate(value):
        return BadRow(number, 1, "the row holds half of a surrogate pair")
    return Row(number, 1, len(content), value)
