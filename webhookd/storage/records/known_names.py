"""Names that the database knows: webhooks with a lane or deliveries, and types of objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.model import REMOVED
from webhookd.storage.deliveries import lanes
from webhookd.storage.schema.tables import DELIVERIES, LANES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.storage.database.connection import Statements

_HAS_DELIVERIES = (
    f"SELECT EXISTS (SELECT 1 FROM {DELIVERIES.name} JOIN {LANES.name}"  # noqa: S608 - constant
    " ON lanes.number = deliveries.lane WHERE lanes.webhook = ? AND deliveries.number > 0)"
)
_PAIR_AFTER = (
    "SELECT source, object FROM known_records WHERE source > ? OR (source = ? AND object > ?)"
    " ORDER BY source, object LIMIT 1"
)


def webhooks(connection: Statements) -> set[str]:
    """Return the webhooks that were in a configuration, those removed from it too."""
    return {row.webhook for row in lanes.all_rows(connection)}


def is_known(connection: Statements, webhook: str) -> bool:
    """Return whether a configuration has *webhook*, or it has deliveries of its own.

    Looks at each delivery where the webhook was removed and has none.
    """
    row = lanes.row_of(connection, webhook)
    if row is None:
        return False
    if row.absent_reason != REMOVED:
        return True
    return bool(connection.execute(_HAS_DELIVERIES, (webhook,)).fetchone()[0])


def objects(connection: Statements) -> set[str]:
    """Return the types of the records that are known."""
    return {object_ for _, object_ in pairs(connection)}


def pairs(connection: Statements) -> Iterator[tuple[str, str]]:
    """Yield each source with each type of its records, one step in the index for each."""
    source, object_ = "", ""
    while row := connection.execute(_PAIR_AFTER, (source, source, object_)).fetchone():
        source, object_ = row
        yield source, object_
