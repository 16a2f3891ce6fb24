"""Known records of whichever sources and types of objects, page by page in the order of their ids.

A record may be named by what a person types: `OBJECT/ID`, or `SOURCE` or `OBJECT` for many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from webhookd.storage.records import known_names, known_records

if TYPE_CHECKING:
    from webhookd.model import KnownRecord
    from webhookd.storage.database.connection import Statements

Key: TypeAlias = tuple[str, str, str]
"""A record's source, its type and its id."""

PAGE_BYTES: Final = 1024 * 1024
"""About what a page holds at the most, whatever its limit: properties as they are stored."""
_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class RecordPage:
    """Some known records; *next* is that behind which the others are, None at the end."""

    records: tuple[tuple[Key, KnownRecord], ...]
    next: Key | None


def page(
    connection: Statements, name: str | None, *, after: Key | None, limit: int
) -> RecordPage | None:
    """Return at most *limit* records behind *after*; None where none has a source or type *name*.

    *name* is a source, a type of object, or SOURCE/OBJECT; None stands for all.
    """
    pairs = pairs_of(connection, name)
    if not pairs:
        return None if name is not None else RecordPage((), None)
    found: list[tuple[Key, KnownRecord]] = []
    size = 0
    for pair in pairs:
        if after is not None and pair < after[:2]:
            continue
        behind = after[2] if after is not None and after[:2] == pair else ""
        while True:
            wanted = min(_AT_ONCE, limit - len(found))
            rows = known_records.known_after(connection, *pair, after=behind, limit=wanted)
            for behind, record in rows:
                found.append(((*pair, behind), record))
                size += sum(len(one) + len(key) for key, one in record.properties.items())
                if len(found) == limit or size >= PAGE_BYTES:
                    return RecordPage(tuple(found), found[-1][0])
            if len(rows) < wanted:
                break
    return RecordPage(tuple(found), None)


def pairs_of(connection: Statements, name: str | None) -> list[tuple[str, str]]:
    """Return each source and type of object, of those with records, that *name* names."""
    pairs = list(known_names.pairs(connection))
    if name is None:
        return pairs
    # A source goes first: where one is called as another's objects are, SOURCE/OBJECT tells them.
    of_source = [pair for pair in pairs if pair[0] == name]
    of_object = [pair for pair in pairs if pair[1] == name]
    return of_source or of_object or [pair for pair in pairs if "/".join(pair) == name]


def keys_of(connection: Statements, typed: str, source: str | None) -> list[Key]:
    """Return the known records that `OBJECT/ID` means: one a source, of *source* if it is told.

    Both an object and an id may have slashes: each is tried.
    """
    found: list[Key] = []
    for pair in known_names.pairs(connection):
        object_, id_ = pair[1], typed[len(pair[1]) + 1 :]
        if source not in {None, pair[0]} or not id_ or not typed.startswith(f"{object_}/"):
            continue
        if known_records.find_known(connection, *pair, [id_]):
            found.append((*pair, id_))
    return found
