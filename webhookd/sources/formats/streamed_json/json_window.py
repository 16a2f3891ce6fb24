"""A moving window over the text of a JSON file, with the place of what is read.

At least one whole row of the greatest length allowed is ahead of the place of reading, unless
the file ends before, so that a row can be given to the decoder in one piece.
"""

from __future__ import annotations

import codecs
import re
from io import BytesIO
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from typing import BinaryIO

_CHUNK: Final = 1 << 20
_SPACE = re.compile(r"[ \t\n\r]*")
_OUTSIDE = re.compile(r'[\[{]+|[\]}",]')
_INSIDE = re.compile(r'["\\]')
_STRING_END = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)


def _nested(levels: int) -> str:
    """Return a pattern for what stands in brackets that are nested this deep at most."""
    string = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
    inner = rf"|[\[{{]{_nested(levels - 1)}[\]}}]" if levels else ""
    return rf'(?:[^"\[\]{{}}]++|{string}{inner})*+'


# Whole values at once, without a step for each string and bracket: most rows are not deeper.
_SHALLOW = re.compile(
    rf'(?:[^"\[\]{{,]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[{{]{_nested(2)}[\]}}])*+(?=[,\]])', re.DOTALL
)

_BALANCED = re.compile(_nested(3), re.DOTALL)
"""What stands within brackets, as far as it is whole: one step instead of one for each string."""


class Window:
    """The part of *stream*'s text in memory: *text*, and the place *at* in it to read next.

    Bytes that are not UTF-8 become lone surrogates, to be found row by row. *stream* begins in the
    *line* of that number, and *ahead* characters are in memory before they are read.
    """

    def __init__(self, stream: BinaryIO, ahead: int, line: int = 1) -> None:
        self._stream = stream
        self._ahead = ahead
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._is_end = False
        self._line = line
        self._line_start = 0
        self._counted = 0
        self.text = ""
        self.at = 0
        self.is_clean = True

    def fill(self) -> None:
        """Read on until enough is ahead, or the file ends."""
        if self._is_end or len(self.text) - self.at > self._ahead:
            return
        self._place_of(self.at)
        parts = [self.text[self.at :]]
        length = len(parts[0])
        self._line_start -= self.at
        self._counted -= self.at
        self.at = 0
        while length <= self._ahead and not self._is_end:
            parts.append(self._read())
            length += len(parts[-1])
        self.text = "".join(parts)
        self.is_clean = _is_utf8(self.text)

    @property
    def has_all(self) -> bool:
        """Return whether everything up to the end of the file is in the text."""
        return self._is_end

    def ahead(self) -> Window:
        """Return a window of its own over what is ahead in memory; nothing is read over by it."""
        content = self.text[self.at :].encode("utf-8", "surrogateescape")
        ahead = Window(BytesIO(content), self._ahead)
        ahead.fill()
        return ahead

    def next_mark(self) -> str:
        """Return the next character that is not space, without reading it; empty at the end."""
        while True:
            self.fill()
            text, at = self.text, self.at
            if at < len(text):
                if (mark := text[at]) not in " \t\n\r":
                    return mark
                self.at = at = self._end_of_space()
                if at < len(text):
                    return text[at]
            if self._is_end:
                return ""

    def place(self) -> tuple[int, int]:
        """Return line and column (from 1) of the next character."""
        return self._place_of(self.at)

    def place_of(self, position: int) -> tuple[int, int]:
        """Return line and column of a *position* in the text, not before an earlier one."""
        return self._place_of(position)

    def skip_value(self, ends: str = ",]") -> int | None:
        """Read over what is left of a value, to the one of *ends* that ends it.

        Return how many characters that were, None when the file ends inside. Only strings
        and brackets count, so this finds the end of values that the decoder refuses.
        """
        skipped, depth = 0, 0
        while self.next_mark():
            start = self.at
            if depth and (whole := _BALANCED.match(self.text, start)):
                self.at = whole.end()
            depth = self._skip_outside(depth, ends)
            skipped += self.at - start
            if depth < 0:
                return skipped
            if self.at < len(self.text) and self.text[self.at] == '"':
                length = self._skip_string()
                if length is None:
                    return None
                skipped += length
        return skipped if depth == 0 else None

    def end_of_value(self, start: int) -> int | None:
        """Return where the value at *start* ends, None where that is not in the text in memory.

        Nothing is read over. As for `skip_value`, only strings and brackets count.
        """
        if whole := _SHALLOW.match(self.text, start):
            return whole.end()
        text, depth, at = self.text, 0, start
        while match := _OUTSIDE.search(text, at):
            mark, at = match.group(), match.end()
            if mark == '"':
                end = _STRING_END.match(text, at)
                if end is None:
                    return None
                at = end.end()
            elif depth == 0 and mark in ",]":
                return match.start()
            else:
                depth = _deeper(depth, mark)
        return None

    def _skip_outside(self, depth: int, ends: str) -> int:
        """Read to the next string or the window's end; -1 when the value ended before."""
        while match := _OUTSIDE.search(self.text, self.at):
            mark = match.group()
            self.at = match.start()
            if mark == '"':
                return depth
            if depth == 0 and mark in ends:
                return -1
            depth = _deeper(depth, mark)
            self.at = match.end()
        self.at = len(self.text)
        return depth

    def _skip_string(self) -> int | None:
        self.at += 1
        length = 1
        while True:
            match = _INSIDE.search(self.text, self.at)
            end = match.end() if match else len(self.text)
            length += end - self.at
            self.at = end
            if match is not None and match.group() == '"':
                return length
            self.fill()
            if self.at >= len(self.text):
                return None
            if match is not None:
                self.at += 1
                length += 1

    def _end_of_space(self) -> int:
        match = _SPACE.match(self.text, self.at)
        return match.end() if match else self.at

    def _read(self) -> str:
        chunk = self._stream.read(_CHUNK)
        self._is_end = not chunk
        return self._decoder.decode(chunk, final=self._is_end)

    def _place_of(self, position: int) -> tuple[int, int]:
        # Counted on from the last place: from the start each time would cost the square.
        counted = self._counted
        if position > counted:
            if newlines := self.text.count("\n", counted, position):
                self._line += newlines
                self._line_start = self.text.rfind("\n", counted, position) + 1
            self._counted = position
        column = position - self._line_start
        return self._line, column + 1 if column > 0 else 1


def _deeper(depth: int, mark: str) -> int:
    if mark[0] in "{[":
        return depth + len(mark)
    return max(depth - 1, 0) if mark in "}]" else depth


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
