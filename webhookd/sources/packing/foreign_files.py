"""Files that hold no rows of text: recognised by how they begin, or by their name."""

from __future__ import annotations

import re
from typing import Final

from webhookd.sources.formats.rows import BrokenFileError

OFFICE: Final = "this is {what}; export it as CSV"

_BEGINNINGS: Final = (
    (re.compile(rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an Office file (xls or the like)"),
    (re.compile(rb"PAR1[^\n]*\0", re.DOTALL), "a Parquet file"),
    (re.compile(rb"Obj\x01"), "an Avro file"),
    (re.compile(rb"%PDF-\d"), "a PDF"),
)
_PACKERS: Final = (
    (re.compile(rb"BZh[1-9]1AY&SY"), "bzip2"),
    (re.compile(rb"\xfd7zXZ\0"), "xz"),
    (re.compile(rb"\x28\xb5\x2f\xfd"), "zstd"),
    (re.compile(rb"7z\xbc\xaf\x27\x1c"), "7z"),
    (re.compile(rb"Rar!\x1a\x07"), "rar"),
)
_OFFICE_NAMES: Final = re.compile(
    r"\.(?:xls|xlsx|xlsm|xlsb|xltx|ods|fods|numbers|doc|docx|odt)$", re.IGNORECASE
)
_PACKED_NAMES: Final = re.compile(r"\.(?:zip|gz|tgz|bz2|xz|zst|7z|rar|tar)$", re.IGNORECASE)


def refuse(start: bytes) -> None:
    """Raise a BrokenFileError where a file that begins so is known to hold no text."""
    for pattern, what in _BEGINNINGS:
        if pattern.match(start):
            raise BrokenFileError(OFFICE.format(what=what))
    for pattern, packer in _PACKERS:
        if pattern.match(start):
            raise BrokenFileError(f"this is packed with {packer}; gzip and zip are read")


def refuse_again(start: bytes) -> None:
    """Raise a BrokenFileError where what was unpacked begins so and is packed once more."""
    refuse(start)
    if start.startswith((b"\x1f\x8b", b"PK\x03\x04")):
        raise BrokenFileError("this is packed twice; unpack it once before it is dropped")


def why_not_text(name: str) -> str | None:
    """Return what kind of file *name* names, if it is a kind that holds no text; else None."""
    if _OFFICE_NAMES.search(name):
        return OFFICE.format(what="a file of an office program, by its name")
    return None


def is_packed(name: str) -> bool:
    """Return whether a file of this *name* is packed."""
    return _PACKED_NAMES.search(name) is not None
