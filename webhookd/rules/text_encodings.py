"""Which names of encodings text files may have: those that Python reads piece by piece."""

from __future__ import annotations

import codecs
from typing import Final

_SAMPLE: Final = "id;name\r\n1;a\n"
_ANY_BYTES: Final = bytes(range(256))


def is_text_encoding(name: str) -> bool:
    """Return whether *name* is an encoding in which lines of text can be read as they come."""
    try:
        written = _SAMPLE.encode(name)
        decoder = codecs.getincrementaldecoder(name)()
        pieces = [decoder.decode(bytes([one])) for one in written]
        codecs.getincrementaldecoder(name)(errors="replace").decode(
            written + _ANY_BYTES, final=True
        )
    except (LookupError, TypeError, ValueError):
        # What is none at all, none of text (hex), or one that cannot go on behind a bad byte.
        return False
    return "".join((*pieces, decoder.decode(b"", final=True))) == _SAMPLE
