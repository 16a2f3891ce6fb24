"""What one delivery tells in the place of several: the latest state, since the last one told.

What a receiver has not been told yet begins with one change and ends with another. Its properties
are those of the last; the values before are those before the first; and a creation among them is
still news.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from webhookd.model import ChangeKind

if TYPE_CHECKING:
    from webhookd.model import Change, Properties


@dataclass(frozen=True, slots=True)
class Untold:
    """What a receiver has not been told of a record.

    *kind* is what is told of it, *is_new* says that all of it begins with its creation; *previous*
    are all values before that, None where nothing is known of them.
    """

    kind: ChangeKind
    is_new: bool
    previous: Properties | None


def untold(change: Change) -> Untold:
    """Return what *change* alone has to tell."""
    return Untold(change.kind, change.kind is ChangeKind.CREATED, change.previous)


def followed_by(older: Untold, newer: Untold) -> Untold:
    """Return what *older* and then *newer* have to tell together.

    A deletion is always told, even of a record whose creation was not: an attempt to tell that may
    have arrived although its answer did not.
    """
    kind = newer.kind
    if kind is ChangeKind.UPDATED and (older.is_new or older.kind is ChangeKind.CREATED):
        kind = ChangeKind.CREATED
    return Untold(kind, older.is_new, older.previous)


def told(change: Change, whole: Untold) -> Change:
    """Return *change*, the last of *whole*, as it is told for all of it."""
    previous = None if whole.kind is ChangeKind.CREATED else whole.previous
    return replace(change, kind=whole.kind, previous=previous)
