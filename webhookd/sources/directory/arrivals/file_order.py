"""The order in which files are taken: by their names, read as people read them, or by their age.

The last file to be taken wins, so the order says which state of a record stays. Names of one export
differ in numbers and dates (`part-9`, `part-10`), in what was appended to them (`export-27`,
`export-27-1`, `export-27 (1)`), and at last in their suffixes, which say nothing of the order.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PACKED: Final = re.compile(rb"\.(?:gz|gzip|zip)\Z", re.IGNORECASE)
_LAST: Final = re.compile(rb"\.[a-z]{1,10}\Z", re.IGNORECASE)
_FORMAT: Final = re.compile(rb"\.(?:csv|tsv|txt|json|ndjson|jsonl)\Z", re.IGNORECASE)

# Ids that begin with a time (UUID, ULID, ObjectId): in order as texts, not by the digits in them.
_ID: Final = (
    rb"(?<![0-9A-Za-z])(?:"
    rb"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
    rb"|(?=[0-9]*[A-Za-z])[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}"
    rb"|(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{24}"
    rb"|(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{32}"
    rb")(?![0-9A-Za-z])"
)
_ID_OR_NUMBER: Final = re.compile(_ID + rb"|(?P<number>[0-9]+)")


def by_name(name: str) -> tuple[bytes, bytes, bytes]:
    """Return the key by which names are in order: no two names have the same one.

    Numbers count as numbers, a name stands before its continuation, and the suffixes count only
    where nothing else differs.
    """
    raw = os.fsencode(name)
    return _natural(_without_suffixes(raw)), _natural(raw), raw


def in_order(
    folder: Path, found: Iterable[str], order: Literal["name", "modified"] = "name"
) -> list[str]:
    """Return the names *found* in *folder* in the order in which their files are taken.

    By `modified`, a file that is gone meanwhile is left out.
    """
    names = sorted(found, key=by_name)
    if order == "name":
        return names
    modified = {name: _modified(folder / name) for name in names}
    there = [(at, name) for name, at in modified.items() if at is not None]
    # Sorting is stable: files of one moment stay in the order of their names.
    return [name for _, name in sorted(there, key=lambda one: one[0])]


def _without_suffixes(name: bytes) -> bytes:
    # Behind the format there may be another one than a packer's: .csv.bak, .csv.pgp
    return _FORMAT.sub(b"", _LAST.sub(b"", _PACKED.sub(b"", name))) or name


def _natural(name: bytes) -> bytes:
    return _ID_OR_NUMBER.sub(_comparable, name)


def _comparable(found: re.Match[bytes]) -> bytes:
    """Return an id as it is, and a number so that it compares with other numbers by its size.

    Beside other characters it stands where digits do: behind a dash, before a letter.
    """
    if found["number"] is None:
        return found[0]
    digits = found["number"].lstrip(b"0")
    return b"0" + len(digits).to_bytes(2) + digits


def _modified(path: Path) -> int | None:
    try:
        return path.lstat().st_mtime_ns
    except FileNotFoundError:
        return None
