"""What templates ask for at each attempt: places of secrets in a body, values for a URL."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
is_expanding = True

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add columns to deliveries, empty for all there are."""
    op.add_column("deliveries", sa.Column("holes", TEXT))
    op.add_column("deliveries", sa.Column("url_values", TEXT))
