"""Bringing a database of an older webhookd to the version of this one: all of it, or nothing.

No daemon may work on it meanwhile: an old one would go on with tables that are not the ones it
knows, and a daemon that upgraded by itself at its start would take a whole fleet's old daemons
along. So a person says when.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config

from webhookd.storage import versions
from webhookd.storage.database import open_as_it_is

if TYPE_CHECKING:
    from sqlalchemy import Connection

_MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The version that a database had, and the one it has now."""

    before: str
    now: str


def upgrade(url: str) -> Upgraded:
    """Bring the database at *url*, which must be there, to the newest version.

    Raises StorageError when somebody works on it, or nothing leads from its version to the newest.
    """
    database = open_as_it_is(url, mode="rw")
    try:
        with database.refusing("upgrade"), database.engine.connect() as connection:
            database.kind.claim(connection)
            before = versions.require_known(versions.found(connection), database.place)
            if before != versions.NEWEST:
                run_steps(connection, after=versions.BEFORE_ALEMBIC.get(before))
            connection.commit()
            return Upgraded(before, versions.NEWEST)
    finally:
        database.close()


def run_steps(connection: Connection, *, after: str | None = None) -> None:
    """Run every step that is still to come, in the transaction that has begun.

    *after* names the one that a database without Alembic's table is the same as.
    """
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    if after is not None:
        command.stamp(config, after)
        versions.leave_to_alembic(connection)
    command.upgrade(config, "head")
