"""Names of files: in printable form, cut to length, and numbered when taken.

A name is bytes to the system. Inside Python the bytes that are not UTF-8 are lone surrogates,
which neither a database nor a log line can hold; `printable` is the form for both.
"""

from __future__ import annotations

import itertools
import os
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from webhookd import errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LONGEST = 255
"""How many bytes Linux's filesystems allow a name (NAME_MAX)."""

REPORT_SUFFIX = ".error.json"

_UNFINISHED: Final = (
    *("*.filepart", "*.part", "*.partial", "*.tmp", "*.crdownload"),
    *(".*", ".syncthing.*", "~*"),
)
"""Names that programs give to files which they rename when they are finished."""

_MARKERS: Final = ("*.md5", "*.sha256", "*.done", "*.ok", "thumbs.db")
"""Names of what lies beside files and holds no records."""


def printable(name: str) -> str:
    """Return *name* with odd bytes and control characters escaped."""
    return errors.printable(os.fsencode(name).decode("utf-8", "backslashreplace"))


def candidates(name: str, *, reserved: int = 0) -> Iterator[str]:
    """Yield *name*, `name~2`, `name~3` …, leaving room for *reserved* more bytes."""
    yield _cut(name, LONGEST - reserved)
    for number in itertools.count(2):
        suffix = f"~{number}"
        yield _cut(name, LONGEST - reserved - len(suffix)) + suffix


def why_ignored(name: str, patterns: Sequence[str] | None) -> str | None:
    """Return why a file of this *name* is left alone, None when it is taken.

    *patterns* are the source's own, beside those that every source has; without any, an empty
    sequence, every name is taken. Upper and lower case are the same.
    """
    folded = name.casefold()
    if patterns is not None and not patterns:
        return None
    if name.startswith("."):
        return "its name begins with a dot, as unfinished files' names do"
    if found := _first_match(folded, _UNFINISHED):
        return f"its name is like {found}, as of unfinished files; rename it when it is whole"
    if found := _first_match(folded, _MARKERS):
        return f"its name is like {found}: a marker, not records"
    if found := _first_match(folded, patterns or ()):
        return f"its name is like {found} (the source's `ignore`)"
    return None


def _first_match(folded: str, patterns: Sequence[str]) -> str | None:
    return next((one for one in patterns if fnmatchcase(folded, one.casefold())), None)


def _cut(name: str, limit: int) -> str:
    raw = os.fsencode(name)
    if len(raw) <= limit:
        return name
    # A cut inside a UTF-8 sequence would turn a good name into an odd one.
    while limit > 1 and raw[limit] & 0xC0 == 0x80:  # noqa: PLR2004 - UTF-8's continuation bytes
        limit -= 1
    return os.fsdecode(raw[:limit])
