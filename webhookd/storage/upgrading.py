"""Bringing a database of an older webhookd to the version of this one: all of it, or nothing.

No daemon may work on it meanwhile: an old one would go on with tables that are not the ones it
knows, and a daemon that upgraded by itself at its start would take a whole fleet's old daemons
along. So a person says when.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy
from alembic import command
from alembic.config import Config

from webhookd.errors import StorageError
from webhookd.storage import versions
from webhookd.storage.database import cause, open_as_it_is

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
    database = open_as_it_is(url)
    try:
        with database.engine.connect() as connection:
            return _upgrade(connection, database.place)
    except (sqlalchemy.exc.DBAPIError, sqlite3.Error) as error:
        why = cause(error)
        hint = "; stop whatever works on it" if "locked" in why else ""
        raise StorageError(f"cannot upgrade the database {database.place}: {why}{hint}") from error
    finally:
        database.close()


def _upgrade(connection: Connection, place: str) -> Upgraded:
    # Refused while any other connection is open, whichever state directory its daemon locked.
    connection.exec_driver_sql("PRAGMA locking_mode=EXCLUSIVE")
    connection.exec_driver_sql("BEGIN EXCLUSIVE")
    before = versions.require_known(versions.found(connection), place)
    if before != versions.NEWEST:
        run_steps(connection, after=versions.BEFORE_ALEMBIC.get(before))
    connection.exec_driver_sql("COMMIT")
    return Upgraded(before, versions.NEWEST)


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
