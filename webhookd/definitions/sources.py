"""Where records are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from webhookd.model import Secret


@dataclass(frozen=True, slots=True)
class DirectorySource:
    """A drop directory. *format* `auto` goes by each file's suffix.

    *content* `snapshot`: each file lists all records. *partial*: what a row lacks is as before.
    *host*: only a daemon on the host of that name reads it.
    """

    name: str
    path: Path
    object: str
    id_property: str = "id"
    content: Literal["records", "snapshot"] = "records"
    partial: bool = False
    format: Literal["auto", "csv", "json", "ndjson"] = "auto"
    start: Literal["beginning", "now"] = "beginning"
    on_done: Literal["archive", "delete"] = "archive"
    host: str | None = None

    @property
    def identity(self) -> Mapping[str, str]:
        """Return the settings that may not change under the same key."""
        return {
            "path": str(self.path),
            "object": self.object,
            "id_property": self.id_property,
        }


@dataclass(frozen=True, slots=True)
class HubspotObject:
    """What is read of one type of object. *properties* None means all of them."""

    name: str
    properties: tuple[str, ...] | None
    deletions: bool = False


@dataclass(frozen=True, slots=True)
class HubspotSource:
    """HubSpot's CRM API. *start* as a time: what changed since then is reported."""

    name: str
    base_url: str
    token: Secret
    objects: tuple[HubspotObject, ...]
    api_version: str = "2026-03"
    poll_every: timedelta = timedelta(seconds=30)
    start: Literal["now", "beginning"] | datetime = "now"
    overlap: timedelta = timedelta(minutes=5)
    requests_per_second: float = 4.0

    @property
    def identity(self) -> Mapping[str, str]:
        """Return the settings that may not change under the same key."""
        return {"base_url": self.base_url}


Source: TypeAlias = DirectorySource | HubspotSource


def host_of(source: Source | None) -> str | None:
    """Return the name of the only host on which *source* is read, None when any will do."""
    return source.host if isinstance(source, DirectorySource) else None


def is_same_host(one: str, other: str) -> bool:
    """Return whether two names of hosts mean the same: case does not count."""
    return one.casefold() == other.casefold()
