"""What an expression may see: one delivery, with the record's properties now and before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from webhookd.model import ChangeKind
from webhookd.rules.json_text import NULL
from webhookd.rules.json_text import text as json_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from webhookd.model import Change, Deletion, JsonText

LARGEST: Final = 8 * 1024 * 1024
"""Bytes that a rendered body may have, and characters that its making may draw on."""

_NOTHING: Final[Mapping[str, JsonText]] = {}


class TooLargeError(Exception):
    """A template's result is larger than `LARGEST`."""

    def __init__(self) -> None:
        super().__init__(
            f"too_large: what the template makes of this record is larger than {LARGEST:,} bytes"
        )


@dataclass(slots=True)
class Scope:
    """One delivery as expressions see it. *room* is how many characters may still be made."""

    webhook: str
    delivery_id: str
    source: str
    object: str
    record_id: str
    kind: ChangeKind
    properties: Mapping[str, JsonText]
    previous: Mapping[str, JsonText]
    changed: frozenset[str]
    occurred_at: datetime
    instants: frozenset[str]
    deletion: Deletion | None = None
    room: int = LARGEST

    def give_room(self) -> None:
        """Have the room of one text begin anew."""
        self.room = LARGEST

    def draw(self, characters: int) -> None:
        """Take *characters* from the room that is left, or raise a `TooLargeError`."""
        self.room -= characters
        if self.room < 0:
            raise TooLargeError


def of_change(change: Change, webhook: str, delivery_id: str) -> Scope:
    """Return what the templates of *webhook* see of *change* under the delivery's id.

    There is nothing before a creation, and what a deletion changed is not said.
    """
    is_update = change.kind is ChangeKind.UPDATED
    is_deletion = change.kind is ChangeKind.DELETED
    return Scope(
        webhook,
        delivery_id,
        change.source,
        change.object,
        change.record_id,
        change.kind,
        change.properties,
        (change.previous or _NOTHING) if is_update else _NOTHING,
        frozenset() if is_deletion else change.changed,
        change.occurred_at,
        change.instants,
        change.deletion,
    )


def deletion_value(deletion: Deletion | None) -> JsonText:
    """Return how a record came to be deleted; null where it was not, or nobody knows."""
    return NULL if deletion is None else json_text(deletion.how)


def survivor_value(deletion: Deletion | None) -> JsonText:
    """Return the id of the record that another was merged into; null where it was not."""
    into = None if deletion is None else deletion.merged_into
    return NULL if into is None else json_text(into)
