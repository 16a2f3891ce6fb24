"""The properties that known records have, as far as some records from both ends show them.

Records of one source and object look alike as a rule, and there may be millions of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from webhookd.storage.database.connection import Statements

AT_EACH_END: Final = 500
"""Records that are looked at, by id: some milliseconds where a name is not among them."""
AT_ONCE: Final = 25
"""Records of the first look, which has all names as a rule."""

_COLUMNS = "SELECT properties, deleted, asked FROM known_records WHERE source = ? AND object = ?"
_FIRST = f"{_COLUMNS} ORDER BY record_id LIMIT ? OFFSET ?"
_LAST = f"{_COLUMNS} ORDER BY record_id DESC LIMIT ?"


@dataclass(frozen=True, slots=True)
class KnownProperties:
    """The *names* that *records* known records have, which are all there are if *is_whole*.

    Deleted records do not count, nor those whose source asked for some properties by name: what
    these lack has no value, and may well be there.
    """

    records: int
    names: frozenset[str]
    is_whole: bool

    def lacking(self, wanted: Collection[str]) -> list[str]:
        """Return those *wanted* that no record has; none where no record is known."""
        return sorted(set(wanted) - self.names) if self.records else []


def known_properties(
    connection: Statements, source: str, object_: str, wanted: Collection[str] | None = None
) -> KnownProperties:
    """Return the properties of known records; it looks no further than for those *wanted*."""
    names: set[str] = set()
    count = seen = 0
    for properties, deleted, asked in _looks(connection, source, object_):
        seen += 1
        if deleted or asked is not None:
            continue
        count += 1
        names |= orjson.loads(properties).keys()
        if wanted is not None and names.issuperset(wanted):
            break
    return KnownProperties(count, frozenset(names), seen < AT_EACH_END)


def _looks(
    connection: Statements, source: str, object_: str
) -> Iterator[tuple[bytes, int, int | None]]:
    key = (source, object_)
    for limit, offset in ((AT_ONCE, 0), (AT_EACH_END - AT_ONCE, AT_ONCE)):
        rows = connection.execute(_FIRST, (*key, limit, offset)).fetchall()
        yield from rows
        if len(rows) < limit:
            return
    yield from connection.execute(_LAST, (*key, AT_EACH_END)).fetchall()
