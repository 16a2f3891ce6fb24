"""What newer changes take the place of, the journal, and backfills that outlive a stop."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add columns to deliveries and enrollments, and three tables."""
    op.add_column("deliveries", sa.Column("untold_new", sa.Integer()))
    op.add_column("deliveries", sa.Column("untold_previous", sa.LargeBinary()))
    op.add_column("deliveries", sa.Column("untold_since", sa.BigInteger()))
    op.add_column("deliveries", sa.Column("superseded_by", TEXT))
    _date_enrollments()
    op.create_table(
        "backfills",
        sa.Column("webhook", TEXT, nullable=False),
        sa.Column("conditions", TEXT, nullable=False),
        sa.Column("per_second", sa.Float(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("after", TEXT, nullable=False, server_default=sa.text("''")),
        sa.Column("records", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("deliveries", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("webhook"),
    )
    op.create_table(
        "changes",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", sa.BigInteger(), nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("object", TEXT, nullable=False),
        sa.Column("record_id", TEXT, nullable=False),
        sa.Column("change", TEXT, nullable=False),
        sa.Column("asked", NUMBER),
        sa.Column("before", sa.LargeBinary()),
        sa.Column("properties", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_changes_source", "changes", ["source"])
    op.create_table(
        "changes_left_out",
        sa.Column("source", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "reason", "hour"),
    )


def _date_enrollments() -> None:
    """Say of every enrollment that it was long ago: when is not known."""
    if op.get_bind().dialect.name != "sqlite":
        long_ago = sa.Column(
            "enrolled_at", sa.BigInteger(), nullable=False, server_default=sa.text("0")
        )
        op.add_column("enrollments", long_ago)
        op.alter_column("enrollments", "enrolled_at", server_default=None)
        return
    op.rename_table("enrollments", "enrollments_before")
    op.create_table(
        "enrollments",
        sa.Column("webhook", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("object", TEXT, nullable=False),
        sa.Column("record_id", TEXT, nullable=False),
        sa.Column("enrolled_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("webhook", "source", "object", "record_id"),
        sqlite_with_rowid=False,
    )
    op.execute(
        "INSERT INTO enrollments (webhook, source, object, record_id, enrolled_at)"
        " SELECT webhook, source, object, record_id, 0 FROM enrollments_before"
    )
    op.drop_table("enrollments_before")
