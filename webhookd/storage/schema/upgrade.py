"""Bringing a database of an older webhookd to the version of this one: all of it, or nothing.

A daemon that upgraded by itself at its start would take a whole fleet's old daemons along, so a
person says when. A step whose module says `is_expanding` only adds what older daemons do not mind;
on PostgreSQL these work on while it runs, and on what came of it. For any other step no daemon may
work on the database, and an older one does not work on it afterwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import sqlalchemy
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory

from webhookd.errors import StateLockedError
from webhookd.storage.database.database import open_as_it_is
from webhookd.storage.schema import rolling_upgrade, versions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from alembic.script import Script
    from sqlalchemy import Connection

    from webhookd.storage.database.database import Database

_MIGRATIONS = Path(__file__).parent / "migrations"


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The version that a database had, the one it has now, and the oldest that works on it."""

    before: str
    now: str
    works_with: str


def upgrade(url: str) -> Upgraded:
    """Bring the database at *url*, which must be there, to the newest version.

    Raises StorageError when nothing leads there from its version, or somebody works on it; and
    StateLockedError when daemons do, and have to be stopped.
    """
    database = open_as_it_is(url, mode="rw")
    try:
        with database.refusing("upgrade"), database.engine.connect() as connection:
            if database.kind.is_shared:
                return _beside_daemons(database, connection)
            database.kind.claim(connection)
            return _run(connection, _found(database, connection))
    finally:
        database.close()


class _TooSlowError(Exception):
    """Daemons would have had to wait for too long."""


def _beside_daemons(database: Database, connection: Connection) -> Upgraded:
    """Upgrade while daemons work; without them what does not only expand, or takes too long."""
    try:
        return _claimed(database, connection, is_exclusive=False)
    except _TooSlowError:
        connection.rollback()
    try:
        return _claimed(database, connection, is_exclusive=True)
    except StateLockedError as error:
        raise StateLockedError(
            "the upgrade would keep daemons waiting for"
            f" over {rolling_upgrade.STATEMENT_SECONDS:g} s, and needs the database without them:"
            f" {error}{_beforehand(connection)}"
        ) from error


def _beforehand(connection: Connection) -> str:
    """Return what may be made beside daemons, so that they need not be stopped."""
    statements = rolling_upgrade.missing_indexes(connection)
    if not statements:
        return ""
    return (
        ". Or make these indexes first, one after the other, beside them, and try again: "
        + "; ".join(statements)
    )


def _claimed(database: Database, connection: Connection, *, is_exclusive: bool) -> Upgraded:
    def change(wait: float) -> Upgraded:
        database.kind.prepare(connection)
        before = _found(database, connection)
        needs_exclusive = is_exclusive or not all(map(_is_expanding, _steps(after=before)))
        if needs_exclusive:
            database.kind.claim(connection)
        rolling_upgrade.limit(connection, wait, is_exclusive=needs_exclusive)
        try:
            return _run(connection, before)
        except sqlalchemy.exc.DBAPIError as error:
            if not needs_exclusive and rolling_upgrade.was_cut_off(error):
                raise _TooSlowError from error
            raise

    return rolling_upgrade.patiently(connection, database.place, change)


def _found(database: Database, connection: Connection) -> versions.Version:
    return versions.require_known(versions.found(connection), database.place)


def _run(connection: Connection, before: versions.Version) -> Upgraded:
    if not before.is_older:
        connection.rollback()
        return Upgraded(before.number, before.number, before.works_with)
    works_with = run_steps(connection, after=versions.BEFORE_ALEMBIC.get(before.number))
    connection.commit()
    return Upgraded(before.number, versions.NEWEST, works_with)


def run_steps(connection: Connection, *, after: str | None = None) -> str:
    """Run every step that is still to come, in the transaction that has begun.

    *after* names the one that a database without Alembic's table is the same as. Returns the
    oldest version whose daemons work on what comes of it.
    """
    config = _config()
    config.attributes["connection"] = connection
    if after is not None:
        command.stamp(config, after)
        versions.leave_to_alembic(connection)
    command.upgrade(config, "head")
    works_with = oldest_that_works()
    versions.set_works_with(connection, works_with)
    return works_with


def oldest_that_works() -> str:
    """Return the oldest version whose daemons work on what the last step leaves."""
    return next(step.revision for step in _steps() if not _is_expanding(step))


def _steps(*, after: versions.Version | None = None) -> Iterable[Script]:
    """Return the steps that come *after* a version, or all; the last comes first."""
    number = None
    if after is not None:
        number = versions.BEFORE_ALEMBIC.get(after.number, after.number)
        if not after.is_older:
            return ()
    return ScriptDirectory.from_config(_config()).iterate_revisions("head", number or "base")


def _is_expanding(step: Script) -> bool:
    return bool(getattr(step.module, "is_expanding", False))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config
