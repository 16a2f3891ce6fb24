"""The sources that are known, and how far each has been read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.operations import view_builders
from webhookd.sources import kinds
from webhookd.storage.deliveries import listed_sources
from webhookd.storage.records import cursors, last_files
from webhookd.views.sources import CursorView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.model import JsonText
    from webhookd.storage.database.database import Database
    from webhookd.views.sources import StoredSourceView


def listed(database: Database, pending: Mapping[str, int] | None = None) -> list[StoredSourceView]:
    """Return every source that was ever read, by name; *pending* is what waits of each."""
    found, last = cursors.cursors(database), last_files.of_all(database)
    return [
        view_builders.stored_source(
            source,
            (_cursor(*one) for one in found.get(source.name, {}).items()),
            last.get(source.name, last_files.NOTHING),
        )
        for source in listed_sources.sources(database, pending)
    ]


def _cursor(object_: str, text: JsonText) -> CursorView:
    how_far = kinds.describe_cursor(text)
    return CursorView(object_, how_far.read_to, first_read=how_far.is_first_read)
