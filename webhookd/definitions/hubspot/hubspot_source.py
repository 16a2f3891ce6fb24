"""HubSpot's CRM API as a source: which types of objects are read, and what of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from webhookd.definitions.durations import Duration
from webhookd.definitions.hubspot.carried import HubspotAssociated, HubspotOwner
from webhookd.definitions.sources import ApiSource, Wake
from webhookd.model import Secret, mark

OWNERS: Final = "owners"
"""The part of a type of object that the owners of its records are."""


@dataclass(frozen=True, slots=True)
class HubspotList:
    """A list (segment) of records: whether one is a member is a property of it.

    *id* is HubSpot's number of it, as text. All members are read again every *read_every*.
    """

    name: str
    id: str
    read_every: Duration = timedelta(hours=1)

    @property
    def part(self) -> str:
        """Return the part of its type of object that it is, which may rest by itself."""
        return f"lists/{self.name}"

    @property
    def property(self) -> str:
        """Return the property that its members have."""
        return f"lists.{self.name}"


@dataclass(frozen=True, slots=True)
class HubspotDeletions:
    """How the file says what deletions are looked for: see `HubspotObject`."""

    archive: bool = True
    absence: Duration | None = None


@dataclass(frozen=True, slots=True)
class HubspotObject:
    """What is read of one type of object. *properties* None means all of them.

    With *deletions*, what was archived (unless *archive* is false) and what was merged is deleted;
    with *absence*, what the whole list lacks as well, which is read once in that time. A record
    carries properties of records that are *associated* with it, and of its *owners*.
    """

    name: str
    properties: tuple[str, ...] | None
    deletions: bool = False
    archive: bool = True
    absence: Duration | None = None
    lists: tuple[HubspotList, ...] = ()
    associated: tuple[HubspotAssociated, ...] = ()
    owners: tuple[HubspotOwner, ...] = ()

    @property
    def carried(self) -> frozenset[str]:
        """Return the properties that a record has from elsewhere, lists aside."""
        of_owners = {name for one in self.owners for name in one.names}
        return frozenset(name for one in self.associated for name in one.names) | of_owners

    @property
    def marks(self) -> frozenset[str]:
        """Return what tells how that is found from other ways (`model.mark`)."""
        of_owners = {mark(one.prefix, one.version) for one in self.owners}
        return frozenset(mark(one.prefix, one.version) for one in self.associated) | of_owners

    @property
    def unwatched(self) -> frozenset[str]:
        """Return those of what it carries whose moving alone is no change of the record."""
        return self.carried - {one.id_name for one in self.associated}

    @property
    def chosen(self) -> frozenset[str] | None:
        """Return the properties of its own that are read, None when that is all of them."""
        if self.properties is None:
            return None
        return frozenset(self.properties) | {one.of for one in self.owners}

    @property
    def parts(self) -> tuple[str, ...]:
        """Return what is read beside the records and may rest by itself."""
        return (*(one.part for one in self.lists), *((OWNERS,) if self.owners else ()))

    @property
    def reads_archive(self) -> bool:
        """Return whether the list of what is archived is read."""
        return self.deletions and self.archive


@dataclass(frozen=True, slots=True)
class HubspotSource(ApiSource):
    """HubSpot's CRM API. *start* as a time: what changed since then is reported."""

    name: str
    base_url: str
    token: Secret
    objects: tuple[HubspotObject, ...]
    api_version: str = "2026-03"
    poll_every: Duration = timedelta(seconds=30)
    start: Literal["now", "beginning"] | datetime = "now"
    overlap: Duration = timedelta(minutes=5)
    requests_per_second: float = 4.0
    wake: Wake | None = None

    @property
    def identity(self) -> Mapping[str, str]:
        """Return the settings that may not change under the same key."""
        return {"base_url": self.base_url} | {
            f"objects.{read.name}.lists.{one.name}.id": one.id
            for read in self.objects
            for one in read.lists
        }

    def listed_properties(self, object_: str) -> tuple[str, ...] | None:
        """Return the properties that are chosen of *object_*, None when that is all of them."""
        read = next((one for one in self.objects if one.name == object_), None)
        if read is None or read.properties is None:
            return None
        lists = (one.property for one in read.lists)
        beside = read.carried | {one.of for one in read.owners}
        carried = sorted(beside - set(read.properties))
        return (*read.properties, *lists, *carried)
