"""Which file each source took and put away last, and what last went wrong with it.

Each stands in the table `meta` under a key of its own that ends in the source's name, so that
writing one needs no reading. They are written with the transaction that forgets the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson
from sqlalchemy import or_, select

from webhookd.model import LatestFile
from webhookd.storage.database.times import from_micros, to_micros
from webhookd.storage.schema.tables import META

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.model import PutAway
    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.database import Database

_LATEST: Final = "latest_file:"
"""Mtime and name of the file taken last, whose rows an older one could undo."""
_PUT_AWAY: Final = "last_file:"
"""JSON: name of the file put away last, and when."""
_ERROR: Final = "last_error:"
"""JSON: what last went wrong, and when."""
KEYS: Final = (_LATEST, _PUT_AWAY, _ERROR)
"""How all of these keys begin."""

_SET: Final = (
    "INSERT INTO meta (key, value) VALUES (?, ?)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)


@dataclass(frozen=True, slots=True)
class LastFile:
    """What is known of the last file of a source, and of the last error; None where none was."""

    name: str | None = None
    at: datetime | None = None
    error: str | None = None
    error_at: datetime | None = None


NOTHING: Final = LastFile()


def write(connection: Statements, put_away: PutAway) -> None:
    """Remember a file that was put away, and its error if it had one."""
    _set(connection, _PUT_AWAY + put_away.source, put_away.name, put_away.at)
    if put_away.error is not None:
        write_error(connection, put_away.source, put_away.error, put_away.at)


def write_error(connection: Statements, source: str, error: str, at: datetime) -> None:
    """Remember what went wrong with *source*."""
    _set(connection, _ERROR + source, error, at)


def _set(connection: Statements, key: str, text: str, at: datetime) -> None:
    value = orjson.dumps({"text": text, "at": to_micros(at)}).decode()
    connection.execute(_SET, (key, value))


def write_latest(connection: Statements, latest: LatestFile) -> None:
    """Remember the file that was taken last."""
    connection.execute(_SET, (_LATEST + latest.source, f"{latest.modified} {latest.name}"))


def latest(connection: Statements, source: str) -> LatestFile | None:
    """Return the file of *source* that was taken last; None before the first."""
    query = "SELECT value FROM meta WHERE key = ?"
    row = connection.execute(query, (_LATEST + source,)).fetchone()
    if row is None:
        return None
    modified, _, name = str(row[0]).partition(" ")
    return LatestFile(source, name, int(modified))


def of_all(database: Database) -> dict[str, LastFile]:
    """Return what is known of each source that a file was put away of, or that had an error."""
    is_one = or_(*(META.c.key.startswith(one, autoescape=True) for one in (_PUT_AWAY, _ERROR)))
    query = select(META.c.key, META.c.value).where(is_one)
    with database.connected() as connection:
        rows = connection.execute(query).all()
    found: dict[str, dict[str, Any]] = {}
    for key, value in rows:
        kind, _, source = str(key).partition(":")
        told = orjson.loads(value)
        text, at = told["text"], from_micros(told["at"])
        known = found.setdefault(source, {})
        is_error = f"{kind}:" == _ERROR
        known |= {"error": text, "error_at": at} if is_error else {"name": text, "at": at}
    return {source: LastFile(**known) for source, known in found.items()}
