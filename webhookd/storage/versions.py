"""Which version of the tables a database has, and whether this webhookd works with it.

A version is a step of `migrations`, four digits, and stands where Alembic keeps it. To look at it
takes no Alembic, which is slow to import and needed for an upgrade only (`upgrading`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import sqlalchemy
from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, String, Table

from webhookd.errors import StorageError
from webhookd.storage.tables import META, METADATA

if TYPE_CHECKING:
    from sqlalchemy import Connection

NEWEST: Final = "0003"
"""The version that `tables` describes: the last step."""

BEFORE_ALEMBIC: Final = {"2": "0002", "3": "0003"}
"""The versions from before there were steps, and the step that each is the same as."""

ELSEWHERE: Final = "kept by Alembic"
"""What stands where versions stood before: it is what makes a webhookd of that time refuse."""

_VERSIONS = Table(
    "alembic_version",
    MetaData(),
    Column("version_num", String(32), nullable=False),
    PrimaryKeyConstraint("version_num", name="alembic_version_pkc"),
)
_MOVED = "moved_to"
_OF_OLD = META.c.key == "schema_version"


def found(connection: Connection) -> str | None:
    """Return a database's version; None when it has no tables of webhookd."""
    inspector = sqlalchemy.inspect(connection)
    if inspector.has_table(_VERSIONS.name):
        return connection.execute(sqlalchemy.select(_VERSIONS.c.version_num)).scalar()
    if inspector.has_table(META.name):
        return connection.execute(sqlalchemy.select(META.c.value).where(_OF_OLD)).scalar()
    return None


def is_older(version: str) -> bool:
    """Return whether an upgrade leads from *version* to the newest."""
    return version in BEFORE_ALEMBIC or (
        len(version) == len(NEWEST) and version.isdecimal() and version < NEWEST
    )


def require_known(version: str | None, place: str) -> str:
    """Return *version*, that of the database at *place*, if it is the newest or an older one.

    Raises StorageError when it is none that this webhookd knows.
    """
    if version is None:
        raise StorageError(f"{place} is not a database of webhookd")
    if version != NEWEST and not is_older(version):
        raise StorageError(
            f"the database {place} has schema version {version}, and this webhookd knows none "
            f"newer than {NEWEST}; use the version of webhookd that made it, or a later one"
        )
    return version


def require_newest(connection: Connection, place: str) -> None:
    """Raise StorageError unless the database at *place* has the version that is worked with.

    And when it was moved away.
    """
    require_version(connection, place)
    to = moved_to(connection)
    if to is not None:
        raise StorageError(
            f"the database {place} was moved to {to}; name that one, as WEBHOOKD_DATABASE_URL."
            f" Where the move was broken off, end it: webhookd db move --to {to}"
        )


def require_version(connection: Connection, place: str) -> None:
    """Raise StorageError unless the database at *place* has the newest version."""
    version = require_known(found(connection), place)
    if version != NEWEST:
        raise StorageError(
            f"the database {place} has schema version {version}, and this webhookd works with "
            f"{NEWEST}; stop the daemon that works on it, and run: webhookd db upgrade"
        )


def moved_to(connection: Connection) -> str | None:
    """Return where a database was moved to, or is being moved; None where it was not."""
    query = sqlalchemy.select(META.c.value).where(META.c.key == _MOVED)
    return connection.execute(query).scalar()


def set_moved(connection: Connection, to: str | None) -> None:
    """Say in a database that it is moved, so that no daemon works on it; None takes that back."""
    connection.execute(META.delete().where(META.c.key == _MOVED))
    if to is not None:
        connection.execute(META.insert().values(key=_MOVED, value=to))


def create(connection: Connection) -> None:
    """Make all tables, in a database that has none."""
    METADATA.create_all(connection)
    _VERSIONS.create(connection)
    connection.execute(_VERSIONS.insert().values(version_num=NEWEST))
    connection.execute(META.insert().values(key="schema_version", value=ELSEWHERE))


def leave_to_alembic(connection: Connection) -> None:
    """Let no webhookd from before there were steps work on a database whose version it knew."""
    connection.execute(META.update().where(_OF_OLD).values(value=ELSEWHERE))
