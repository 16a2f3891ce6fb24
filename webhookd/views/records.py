"""Known records: listed, and each whole with its last changes."""

from __future__ import annotations

from dataclasses import dataclass

from webhookd.views.changes import ChangeView, ListedRecordView, RecordView
from webhookd.views.view import Count, View


@dataclass(frozen=True, slots=True)
class ListedRecordsView(View):
    """Some known records, in the order of their sources, types and ids."""

    records: tuple[ListedRecordView, ...]
    """The records."""
    next: str | None
    """What to give as `after`; null at the end."""


@dataclass(frozen=True, slots=True)
class ShownRecordView(View):
    """A record, and what happened to it."""

    record: RecordView
    """As it is known."""
    changes: tuple[ChangeView, ...]
    """Its last changes that are kept, the newest first."""


@dataclass(frozen=True, slots=True)
class ShownRecordsView(View):
    """What several sources know under one type and id: at least one does."""

    records: tuple[ShownRecordView, ...]
    """The record, of each source that knows one."""


@dataclass(frozen=True, slots=True)
class ForgottenView(View):
    """A record that was forgotten, or would be."""

    source: str
    """The source that read it."""
    object: str
    """Its type."""
    is_dry_run: bool
    """Whether it was only counted."""
    is_known: bool
    """Whether it was a known record."""
    changes: Count
    """Its changes that were kept."""
    enrollments: Count
    """Webhooks that had enrolled it."""
    deliveries: Count
    """Its deliveries: they stay as rows, without what they held of it."""
    cancelled: Count
    """Those of them that waited."""
    attempts: Count
    """The attempts at them, whose answers, URLs and headers are erased."""
    is_rewritten: bool | None
    """Whether the database's file was written anew, without what its pages still held; null in a
    dry run, and for a server, which sees to its own."""
