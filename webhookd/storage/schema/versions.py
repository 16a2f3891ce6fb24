"""Which version of the tables a database has, and whether this webhookd works with it.

A version is a step of `migrations`, four digits, and stands where Alembic keeps it. To look at it
takes no Alembic, which is slow to import and needed for an upgrade only (`upgrading`).

A database says as well which webhookd is the oldest that works on it: a step that only adds what an
older one does not mind leaves that as it was, so that a fleet's daemons are replaced one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import sqlalchemy
from sqlalchemy import Column, MetaData, PrimaryKeyConstraint, String, Table

from webhookd.errors import StorageError, WrongVersionError
from webhookd.storage.schema.tables import META, METADATA

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from webhookd.storage.database.connection import Statements

NEWEST: Final = "0015"
"""The version that `tables` describes: the last step."""

WORKS_WITH: Final = "0004"
"""The oldest version whose daemons work on such tables: the last step that does not only expand."""

TEMPLATES: Final = "0007"
"""The version from which on a body's holes are filled, and a URL's values are kept."""

TIMERS: Final = "0012"
"""The version from which on moments are planned with the records that they follow from."""

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
_OLDEST = "works_with"
_OF_OLD = META.c.key == "schema_version"

IN_A_SESSION: Final = (
    f"SELECT (SELECT version_num FROM {_VERSIONS.name}),"  # noqa: S608 - constant
    f" (SELECT value FROM {META.name} WHERE key = '{_OLDEST}')"
)
"""What `require_still_usable` is asked with, in the words of both databases."""


@dataclass(frozen=True, slots=True)
class Version:
    """The version of a database, and the oldest one whose daemons and commands work on it."""

    number: str
    works_with: str

    @property
    def is_older(self) -> bool:
        """Return whether an upgrade leads from here to the newest."""
        return self.number in BEFORE_ALEMBIC or (_is_step(self.number) and self.number < NEWEST)

    @property
    def is_usable(self) -> bool:
        """Return whether daemons and commands of this webhookd work on it."""
        return self.number == NEWEST or (
            _is_step(self.number)
            and self.number > NEWEST
            and _is_step(self.works_with)
            and self.works_with <= NEWEST
        )


def _is_step(version: str) -> bool:
    return len(version) == len(NEWEST) and version.isascii() and version.isdecimal()


def found(connection: Connection) -> Version | None:
    """Return a database's version; None when it has no tables of webhookd."""
    inspector = sqlalchemy.inspect(connection)
    has_meta = inspector.has_table(META.name)
    number, oldest = None, None
    if inspector.has_table(_VERSIONS.name):
        number = connection.execute(sqlalchemy.select(_VERSIONS.c.version_num)).scalar()
        if has_meta:
            oldest = _kept(connection, _OLDEST)
    elif has_meta:
        number = connection.execute(sqlalchemy.select(META.c.value).where(_OF_OLD)).scalar()
    return None if number is None else Version(number, oldest or number)


def require_known(version: Version | None, place: str) -> Version:
    """Return *version*, that of the database at *place*, if it can be used, or be upgraded.

    Raises StorageError for any other.
    """
    version = require_database(version, place)
    if not version.is_usable and not version.is_older:
        raise StorageError(_too_new(version, place))
    return version


def require_database(version: Version | None, place: str) -> Version:
    """Return *version*, whichever it is; StorageError when *place* is no database of webhookd."""
    if version is None:
        raise StorageError(f"{place} is not a database of webhookd")
    return version


def require_usable(connection: Connection, place: str) -> None:
    """Raise StorageError unless this webhookd works on the database at *place*.

    And when it was moved away.
    """
    version = require_database(found(connection), place)
    if not version.is_usable:
        raise StorageError(_unusable(version, place))
    to = moved_to(connection)
    if to is not None:
        raise StorageError(
            f"the database {place} was moved to {to}; name that one, as WEBHOOKD_DATABASE_URL."
            f" Where the move was broken off, end it: webhookd db move --to {to}"
        )


def require_still_usable(answer: tuple[str | None, str | None] | None, place: str) -> None:
    """Raise WrongVersionError unless *answer*, that to `IN_A_SESSION`, is of a usable version.

    Call it while holding the daemons' lock; without it another process could upgrade right after
    the check.
    """
    number, oldest = answer or (None, None)
    version = Version(number or "unknown", oldest or number or "unknown")
    if not version.is_usable:
        raise WrongVersionError(_unusable(version, place))


def require_newest(connection: Connection, place: str) -> None:
    """Raise StorageError unless the database at *place* has the newest version."""
    version = require_known(found(connection), place)
    if version.is_older:
        raise StorageError(_unusable(version, place))
    if version.number != NEWEST:
        raise StorageError(
            f"the database {place} has schema version {version.number}, and this webhookd does not"
            f" know all that is new since {NEWEST}; use the version of webhookd that made it"
        )


def _unusable(version: Version, place: str) -> str:
    if not version.is_older:
        return _too_new(version, place)
    return (
        f"the database {place} has schema version {version.number}, and this webhookd works with "
        f"{NEWEST}; run: webhookd db upgrade (it says so when daemons have to be stopped for it)"
    )


def _too_new(version: Version, place: str) -> str:
    return (
        f"the database {place} has schema version {version.number}, which takes a webhookd that"
        f" knows {version.works_with}, and this one knows none newer than {NEWEST}; use the version"
        " of webhookd that made it, or a later one"
    )


def _kept(connection: Connection, key: str) -> str | None:
    return connection.execute(sqlalchemy.select(META.c.value).where(META.c.key == key)).scalar()


def _keep(connection: Connection, key: str, value: str | None) -> None:
    connection.execute(META.delete().where(META.c.key == key))
    if value is not None:
        connection.execute(META.insert().values(key=key, value=value))


def moved_to(connection: Connection) -> str | None:
    """Return where a database was moved to, or is being moved; None where it was not."""
    return _kept(connection, _MOVED)


def set_moved(connection: Connection, to: str | None) -> None:
    """Say in a database that it is moved, so that no daemon works on it; None takes that back."""
    _keep(connection, _MOVED, to)


def set_works_with(connection: Connection, oldest: str) -> None:
    """Say in a database which version's daemons are the oldest that work on it."""
    _keep(connection, _OLDEST, oldest)


def allow_from(statements: Statements, oldest: str) -> None:
    """Let no daemon or command work on the database that knows no version from *oldest* on.

    Runs on the writer's thread.
    """
    statements.execute(
        f"UPDATE {META.name} SET value = ? WHERE key = '{_OLDEST}' AND value < ?",  # noqa: S608 - constant
        (oldest, oldest),
    )


def create(connection: Connection) -> None:
    """Make all tables, in a database that has none."""
    METADATA.create_all(connection)
    _VERSIONS.create(connection)
    connection.execute(_VERSIONS.insert().values(version_num=NEWEST))
    connection.execute(META.insert().values(key="schema_version", value=ELSEWHERE))
    set_works_with(connection, WORKS_WITH)


def leave_to_alembic(connection: Connection) -> None:
    """Let no webhookd from before there were steps work on a database whose version it knew."""
    connection.execute(META.update().where(_OF_OLD).values(value=ELSEWHERE))
