"""Timers and their moments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
is_expanding = True

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")


def upgrade() -> None:
    """Add both tables, empty; daemons that plan nothing are refused once there is a timer."""
    op.create_table(
        "timers",
        sa.Column("number", NUMBER, primary_key=True),
        sa.Column("webhook", TEXT, unique=True),
        sa.Column("kind", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("object", TEXT, nullable=False),
        sa.Column("digest", TEXT, nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("place", TEXT),
    )
    op.create_table(
        "moments",
        sa.Column("timer", NUMBER, nullable=False),
        sa.Column("record_id", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger()),
        sa.Column("told", sa.BigInteger()),
        sa.Column("first_at", sa.BigInteger()),
        sa.Column("change", TEXT),
        sa.Column("occurred_at", sa.BigInteger()),
        sa.Column("untold_new", sa.Integer()),
        sa.Column("untold_previous", sa.LargeBinary()),
        sa.Column("last", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("timer", "record_id"),
        sqlite_with_rowid=False,
    )
    is_planned = sa.text("at IS NOT NULL")
    op.create_index(
        "moments_due",
        "moments",
        ["timer", "at"],
        sqlite_where=is_planned,
        postgresql_where=is_planned,
    )
