"""The sources that are known, as programs read them, and how far each has been read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhookd.operations.json_objects import instant, listed_source
from webhookd.sources import kinds
from webhookd.storage.deliveries import query
from webhookd.storage.records import cursors

if TYPE_CHECKING:
    from webhookd.model import JsonText
    from webhookd.storage.database.database import Database


def listed(database: Database) -> list[dict[str, Any]]:
    """Return every source that was ever read, by name."""
    found = cursors.cursors(database)
    return [
        listed_source(source)
        | {"cursors": [_cursor(*one) for one in found.get(source.name, {}).items()]}
        for source in query.sources(database)
    ]


def _cursor(object_: str, text: JsonText) -> dict[str, Any]:
    how_far = kinds.describe_cursor(text)
    return {
        "object": object_,
        "read_to": instant(how_far.read_to),
        "first_read": how_far.is_first_read,
    }
