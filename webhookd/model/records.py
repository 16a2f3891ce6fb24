"""Records and their changes.

A property's value is kept as its compact JSON text (`"Ada"` with its quotes, `1.10`, `true`,
`{"a":1}`), so that numbers stay exactly as the source wrote them and two values are equal when
their texts are. A property that is absent or null has no entry. `text_of` gives the form that
conditions and query parameters use.

What is made for every record is not frozen: a frozen dataclass takes three times as long to make.
Nobody changes it all the same, for other threads read it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

JsonText: TypeAlias = str
"""The compact JSON text of one value."""

Properties: TypeAlias = Mapping[str, JsonText]
"""The properties of a record that have a value, by name."""


def text_of(value: JsonText) -> str:
    """Return a property's value as plain text: strings without quotes, all else as its JSON."""
    if not value.startswith('"'):
        return value
    # Parsing costs ten times the rest, and a text without escapes needs none.
    return str(json.loads(value)) if "\\" in value else value[1:-1]


class ChangeKind(StrEnum):
    """What happened to a record. One that is *due* has come to a moment that a timer waits for."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"
    DUE = "due"


OBSERVED: Final = (ChangeKind.CREATED, ChangeKind.UPDATED, ChangeKind.DELETED)
"""The kinds of change that a source can show; what is due follows from a clock."""


Deleted: TypeAlias = Literal["archived", "merged", "gone"]
"""How a record came to be deleted: put away, made part of another one, or not there any more."""

_DELETED: Final[Mapping[str, Deleted]] = {
    "archived": "archived",
    "merged": "merged",
    "gone": "gone",
}


@dataclass(frozen=True, slots=True)
class Deletion:
    """How a record came to be deleted; *merged_into* is the id of the record it is part of now."""

    how: Deleted
    merged_into: str | None = None

    def text(self) -> str:
        """Return it as it is stored."""
        return self.how if self.merged_into is None else f"{self.how} {self.merged_into}"


def deletion_of(text: str | None) -> Deletion | None:
    """Return the deletion that was stored as *text*; None of what another version knows."""
    how, _, into = (text or "").partition(" ")
    known = _DELETED.get(how)
    return None if known is None else Deletion(known, into or None)


@dataclass(frozen=True, slots=True)
class Asked:
    """Which properties a source asked for: others may have a value, and nobody knows.

    *instants* are those of them that are dates or times; *unwatched* those whose moving alone
    is no change.
    """

    names: frozenset[str]
    instants: frozenset[str] = frozenset()
    unwatched: frozenset[str] = frozenset()

    @property
    def marks(self) -> frozenset[str]:
        """Return the names that no property has, made by `mark`."""
        return frozenset(name for name in self.names if _MARK in name)

    @property
    def properties(self) -> frozenset[str]:
        """Return the names of properties: all but the marks."""
        return self.names - self.marks


_MARK: Final = ".="


def mark(prefix: str, version: str) -> str:
    """Return the name that stands in `Asked` for how properties with a *prefix* are found.

    With another version of it they are asked for the first time, whatever they are called.
    """
    return f"{prefix}{_MARK}{version}"


def marked(mark: str) -> str:
    """Return what the properties begin with that a *mark* is about."""
    return f"{mark.partition(_MARK)[0]}."


@dataclass(slots=True)
class Observation:
    """One sighting of a record by a source: its state as the source gave it.

    *modified_at* is the source's own time of the last modification, where it has one.
    A *deleted* observation need not carry properties. A *partial* one carries some of them:
    those it lacks are as before, and *cleared* names those that have no value any more.
    *asked* is None when the source gives all it has. *occurred_at* is when the change happened,
    if that is not *modified_at*. A record that was not known is reported as *unknown_is*, and to
    nobody if that is None. *unwatched* are properties whose moving alone is no change, beside those
    of *asked*. *deletion* is how a *deleted* record came to be so, where the source knows. *kept*
    are properties that it has as they are known, whatever *properties* lack.
    """

    object: str
    record_id: str
    properties: Properties
    deleted: bool = False
    modified_at: datetime | None = None
    asked: Asked | None = None
    unknown_is: ChangeKind | None = ChangeKind.CREATED
    unwatched: frozenset[str] = frozenset()
    is_partial: bool = False
    cleared: frozenset[str] = frozenset()
    occurred_at: datetime | None = None
    deletion: Deletion | None = None
    kept: frozenset[str] = frozenset()


@dataclass(slots=True)
class KnownRecord:
    """The last state of a record that the outbox has; *deleted* makes it a tombstone."""

    properties: Properties
    modified_at: datetime | None = None
    deleted: bool = False
    asked: Asked | None = None


@dataclass(slots=True)
class KnownState:
    """What is known of a record beside its properties; *asked* is what it was read with."""

    is_deleted: bool
    modified_at: datetime | None
    asked: Asked | None


@dataclass(slots=True)
class Change:
    """One observed change of a record.

    *properties* are those now (of a deleted record: the last known); *previous* are all those
    before, None where nothing is known of it. *occurred_at* is the source's own time where it
    has one, else the time it was seen. *instants* are the properties that are dates or times.
    *deletion* is how a deleted record came to be so, where its source knows.
    """

    kind: ChangeKind
    source: str
    object: str
    record_id: str
    properties: Properties
    previous: Properties | None
    occurred_at: datetime
    instants: frozenset[str] = frozenset()
    deletion: Deletion | None = None

    @property
    def changed(self) -> frozenset[str]:
        """Return the names of the properties whose value changed."""
        if self.previous is None:
            return frozenset(self.properties)
        before, now = self.previous, self.properties
        names = before.keys() | now.keys()
        return frozenset(name for name in names if before.get(name) != now.get(name))
