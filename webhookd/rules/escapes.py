r"""Undo how a text was written (escapes, percent signs, entities), with a map back to its places.

What a receiver echoes went through encoders that nobody can list: JSON in JSON, `\u002B` of one
library, `&#x3D;` of another. So no forms of a secret are sought there: what can be undone is
undone, again and again, in the text and in the secret alike, and both are compared.
"""

from __future__ import annotations

import codecs
import re
from html.entities import html5
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PASSES: Final = 8
"""Encodings around each other that are undone: nobody reads a text that was encoded more often."""

_ESCAPE: Final = re.compile(
    r"\\[uU]\{(?P<braced>[0-9A-Fa-f]{1,6})\}"
    r"|(?P<pair>\\u[Dd][89ABab][0-9A-Fa-f]{2}\\u[Dd][C-Fc-f][0-9A-Fa-f]{2})"
    r"|\\U(?P<eight>[0-9A-Fa-f]{8})"
    r"|[\\%][uU](?P<four>[0-9A-Fa-f]{4})"
    r"|(?P<bytes>(?:%[0-9A-Fa-f]{2})+|(?:\\[xX][0-9A-Fa-f]{2})+|(?:\\[0-3][0-7]{2})+"
    r"|=[C-F][0-9A-F](?:=[89AB][0-9A-F])+)"
    r"|\\(?P<character>.)"
    r"|&#(?P<decimal>[0-9]{1,7});?"
    r"|&#[xX](?P<hexadecimal>[0-9A-Fa-f]{1,6});?"
    r"|&(?P<name>[A-Za-z][A-Za-z0-9]{1,31};)"
    r"|=(?P<equals>3D)",
    re.DOTALL,
)
_SIGNS: Final = ("\\", "%", "&", "=3D")
_QUOTED: Final = re.compile("=[C-F][0-9A-F]=[89AB]")
_MARKS: Final = re.compile(r"[%\\xX=]")
_BASES: Final = {"decimal": 10}
_CONTROLS: Final = dict(zip("nrtbfv0", "\n\r\t\b\f\v\0", strict=True))
_BEGUN: Final = re.compile(r"(?:(?:\\+[uUx]?\{?|%u?|&#?[xX]?|=)[0-9A-Za-z]{0,8}|[\x80-\xff]{1,3})$")
_NULS: Final = re.compile("\0+")
_BREAKS: Final = re.compile(r"[\\=]\r?\n|[\0\r\n]+")
"""Line breaks with the signs that say they are none, and NULs."""
_LARGEST: Final = 0x10FFFF


BYTE_BY_BYTE: Final = "webhookd.byte_by_byte"
"""The name under which decoders know: what is no UTF-8 is Latin-1, byte by byte."""


def _byte_by_byte(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error(BYTE_BY_BYTE, _byte_by_byte)


class Undone(NamedTuple):
    """A text without its encodings; each character's place in the text before."""

    text: str
    starts: Sequence[int]
    ends: Sequence[int]


def text_of(raw: bytes) -> str:
    """Return *raw* as text: UTF-8, and what is none as Latin-1, byte by byte."""
    return raw.decode(errors=BYTE_BY_BYTE)


def may_be_encoded(text: str) -> bool:
    """Return whether *text* has signs of encodings; much quicker than to undo them."""
    return any(sign in text for sign in _SIGNS) or ("=" in text and bool(_QUOTED.search(text)))


def undone(text: str) -> Undone:
    """Return *text* without its encodings, line breaks and NULs, in lower case, `+` as a space."""
    # What was wrapped may be broken in the middle of an escape.
    *_, last = unescaping(text, dropped=_BREAKS)
    return last._replace(text=_folded(last.text))


def unescaping(text: str, dropped: re.Pattern[str] = _NULS) -> Iterator[Undone]:
    """Yield *text* with none of its encodings undone, with the outermost ones, with the next.

    What is to be *dropped* is so each time: in UTF-16, NULs stand within escapes, too.
    """
    found = Undone(text, range(len(text)), range(1, len(text) + 1))
    found = _replaced(found, dropped)
    yield found
    for _ in range(PASSES):
        # Quicker than the pattern, which most answers hold nothing of.
        if not may_be_encoded(found.text) or not _ESCAPE.search(found.text):
            break
        found = _replaced(_replaced(found, _ESCAPE), dropped)
        yield found


def without_begun(text: str) -> str:
    """Return *text* without an escape at its end of which the rest may have been cut off."""
    return _BEGUN.sub("", text.rstrip("\ufffd"))


def _replaced(before: Undone, sought: re.Pattern[str]) -> Undone:
    """Return *before* with what is *sought* replaced by what it means."""
    text, starts, ends = before
    pieces: list[str] = []
    new_starts: list[int] = []
    new_ends: list[int] = []
    place = 0
    for found in sought.finditer(text):
        first, last = found.span()
        meant = _meant(found)
        if meant is None:
            continue
        pieces += (text[place:first], meant)
        new_starts += starts[place:first]
        new_ends += ends[place:first]
        width = 4 if found[0].startswith("\\") else 3
        if found.lastgroup == "bytes" and len(meant) * width == last - first:
            # One character for each byte: each has a place of its own.
            new_starts += starts[first:last:width]
            new_ends += ends[first + width - 1 : last : width]
        else:
            new_starts += [starts[first]] * len(meant)
            new_ends += [ends[last - 1]] * len(meant)
        place = last
    if not pieces:
        return before
    pieces.append(text[place:])
    new_starts += starts[place:]
    new_ends += ends[place:]
    return Undone("".join(pieces), new_starts, new_ends)


def _meant(found: re.Match[str]) -> str | None:
    """Return what an escape stands for; None: it is none."""
    kind, written = found.lastgroup or "dropped", found[found.lastgroup or 0]
    meant: str | None
    match kind:
        case "bytes":
            meant = text_of(_bytes(written))
        case "pair":
            meant = bytes.fromhex(re.sub(r"\\u", "", written)).decode("utf-16-be", "replace")
        case "character":
            meant = _CONTROLS.get(written, written)
        case "name":
            meant = html5.get(written)
        case "equals" | "dropped":
            meant = "=" if kind == "equals" else ""
        case _:
            code = int(written, _BASES.get(kind, 16))
            meant = chr(code) if code <= _LARGEST else None
    return meant


def _bytes(written: str) -> bytes:
    if written[0] == "\\" and written[1] not in "xX":
        return bytes(int(octal, 8) for octal in written[1:].split("\\"))
    return bytes.fromhex(_MARKS.sub("", written))


def _folded(text: str) -> str:
    lower = text.replace("+", " ").lower()
    if len(lower) == len(text):
        return lower
    return "".join([one if len(low := one.lower()) != 1 else low for one in text.replace("+", " ")])
