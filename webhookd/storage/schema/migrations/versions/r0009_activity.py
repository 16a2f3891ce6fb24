"""What attempts came to over time, for charts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
is_expanding = True


def upgrade() -> None:
    """Add the table, empty: older daemons count nothing."""
    op.create_table(
        "activity",
        sa.Column("bucket", sa.BigInteger(), nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("delivered", sa.BigInteger(), nullable=False),
        sa.Column("retried", sa.BigInteger(), nullable=False),
        sa.Column("given_up", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("bucket", "lane"),
        sqlite_with_rowid=False,
    )
