"""Rows as intake takes them, and what a record that was not known is reported as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from webhookd.model import Asked, ChangeKind, Observation
from webhookd.rules.time_forms import instant
from webhookd.sources.rest.answers.rest_rows import unwatched

if TYPE_CHECKING:
    from webhookd.definitions import RestObject, RestSource
    from webhookd.sources.rest.answers.rest_rows import Row
    from webhookd.sources.rest.rest_cursor import Cursor

Found: TypeAlias = Literal["first", "later", "healed"]
"""How a record was met: by the first read, as a change, or by a pass over the whole list."""


class Observer:
    """Makes observations of the rows of one type of object."""

    def __init__(self, settings: RestSource, read: RestObject) -> None:
        self._object = read.name
        self._start = settings.start
        self._knows_created = read.created is not None
        self._unwatched = unwatched(read)
        names = read.names
        self._asked = None if names is None else Asked(frozenset(names))

    def observation(self, row: Row, cursor: Cursor, found: Found) -> Observation:
        """Return *row* as intake takes it."""
        modified = instant(row.modified)
        if row.deleted:
            return Observation(self._object, row.id, {}, deleted=True, modified_at=modified)
        # By position: with names, a class takes three times as long to make a value.
        return Observation(
            self._object,
            row.id,
            row.properties,
            row.deleted,
            modified,
            self._asked,
            self._unknown_is(row, cursor, found),
            self._unwatched,
        )

    def deletion(self, id_: str) -> Observation:
        """Return that the record with an id is gone, nobody knows since when."""
        return Observation(self._object, id_, {}, deleted=True)

    def _unknown_is(self, row: Row, cursor: Cursor, found: Found) -> ChangeKind | None:
        """Return what *row* is, should it not be known; None when it is there from the start."""
        if self._start == "beginning" and not cursor.is_again:
            return ChangeKind.CREATED
        is_new = row.created is not None and row.created > cursor.since
        if found == "first":
            is_moved = row.modified is not None and row.modified > cursor.since
            if cursor.is_again or not (is_new or is_moved):
                return ChangeKind.CREATED if is_new else None
            return ChangeKind.CREATED if is_new or not self._knows_created else ChangeKind.UPDATED
        if found == "healed":
            is_told = is_new or (not self._knows_created and cursor.passes > 0)
            return ChangeKind.CREATED if is_told else None
        return ChangeKind.CREATED if is_new or not self._knows_created else ChangeKind.UPDATED
