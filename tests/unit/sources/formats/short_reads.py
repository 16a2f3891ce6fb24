"""Streams that give their bytes in pieces of a chosen size."""

from __future__ import annotations

import io


class _Pieces(io.RawIOBase):
    def __init__(self, content: bytes, size: int) -> None:
        super().__init__()
        self._content = io.BytesIO(content)
        self._size = size

    def readable(self):
        return True

    def readinto(self, buffer):
        piece = self._content.read(min(self._size, len(buffer)))
        buffer[: len(piece)] = piece
        return len(piece)


def in_pieces(content: bytes, size: int) -> io.BufferedReader:
    """Return a stream whose every read of the file underneath gives at most *size* bytes."""
    return io.BufferedReader(_Pieces(content, size), buffer_size=size)


class ShortReads:
    """A stream whose `read` gives less than it is asked for."""

    def __init__(self, content: bytes, size: int) -> None:
        self._content = io.BytesIO(content)
        self._size = size

    def read(self, _: int) -> bytes:
        """Return the next piece, whatever length is asked for."""
        return self._content.read(self._size)
