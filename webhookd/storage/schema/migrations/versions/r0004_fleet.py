"""Several daemons on one database: who they are, what each has, and who shares a lane."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add two tables, and columns that say who has a delivery, a start, and a probe."""
    op.create_table(
        "daemons",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("host", TEXT, nullable=False),
        sa.Column("process_id", sa.Integer(), nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("config_hash", TEXT, nullable=False, server_default=sa.text("''")),
        sa.Column("backend", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=False),
        sa.Column("is_dead", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("last_commit", TEXT, nullable=False, server_default=sa.text("''")),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_table(
        "shares",
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("daemon", NUMBER, nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("wanted", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("seconds", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.Column("is_in_force", sa.Integer(), nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("lane", "daemon"),
        sqlite_with_rowid=False,
    )
    op.add_column("deliveries", sa.Column("owner", NUMBER))
    op.add_column("starts", sa.Column("owner", NUMBER))
    op.add_column("lanes", sa.Column("probed_since", sa.BigInteger()))
    op.add_column("lanes", sa.Column("probed_reason", TEXT))
    if op.get_bind().dialect.name == "postgresql":
        is_owned = sa.text("owner IS NOT NULL")
        op.create_index("owned", "deliveries", ["owner"], postgresql_where=is_owned)
