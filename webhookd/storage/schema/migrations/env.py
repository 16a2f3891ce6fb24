"""What Alembic runs: the steps, on the connection and in the transaction of who asked."""

from __future__ import annotations

from alembic import context

from webhookd.storage.schema.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
