"""Some known records of a source and object, those first that changed last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.storage.records import known_records

if TYPE_CHECKING:
    from webhookd.model import KnownRecord
    from webhookd.storage.database.connection import Statements

LOOKED_AT: Final = 200
"""Changes, the newest, whose records come first."""

# A look at the newest of the source, not at all of them.
_CHANGED = (
    "SELECT record_id FROM changes WHERE source = ? AND object = ? ORDER BY number DESC LIMIT ?"
)


def sample(connection: Statements, source: str, object_: str, limit: int) -> dict[str, KnownRecord]:
    """Return at most *limit* records that are not deleted, by id."""
    rows = connection.execute(_CHANGED, (source, object_, LOOKED_AT)).fetchall()
    wanted = list(dict.fromkeys(record_id for (record_id,) in rows))
    known = known_records.find_known(connection, source, object_, wanted)
    found = {id_: known[id_] for id_ in wanted if id_ in known and not known[id_].deleted}
    if len(found) < limit:
        others = known_records.known_after(connection, source, object_, after="", limit=2 * limit)
        found |= {id_: one for id_, one in others if not one.deleted and id_ not in found}
    return dict(list(found.items())[:limit])
