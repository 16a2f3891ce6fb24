"""URL and headers of attempts in a table of their own, where the database is a file."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
is_expanding = True

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add the table, empty: what the columns of attempts hold is read there."""
    op.create_table(
        "exchange_heads",
        sa.Column("key", NUMBER, autoincrement=False, nullable=False),
        sa.Column("sent", TEXT),
        sa.Column("answer_headers", TEXT),
        sa.PrimaryKeyConstraint("key"),
    )
