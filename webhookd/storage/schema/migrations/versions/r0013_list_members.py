"""Which records are members of lists that an API has of its records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
is_expanding = True

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table, empty: older daemons read no lists."""
    op.create_table(
        "list_members",
        sa.Column("source", TEXT, nullable=False),
        sa.Column("object", TEXT, nullable=False),
        sa.Column("list", TEXT, nullable=False),
        sa.Column("record_id", TEXT, nullable=False),
        sa.Column("pass", NUMBER, nullable=False),
        sa.Column("joined", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("source", "object", "list", "record_id"),
        sqlite_with_rowid=False,
    )
