"""What each webhook's latest attempts came to, and how often a delivery obeyed a short hint."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
is_expanding = True

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_LOOKED_AT = 10_000
"""Settled deliveries, the newest, that tell when a webhook last delivered.

Each is a row looked up by an index: a fraction of a second, while daemons wait.
"""


def upgrade() -> None:
    """Add columns to lanes and deliveries; the newest deliveries fill one of them."""
    op.add_column("lanes", sa.Column("last_delivered_at", sa.BigInteger()))
    op.add_column("lanes", sa.Column("last_error", TEXT))
    op.add_column("lanes", sa.Column("last_error_at", sa.BigInteger()))
    op.add_column("lanes", sa.Column("failing_since", sa.BigInteger()))
    op.add_column("lanes", _count("failing_attempts"))
    op.add_column("deliveries", _count("hints"))
    op.add_column("deliveries", _count("hints_in_row"))
    connection = op.get_bind()
    newest = connection.execute(
        sa.text(
            "SELECT lane, max(settled_at) FROM (SELECT lane, state, settled_at FROM deliveries"
            " WHERE settled_at IS NOT NULL ORDER BY settled_at DESC LIMIT :most) AS newest"
            " WHERE state = 'delivered' GROUP BY lane"
        ),
        {"most": _LOOKED_AT},
    )
    for lane, at in newest.fetchall():
        connection.execute(
            sa.text("UPDATE lanes SET last_delivered_at = :at WHERE number = :lane"),
            {"at": at, "lane": lane},
        )


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False, server_default=sa.text("0"))
