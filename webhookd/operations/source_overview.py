"""The sources that are known, and how far each has been read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.model import LIST_PLACE
from webhookd.operations import view_builders
from webhookd.sources import kinds
from webhookd.storage.deliveries import listed_sources
from webhookd.storage.records import cursors, last_files
from webhookd.views.sources import CursorView

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhookd.model import JsonText, PollOutcome
    from webhookd.storage.database.database import Database
    from webhookd.views.sources import StoredSourceView


def listed(
    database: Database,
    pending: Mapping[str, int] | None = None,
    is_polled: Callable[[str, str], bool] = lambda _source, _object: True,
) -> list[StoredSourceView]:
    """Return every source that was ever read, by name; *pending* is what waits of each.

    Errors are told of the objects that it *is_polled* for: all, where no configuration is known.
    """
    found, last = cursors.cursors(database), last_files.of_all(database)
    last |= {
        source: told
        for source, of_objects in cursors.outcomes(database).items()
        if (told := _failing(source, of_objects, is_polled))
    }
    return [
        view_builders.stored_source(
            source,
            (_cursor(*one) for one in found.get(source.name, {}).items()),
            last.get(source.name, last_files.NOTHING),
        )
        for source in listed_sources.sources(database, pending)
    ]


def _failing(
    source: str,
    outcomes: Mapping[str, PollOutcome],
    is_polled: Callable[[str, str], bool],
) -> last_files.LastFile | None:
    """Return the latest error of those types of objects whose polls fail; None where none does."""
    failing = [
        (outcome.last_error_at, f"{object_}: {outcome.last_error}")
        for object_, outcome in outcomes.items()
        if outcome.fails and is_polled(source, object_)
    ]
    if not failing:
        return None
    at, error = max(failing)
    return last_files.LastFile(error=error, error_at=at)


def _cursor(object_: str, text: JsonText) -> CursorView:
    how_far, aside = kinds.describe_cursor(text), kinds.set_aside(text)
    name, _, of_list = object_.partition(LIST_PLACE)
    return CursorView(
        name,
        how_far.read_to,
        first_read=how_far.is_first_read,
        list=of_list or None,
        missing=None if aside is None else aside.missing,
        known=None if aside is None else aside.known,
    )
