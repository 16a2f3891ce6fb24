"""Indexes for lists of deliveries: by webhook, and by the states that few deliveries end in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
is_expanding = True


def upgrade() -> None:
    """Make them, but for those that were made beforehand."""
    _index("deliveries_by_lane", "lane", "number > 0")
    for state in ("failed", "superseded", "cancelled"):
        _index(f"{state}_by_number", "state", f"state = '{state}'")


def _index(name: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    columns = [column, "number"]
    op.create_index(
        name,
        "deliveries",
        columns,
        sqlite_where=where,
        postgresql_where=where,
        if_not_exists=True,
    )
