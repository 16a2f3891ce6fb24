"""What a HubSpot record carries from elsewhere: of associated records, and of its owners."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Take: TypeAlias = Literal["first", "all"]

PRIMARY: Final = "primary"
"""The label that stands for HubSpot's own label of the primary one."""


@dataclass(frozen=True, slots=True)
class HubspotAssociated:
    """Properties of the records of the type *object* that are associated with a record.

    They are the record's own under *prefix*. Only associations with the *label*, or of the type
    *type_id*, count where there is one. *take*: of the first alone, or of all as lists.
    """

    prefix: str
    object: str
    properties: tuple[str, ...]
    label: str | None = None
    type_id: int | None = None
    take: Take = "first"

    @property
    def id_name(self) -> str:
        """Return the property that says which record is associated."""
        return f"{self.prefix}.id"

    @property
    def names(self) -> tuple[str, ...]:
        """Return the properties that a record gets."""
        return (self.id_name, *(f"{self.prefix}.{name}" for name in self.properties))

    @property
    def version(self) -> str:
        """Return what tells this choice of records from another one of the same prefix."""
        return _digest(self.object, self.label, self.type_id, self.take)


@dataclass(frozen=True, slots=True)
class HubspotOwner:
    """Properties of the owner whose id the property *of* holds: the record's own under *prefix*."""

    prefix: str
    of: str
    properties: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the properties that a record gets, the owner's id among them."""
        return tuple(f"{self.prefix}.{name}" for name in dict.fromkeys(("id", *self.properties)))

    @property
    def version(self) -> str:
        """Return what tells this choice of an owner from another one of the same prefix."""
        return _digest(self.of)


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:8]
