"""JSON values one after the other, each over as many lines as it likes; lists give their elements.

Files that are named as NDJSON are often that: pretty-printed records, or a list.
"""

from __future__ import annotations

import io
import re
from json import JSONDecodeError
from typing import TYPE_CHECKING, Final

from webhookd.sources.formats.json_rows import RowDecoder, elements
from webhookd.sources.formats.json_values import RefusedValueError, is_too_deep, scan
from webhookd.sources.formats.rows import LONGEST_ROW
from webhookd.sources.formats.streamed_json.json_window import Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from _typeshed import WriteableBuffer

    from webhookd.model import BadRow
    from webhookd.sources.formats.rows import Row

_LIST: Final = re.compile(rb"\s*\[\s*[\]{]")
_BUFFER: Final = 1 << 16


def rows(stream: BinaryIO, line: int) -> Iterator[Row | BadRow]:
    """Yield every row of *stream*, which begins in this *line* of its file.

    BrokenFileError where a value is broken: nobody knows where the next one begins.
    """
    window = Window(stream, LONGEST_ROW, line)
    while mark := window.next_mark():
        if mark == "\ufeff":
            # Of a file that was joined.
            window.at += 1
        elif mark == "[":
            yield from elements(window)
        else:
            yield RowDecoder(window, is_alone=True).row()


def is_begun(line: bytes) -> bool:
    """Return whether *line* is a list of objects, or begins a value that goes on in the next."""
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return False
    if text[:1] not in {"{", "["} or is_too_deep(text):
        return False
    try:
        value, end = scan(text, 0)
    except StopIteration as error:
        return bool(error.value >= len(text))
    except JSONDecodeError as error:
        return error.pos >= len(text)
    except (RefusedValueError, RecursionError):
        return False
    is_list = type(value) is list and end == len(text)
    return is_list and (not value or type(value[0]) is dict)


def is_sequence(head: bytes) -> bool:
    """Return whether *head* begins with a whole object, or with a list of objects."""
    if head.lstrip().startswith(b"["):
        return is_list(head)
    text = head.decode("utf-8", "surrogateescape").lstrip()
    try:
        scan(text, 0)
    except (StopIteration, JSONDecodeError, RefusedValueError, RecursionError):
        return False
    return True


def is_list(head: bytes) -> bool:
    """Return whether *head* begins with a list of objects, or one that is empty."""
    return _LIST.match(head) is not None


class _Rejoined(io.RawIOBase):
    """What was read of a stream already, and then the rest of it."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        super().__init__()
        self._head = memoryview(head)
        self._rest = rest

    def readable(self) -> bool:
        """Return that this can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill *buffer*; 0 at the end."""
        room = memoryview(buffer).cast("B")
        if not self._head:
            piece = self._rest.read(len(room))
            room[: len(piece)] = piece
            return len(piece)
        count = min(len(room), len(self._head))
        room[:count] = self._head[:count]
        self._head = self._head[count:]
        return count


def rejoined(head: bytes, rest: BinaryIO) -> BinaryIO:
    """Return a stream of *head*, which was read already, and then the *rest*."""
    return io.BufferedReader(_Rejoined(head, rest), _BUFFER)
