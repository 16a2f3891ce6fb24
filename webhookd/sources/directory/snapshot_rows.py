"""The rows of a snapshot as they are counted, and as they are found again."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import orjson

from webhookd.model import CountedRow, Observation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhookd.sources.directory.reader import FileReader, Portion


def read_and_count(reader: FileReader, before: int) -> tuple[Portion, tuple[CountedRow, ...]]:
    """Read on, and return what is to be kept of the rows; *before* are those read already."""
    portion = reader.portion()
    rows = tuple(
        CountedRow(row.record_id, _digest(row), number, line)
        for number, line, row in _numbered(portion, before)
    )
    return portion, rows


def last_of_each(
    portion: Portion, before: int, counted: Mapping[str, tuple[int, bytes]]
) -> tuple[Observation, ...] | None:
    """Return the rows that are the last of their id; None when they are not what was *counted*."""
    chosen = []
    for number, _, row in _numbered(portion, before):
        last, digest = counted.get(row.record_id, (0, b""))
        if number > last or (number == last and digest != _digest(row)):
            return None
        if number == last:
            chosen.append(row)
    return tuple(chosen)


def _numbered(portion: Portion, before: int) -> Iterator[tuple[int, int, Observation]]:
    """Yield the number and line of each good row, and the row."""
    places = zip(portion.lines, portion.rows, strict=True)
    for number, (line, row) in enumerate(places, start=before + 1):
        if isinstance(row, Observation):
            yield number, line, row


def _digest(row: Observation) -> bytes:
    """Return what two rows have in common only when they say the same."""
    content = (row.properties, row.deleted, row.modified_at)
    return blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()
