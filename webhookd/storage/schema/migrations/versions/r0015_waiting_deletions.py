"""How records came to be deleted whose deletion waits."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
is_expanding = True

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add a column, empty for all there are."""
    op.add_column("moments", sa.Column("deletion", TEXT))
