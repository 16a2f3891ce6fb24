"""What deliveries that wait hold for templates: how many lack a value, or need a lost secret."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from webhookd.storage.schema.template_columns import holes_of, values_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from collections.abc import Set as AbstractSet

    from webhookd.storage.database.connection import Statements

_WAITING: Final = (
    "SELECT url_values, holes FROM deliveries WHERE due_at IS NOT NULL"
    " AND lane = (SELECT number FROM lanes WHERE webhook = ?)"
)


def lacking(
    connection: Statements, webhook: str, needed: AbstractSet[str], secrets: Collection[str]
) -> dict[str, int]:
    """Return what deliveries of *webhook* that wait lack, and how many of them.

    That is a value among those *needed* for URL and headers (`properties.region`), or a secret
    that is not among the *secrets* there are (`secrets.key`). Every one that waits is looked at:
    not in SQL, whose functions refuse JSON with some characters that a record may hold.
    """
    found: Counter[str] = Counter()
    for url_values, holes in connection.execute(_WAITING, (webhook,)):
        held = values_of(url_values) if needed else None
        found.update(needed - (held or {}).keys())
        found.update({f"secrets.{name}" for _, name in holes_of(holes) if name not in secrets})
    return dict(found)
