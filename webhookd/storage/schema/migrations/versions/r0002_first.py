"""The tables as they were when Alembic began to keep their version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = None

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make every table, in a database that has none."""
    op.create_table(
        "archived_records",
        sa.Column("source", TEXT, nullable=False),
        sa.Column("object", TEXT, nullable=False),
        sa.Column("record_id", TEXT, nullable=False),
        sa.Column("pass", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("source", "object", "record_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "asked",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("content", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("content"),
    )
    op.create_table(
        "attempts",
        sa.Column("delivery_id", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("error", TEXT, nullable=True),
        sa.Column("answer", TEXT, nullable=False),
        sa.Column("config_hash", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "bad_rows",
        sa.Column("claim", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("claim", "number"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "cursors",
        sa.Column("source", TEXT, nullable=False),
        sa.Column("object", TEXT, nullable=False),
        sa.Column("cursor", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("source", "object"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "deliveries",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("object", TEXT, nullable=False),
        sa.Column("record_id", TEXT, nullable=False),
        sa.Column("change", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("behind", sa.Integer(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_attempt_at", sa.BigInteger(), nullable=True),
        sa.Column("held_before", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.Column("method", TEXT, nullable=False),
        sa.Column("content_type", TEXT, nullable=True),
        sa.Column("query", TEXT, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
    )
    op.create_index(
        "delivered_records",
        "deliveries",
        ["lane", "source", "object", "record_id", "number"],
        unique=False,
        sqlite_where=sa.text("state = 'delivered' AND behind IS NOT NULL"),
        postgresql_where=sa.text("state = 'delivered' AND behind IS NOT NULL"),
    )
    _index_due()
    op.create_index(
        "failed",
        "deliveries",
        ["lane"],
        unique=False,
        sqlite_where=sa.text("state = 'failed'"),
        postgresql_where=sa.text("state = 'failed'"),
    )
    op.create_index(
        "open_records",
        "deliveries",
        ["lane", "source", "object", "record_id", "number", "behind"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL AND behind IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL AND behind IS NOT NULL"),
    )
    op.create_index(
        "settled",
        "deliveries",
        ["settled_at"],
        unique=False,
        sqlite_where=sa.text("settled_at IS NOT NULL"),
        postgresql_where=sa.text("settled_at IS NOT NULL"),
    )
    op.create_table(
        "enrollments",
        sa.Column("webhook", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("object", TEXT, nullable=False),
        sa.Column("record_id", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("webhook", "source", "object", "record_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "files",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("claim", TEXT, nullable=False),
        sa.Column("source", TEXT, nullable=False),
        sa.Column("name", sa.LargeBinary(), nullable=False),
        sa.Column("rows_taken", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("bad_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("openings", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_finished", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("phase", TEXT, nullable=True),
        sa.Column("rows_counted", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("place", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("deletions", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rows_per_second", sa.Integer(), nullable=True),
        sa.Column("ends_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("claim"),
    )
    op.create_table(
        "known_records",
        sa.Column("source", TEXT, nullable=False),
        sa.Column("object", TEXT, nullable=False),
        sa.Column("record_id", TEXT, nullable=False),
        sa.Column("properties", sa.LargeBinary(), nullable=False),
        sa.Column("modified_at", sa.BigInteger(), nullable=True),
        sa.Column("deleted", sa.Integer(), nullable=False),
        sa.Column("asked", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("source", "object", "record_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "lanes",
        sa.Column("number", NUMBER, nullable=False),
        sa.Column("webhook", TEXT, nullable=False),
        sa.Column("epoch", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("paused_reason", TEXT, nullable=True),
        sa.Column("gone_reason", TEXT, nullable=True),
        sa.Column("absent_reason", TEXT, nullable=True),
        sa.Column("held_since", sa.BigInteger(), nullable=True),
        sa.Column("held_total", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("quiet_until", sa.BigInteger(), nullable=True),
        sa.Column("request_digest", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("target_digest", TEXT, server_default=sa.text("''"), nullable=False),
        sa.Column("is_ordered", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("ordered_upto", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("webhook"),
    )
    op.create_table(
        "meta",
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "snapshot_rows",
        sa.Column("file", NUMBER, nullable=False),
        sa.Column("record_id", TEXT, nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("last_row", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("differs", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("file", "record_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "differing",
        "snapshot_rows",
        ["file", "last_row"],
        unique=False,
        sqlite_where=sa.text("differs = 1"),
        postgresql_where=sa.text("differs = 1"),
    )
    op.create_table(
        "sources",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("identity", TEXT, nullable=False),
        sa.Column("has_started", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_snapshot", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "starts",
        sa.Column("lane", sa.Integer(), nullable=False),
        sa.Column("delivery_id", TEXT, nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
    )
    op.create_index("starts_by_delivery", "starts", ["delivery_id"], unique=False)
    op.create_index("starts_by_lane", "starts", ["lane", "started_at"], unique=False)


def _index_due() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.create_index(
            "due",
            "deliveries",
            ["lane", "behind", "epoch", "due_at"],
            sqlite_where=sa.text("due_at IS NOT NULL AND behind IS NOT 1"),
        )
        return
    for name, place in (("due_in_no_order", "IS NULL"), ("due_in_order", "= 0")):
        op.create_index(
            name,
            "deliveries",
            ["lane", "epoch", "due_at"],
            postgresql_where=sa.text(f"due_at IS NOT NULL AND behind {place}"),
        )
