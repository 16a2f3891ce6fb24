"""How deleted records came to be so, of changes and of deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
is_expanding = True

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add a column to both, empty for all there are."""
    op.add_column("changes", sa.Column("deletion", TEXT))
    op.add_column("deliveries", sa.Column("deletion", TEXT))
