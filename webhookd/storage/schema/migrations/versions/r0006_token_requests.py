"""When tokens were asked for, so that restarts do not ask for ever more of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
is_expanding = True

TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add a table; it has a few rows for each client."""
    op.create_table(
        "token_requests",
        sa.Column("client", TEXT, nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
    )
    op.create_index("token_requests_by_client", "token_requests", ["client", "made_at"])
