"""What an attempt sent and was answered beside bodies: its URL, and the headers of both."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
is_expanding = True

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add columns to attempts, empty for all there are."""
    op.add_column("attempts", sa.Column("sent", TEXT))
    op.add_column("attempts", sa.Column("answer_headers", TEXT))
