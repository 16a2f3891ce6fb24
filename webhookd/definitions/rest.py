"""Any JSON API as a source: how a list is read, what a record is, what changed, what is gone.

Expressions and texts with placeholders are as the file has them: they were checked when it was
loaded, and are compiled by what reads the source.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from webhookd.definitions.durations import Duration
from webhookd.definitions.requests import Authentication
from webhookd.definitions.sources import ApiSource, Wake

ListMethod = Literal["GET", "POST"]


@dataclass(frozen=True, slots=True)
class RestPart:
    """What a request has beside what others say of it; the keys of all are merged."""

    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RestPaging:
    """What leads from page to page.

    *limit* is how many rows a page has at the most, *first* the number of the first page. *more*,
    *next* and *next_header* (of a cursor) and *header* (of a link) say what comes after a page.
    *stable*: pages do not shift while records change; None: as `is_stable` says. *past_end* are
    statuses of a page behind the last one.
    """

    by: Literal["none", "page", "offset", "cursor", "link"] = "none"
    limit: int | None = None
    first: int = 1
    more: str | None = None
    next: str | None = None
    next_header: str | None = None
    header: str | None = None
    stable: bool | None = None
    past_end: tuple[int, ...] | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_stable(self) -> bool:
        """Return whether pages may be followed while records change."""
        return self.by == "cursor" if self.stable is None else self.stable

    @property
    def behind_the_end(self) -> tuple[int, ...]:
        """Return the statuses that mean the end of the list: a page behind the last."""
        if self.past_end is None:
            return (404,) if self.by == "page" else ()
        return self.past_end


NO_PAGING: Final = RestPaging()
"""A list of one page."""


@dataclass(frozen=True, slots=True)
class RestDetect:
    """How what changed is found: by a time or a token that is asked for, or by comparing all.

    *conditional*: a list is asked for only if it has changed, by what it says of itself.

    Of a token: *next* or *next_header* says where an answer has the one to ask with next, that of
    the *token_of* page; with *is_link* it is a link. *deleted_id* is the id of a row that is marked
    as deleted, where that stands elsewhere; *expired* are statuses of an answer to a token that is
    none any more.

    Of a time: *order* `modified` says that the list is sorted by it, oldest first. *ties* is how
    the records of one instant are read on by their ids. *inclusive* False: the filter is "later
    than". *time_format* is how times are written; *begin* the first time that is asked for.
    """

    by: Literal["time", "token", "comparison"] = "comparison"
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    order: Literal["modified", "none"] = "none"
    ties: RestPart | None = None
    inclusive: bool = True
    overlap: Duration | None = None
    time_format: str = "auto"
    begin: str = "2000-01-01T00:00:00Z"
    next: str | None = None
    next_header: str | None = None
    token_of: Literal["last_page", "first_page"] = "last_page"  # noqa: S105 - no password
    is_link: bool = False
    deleted_id: str | None = None
    expired: tuple[int, ...] = (410,)
    conditional: Literal["etag", "last_modified"] | None = None


COMPARISON: Final = RestDetect()
"""The whole list at every poll."""


@dataclass(frozen=True, slots=True)
class RestDeletions:
    """How it is found out what was deleted.

    `flag`: rows say so. `list`: those of another list, at *path*. `absence`: what the whole list,
    read *every* so often, does not hold. Keys that are None are those of the object.
    """

    by: Literal["none", "flag", "list", "absence"] = "none"
    every: Duration = timedelta(hours=1)
    path: str | None = None
    method: ListMethod | None = None
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    records: str | tuple[str, ...] | None = None
    id: str | None = None
    modified: str | tuple[str, ...] | None = None
    paging: RestPaging | None = None


NO_DELETIONS: Final = RestDeletions()
"""Deletions are not looked for."""


@dataclass(frozen=True, slots=True)
class RestOne:
    """How a single record is read; *gone* are statuses that mean: no such record."""

    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    record: str = "@"
    gone: tuple[int, ...] = (404, 410)


@dataclass(frozen=True, slots=True)
class RestDescribe:
    """Where an API says which properties an object has, for people who ask; no poll reads it.

    *properties* finds their list in the answer; the others look at each entry of it: *options* are
    the values that the property may have.
    """

    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    properties: str = "@"
    name: str = "name"
    type: str | None = None
    label: str | None = None
    options: str | None = None


@dataclass(frozen=True, slots=True)
class RestError:
    """What answers mean that have this *status*, and *body* somewhere in theirs."""

    then: Literal["retry", "pause", "rest", "stop", "empty", "restart"]
    status: int | None = None
    body: str | None = None
    length: Duration | None = None


@dataclass(frozen=True, slots=True)
class RestObject:
    """How one type of object is read. *path* None: it is the name.

    *properties* is None for all, or names, or expressions by name. *detail*: each row of a list
    that changed is read again by `one`.
    """

    name: str
    path: str | None = None
    method: ListMethod = "GET"
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    ok: str | None = None
    records: str | tuple[str, ...] = "@"
    paging: RestPaging = NO_PAGING
    id: str = "id"
    modified: str | tuple[str, ...] | None = None
    created: str | None = None
    deleted: str | None = None
    properties_in: tuple[str, ...] = ("@",)
    properties: tuple[str, ...] | Mapping[str, str] | None = None
    ignore: tuple[str, ...] = ()
    one: RestOne | None = None
    detail: bool = False
    detect: RestDetect = COMPARISON
    deletions: RestDeletions = NO_DELETIONS
    poll_every: Duration | None = None
    describe: RestDescribe | None = None

    @property
    def list_path(self) -> str:
        """Return the path of the list, from the base URL."""
        return self.name if self.path is None else self.path

    @property
    def names(self) -> tuple[str, ...] | None:
        """Return the names of the properties that are read, None when that is all of them."""
        return None if self.properties is None else tuple(self.properties)


@dataclass(frozen=True, slots=True)
class RestSource(ApiSource):
    """A JSON API. *start* as a time: what changed since then is reported."""

    name: str
    base_url: str
    objects: tuple[RestObject, ...]
    authentication: Authentication | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    poll_every: Duration = timedelta(minutes=1)
    start: Literal["now", "beginning"] | datetime = "now"
    time_zone: str = "UTC"
    requests_per_second: float = 4.0
    retry_after_unit: Literal["seconds", "milliseconds"] = "seconds"
    errors: tuple[RestError, ...] = ()
    wake: Wake | None = None

    @property
    def identity(self) -> Mapping[str, str]:
        """Return the settings that may not change under the same key."""
        return {"type": "rest", "base_url": self.base_url} | {
            f"objects.{read.name}.id": read.id for read in self.objects
        }

    def listed_properties(self, object_: str) -> tuple[str, ...] | None:
        """Return the properties that are read of *object_*, None when that is all of them."""
        return next((read.names for read in self.objects if read.name == object_), None)
