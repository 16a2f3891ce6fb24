"""How far each type of object of an API has been read, and what its archive held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from webhookd.model import KnownState, PollOutcome
from webhookd.storage.database.connection import with_lists
from webhookd.storage.database.times import from_micros, to_micros
from webhookd.storage.records import property_sets
from webhookd.storage.records.lists import list_members, listings

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from webhookd.model import JsonText, MissingRecords, PollProgress
    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.database import Database
    from webhookd.storage.database.writer import Writer
    from webhookd.storage.fleet.exclusive import ExclusiveWriter

_OUTDATED = with_lists(
    "SELECT record_id FROM known_records WHERE source = ? AND object = ? AND record_id > ?"
    " AND deleted = 0 AND coalesce(asked, 0) {none_of}"
    " ORDER BY record_id LIMIT ?"
)
_KNOWN = with_lists(
    "SELECT record_id, deleted FROM known_records WHERE source = ? AND object = ?"
    " AND record_id {one_of}"
)
_MODIFIED = with_lists(
    "SELECT record_id, modified_at FROM known_records WHERE source = ? AND object = ?"
    " AND deleted = 0 AND record_id {one_of}"
)
_STATES = with_lists(
    "SELECT record_id, deleted, modified_at, asked FROM known_records WHERE source = ?"
    " AND object = ? AND record_id {one_of}"
)
_LEFT = (
    "SELECT record_id FROM archived_records WHERE source = ? AND object = ? AND pass < ?"
    " ORDER BY record_id LIMIT ?"
)


OUTCOME: Final = "polled:"
"""With source and object: where the table `meta` keeps what the latest polls came to, as JSON."""

_REMEMBER: Final = (
    "INSERT INTO meta (key, value) VALUES (?, ?)"
    " ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)


class Polls:
    """The ledger of what is polled, as sources ask for it."""

    def __init__(self, writer: Writer | ExclusiveWriter) -> None:
        self._writer = writer

    async def cursor(self, source: str, object_: str) -> JsonText | None:
        """Return the cursor of a type of object as it was last committed; None before the first."""
        query = "SELECT cursor FROM cursors WHERE source = ? AND object = ?"
        row = await self._writer.read(
            lambda connection: connection.execute(query, (source, object_)).fetchone()
        )
        return None if row is None else str(row[0])

    async def outcome(self, source: str, object_: str) -> PollOutcome:
        """Return what the latest polls came to, as it was last remembered."""
        query, key = "SELECT value FROM meta WHERE key = ?", (_key(source, object_),)
        row = await self._writer.read(lambda connection: connection.execute(query, key).fetchone())
        return PollOutcome() if row is None else _outcome(row[0])

    async def remember(self, source: str, object_: str, outcome: PollOutcome) -> None:
        """Remember what the latest polls came to."""
        micros = to_micros(outcome.last_success_at), to_micros(outcome.last_error_at)
        value = orjson.dumps([micros[0], outcome.last_error, micros[1]]).decode()
        row = (_key(source, object_), value)
        await self._writer.write(lambda connection: connection.execute(_REMEMBER, row))

    async def outdated(
        self, source: str, object_: str, names: frozenset[str], *, after: str, limit: int
    ) -> tuple[str, ...]:
        """Return ids of known records for which not all of *names* were asked, in order of id."""

        def find(connection: Statements) -> tuple[str, ...]:
            enough = connection.listed(property_sets.numbers_with(connection, names))
            values = (source, object_, after, enough, limit)
            return _ids(connection, _OUTDATED[connection.dialect], values)

        return await self._writer.read(find)

    async def known(self, source: str, object_: str, record_ids: Sequence[str]) -> dict[str, bool]:
        """Return those of *record_ids* that are known, and whether as deleted."""

        def find(connection: Statements) -> list[tuple[str, int]]:
            wanted = connection.listed(record_ids)
            query = _KNOWN[connection.dialect]
            return connection.execute(query, (source, object_, wanted)).fetchall()

        rows = await self._writer.read(find)
        return {record_id: bool(deleted) for record_id, deleted in rows}

    async def modified(
        self, source: str, object_: str, record_ids: Sequence[str]
    ) -> dict[str, datetime | None]:
        """Return when those of *record_ids* were modified that are known, and not as deleted."""

        def find(connection: Statements) -> list[tuple[str, int | None]]:
            wanted = connection.listed(record_ids)
            query = _MODIFIED[connection.dialect]
            return connection.execute(query, (source, object_, wanted)).fetchall()

        rows = await self._writer.read(find)
        return {record_id: from_micros(at) for record_id, at in rows}

    async def states(
        self, source: str, object_: str, record_ids: Sequence[str]
    ) -> dict[str, KnownState]:
        """Return those of *record_ids* that are known, without their properties."""

        def find(connection: Statements) -> dict[str, KnownState]:
            wanted = connection.listed(record_ids)
            query = _STATES[connection.dialect]
            rows = connection.execute(query, (source, object_, wanted)).fetchall()
            asked = property_sets.of_numbers(connection, {row[3] for row in rows})
            return {
                id_: KnownState(bool(deleted), from_micros(at), asked[number])
                for id_, deleted, at, number in rows
            }

        return await self._writer.read(find)

    async def unarchived(
        self, source: str, object_: str, *, before: int, limit: int
    ) -> tuple[str, ...]:
        """Return ids that were in the archive in passes *before* this one, and not in it."""
        return await self._writer.read(
            lambda connection: _ids(connection, _LEFT, (source, object_, before, limit))
        )

    async def listed(self, claim: str, record_ids: Sequence[str]) -> frozenset[str]:
        """Return those of *record_ids* that a pass met."""
        return await self._writer.read(
            lambda connection: listings.listed(connection, claim, record_ids)
        )

    async def is_kept(self, claim: str) -> bool:
        """Return whether anything is kept of a pass."""
        return await self._writer.read(lambda connection: listings.is_kept(connection, claim))

    async def missing(
        self,
        source: str,
        object_: str,
        claim: str,
        *,
        after: str,
        modified_before: datetime | None = None,
    ) -> MissingRecords:
        """Return which of the known records behind the id *after* a pass did not meet: some."""
        return await self._writer.read(
            lambda connection: listings.missing(
                connection, claim, source, object_, after=after, modified_before=modified_before
            )
        )

    async def memberships(
        self, source: str, object_: str, lists: Sequence[str], record_ids: Sequence[str]
    ) -> dict[str, frozenset[str]]:
        """Return those of the *lists* that each of *record_ids* is a member of, as far as known."""
        return await self._writer.read(
            lambda connection: list_members.of_records(
                connection, source, object_, lists, record_ids
            )
        )

    async def unmet(
        self, source: str, object_: str, list_: str, *, number: int, after: str
    ) -> MissingRecords:
        """Return which members of a list behind the id *after* the pass *number* did not meet."""
        return await self._writer.read(
            lambda connection: list_members.unmet(
                connection, source, object_, list_, number=number, after=after
            )
        )

    async def accepted(self, source: str, object_: str) -> int | None:
        """Return the pass whose absences a person let through last, None without one."""
        return await self._writer.read(
            lambda connection: listings.accepted(connection, source, object_)
        )


def _key(source: str, object_: str) -> str:
    return f"{OUTCOME}{source}/{object_}"


def _outcome(text: JsonText) -> PollOutcome:
    success_at, error, error_at = orjson.loads(text)
    return PollOutcome(from_micros(success_at), error, from_micros(error_at))


def outcomes(database: Database) -> dict[str, dict[str, PollOutcome]]:
    """Return what the latest polls of every type of object came to, by source and object."""
    found: dict[str, dict[str, PollOutcome]] = {}
    with database.reading() as connection:
        query = "SELECT key, value FROM meta WHERE key LIKE ?"
        for key, text in connection.execute(query, (f"{OUTCOME}%",)):
            source, _, object_ = key.removeprefix(OUTCOME).partition("/")
            found.setdefault(source, {})[object_] = _outcome(text)
    return found


def cursors(database: Database) -> dict[str, dict[str, JsonText]]:
    """Return the cursor of every type of object, by source and object."""
    found: dict[str, dict[str, JsonText]] = {}
    with database.reading() as connection:
        rows = connection.execute("SELECT source, object, cursor FROM cursors ORDER BY 1, 2")
        for source, object_, cursor in rows:
            found.setdefault(source, {})[object_] = cursor
    return found


def progress(connection: Statements, made: PollProgress) -> None:
    """Write how far a type of object has been read: part of its batch's transaction."""
    connection.execute(
        "INSERT INTO cursors (source, object, cursor) VALUES (?, ?, ?)"
        " ON CONFLICT (source, object) DO UPDATE SET cursor = excluded.cursor",
        (made.source, made.object, made.cursor),
    )
    connection.executemany(
        "INSERT INTO archived_records (source, object, record_id, pass) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (source, object, record_id) DO UPDATE SET pass = excluded.pass",
        [(made.source, made.object, one, made.archive_pass) for one in made.archived],
    )
    connection.executemany(
        "DELETE FROM archived_records WHERE source = ? AND object = ? AND record_id = ?",
        [(made.source, made.object, one) for one in made.unarchived],
    )
    for listed in made.listed:
        listings.note(connection, made.source, made.object, listed)
    if made.forgotten is not None:
        listings.forget(connection, made.forgotten)
    for news in made.members:
        list_members.note(connection, made.source, news)


def _ids(connection: Statements, query: str, values: Sequence[object]) -> tuple[str, ...]:
    return tuple(row[0] for row in connection.execute(query, values))
