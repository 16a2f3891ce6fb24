"""HMACs (RFC 2104) of one key, whose part is hashed once for all of them."""

from __future__ import annotations

import hashlib
from typing import Self

_INNER = bytes(byte ^ 0x36 for byte in range(256))
_OUTER = bytes(byte ^ 0x5C for byte in range(256))


class KeyedHash:
    """Makes HMACs with a key.

    `hmac.digest` looks its algorithm up and hashes the key each time, which takes longer than a
    body of a few hundred bytes, and gives the interpreter's lock away whatever there is to hash.
    """

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes, algorithm: str) -> None:
        size = hashlib.new(algorithm).block_size
        if len(key) > size:
            key = hashlib.new(algorithm, key).digest()
        key = key.ljust(size, b"\0")
        self._inner = hashlib.new(algorithm, key.translate(_INNER))
        self._outer = hashlib.new(algorithm, key.translate(_OUTER))

    def begun(self, text: bytes) -> Self:
        """Return what makes HMACs of texts that begin with *text*, given what is behind it."""
        made = type(self).__new__(type(self))
        made._inner, made._outer = self._inner.copy(), self._outer  # noqa: SLF001 - of its own class
        made._inner.update(text)  # noqa: SLF001 - of its own class
        return made

    def digest(self, text: bytes) -> bytes:
        """Return the HMAC of *text*, behind what it was begun with."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text)
        outer.update(inner.digest())
        return outer.digest()
