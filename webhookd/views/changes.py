"""The journal: the changes of the last days, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Literal

from webhookd.model import JsonText
from webhookd.views.deliveries import ChangeName, DeletionName
from webhookd.views.view import Count, View


@dataclass(frozen=True, slots=True)
class ChangeView(View):
    """A change as it was seen."""

    lacks_where_none: ClassVar[frozenset[str]] = frozenset({"deletion", "merged_into"})

    number: Count
    """Its place in the order in which changes were seen."""
    seen_at: datetime
    """When the source saw it."""
    occurred_at: datetime
    """When it happened: the source's own time, where it has one."""
    source: str
    """The source that saw it."""
    object: str
    """The type of the record."""
    record_id: str
    """The record that changed."""
    change: ChangeName
    """What happened to the record."""
    properties: Mapping[str, JsonText]
    """By name, each value as its own JSON text."""
    before: Mapping[str, JsonText | None] | None
    """What differed before, null where there was no value; null where nothing is known of it."""
    asked: int | None
    """Which of the page's `asked`; null where the source gives all it has."""
    enrolled: tuple[str, ...]
    """Webhooks that had enrolled the record before `since`."""
    deletion: DeletionName | None = None
    """How the record came to be deleted; not there where it was not, or nobody knows."""
    merged_into: str | None = None
    """The id of the record that it was merged into; not there where it was not."""


@dataclass(frozen=True, slots=True)
class AskedView(View):
    """The properties that a source asked for."""

    names: tuple[str, ...]
    """All of them."""
    instants: tuple[str, ...]
    """Those that are dates or times."""


@dataclass(frozen=True, slots=True)
class ListedRecordView(View):
    """A known record in a list."""

    source: str
    """The source that reads it."""
    object: str
    """Its type."""
    record_id: str
    """Its id."""
    properties: Mapping[str, JsonText]
    """By name, each value as its own JSON text."""
    modified_at: datetime | None
    """When it was last modified, where the source says so."""
    deleted: bool
    """Whether it was deleted: then nothing else is known of it."""


@dataclass(frozen=True, slots=True)
class RecordView(ListedRecordView):
    """A record as it is known."""

    asked: AskedView | None
    """The properties that the source asked for; null where it gives all it has."""
    enrolled: tuple[str, ...]
    """Webhooks that enrolled the record."""


@dataclass(frozen=True, slots=True)
class KnownRecordView(View):
    """A record as it is known."""

    record_id: str
    """Its id."""
    properties: Mapping[str, JsonText]
    """By name, each value as its own JSON text."""
    modified_at: datetime | None
    """When it was last modified, where the source says so."""
    deleted: bool
    """Whether it was deleted: then nothing else is known of it."""


@dataclass(frozen=True, slots=True)
class KnownRecordsView(View):
    """Some known records, those first that changed last."""

    records: tuple[KnownRecordView, ...]
    """The records."""


@dataclass(frozen=True, slots=True)
class LatestChangeView(View):
    """The last change that is kept."""

    change: ChangeView | None
    """The change, with the webhooks that had enrolled the record before it; null for none."""
    asked: tuple[AskedView, ...]
    """What its source asked for, if anything by name; the change names it by its place, 0."""


@dataclass(frozen=True, slots=True)
class LeftOutView(View):
    """Changes that are not kept."""

    source: str
    """The source that saw them."""
    reason: Literal["rate", "size", "room", "age"]
    """Why they are not kept."""
    count: Count
    """How many there were."""
    last_at: datetime
    """When the last was seen."""


@dataclass(frozen=True, slots=True)
class ChangesView(View):
    """Some changes in the order in which they were seen."""

    changes: tuple[ChangeView, ...]
    """The changes of this page."""
    asked: tuple[AskedView, ...]
    """What sources asked for, each once; changes name them by their place, from 0."""
    next: int | None
    """What to give as `after`; null at the end."""
    last: Count
    """The number of the last change of all."""
    left_out: tuple[LeftOutView, ...]
    """Changes since `since` that are not kept, to within an hour."""
