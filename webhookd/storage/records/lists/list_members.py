"""Members of lists that an API has of its records: the truth about each record's lists.

What is found out is written in the transaction of the batch that tells of it, so that a crash
neither loses a record that joined or left nor tells of it twice. A list may have a million members:
nothing here reads more than a bounded number of rows at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.storage.database.connection import ForRows, with_lists
from webhookd.storage.records import snapshots

if TYPE_CHECKING:
    from collections.abc import Sequence

    from webhookd.model import Members, MissingRecords
    from webhookd.storage.database.connection import Statements

_INTO = "INSERT INTO list_members (source, object, list, record_id, pass, joined) "
_OVER = " ON CONFLICT (source, object, list, record_id) DO UPDATE SET pass = excluded.pass"
_MEET = ForRows(
    each=f"{_INTO}VALUES (?, ?, ?, ?, ?, ?){_OVER}",
    at_once=(
        f"{_INTO}SELECT * FROM unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::bigint[],"  # noqa: S608 - constant
        f" ?::bigint[]){_OVER}"
    ),
)
_LEAVE = "DELETE FROM list_members WHERE source = ? AND object = ? AND list = ? AND record_id = ?"
_OF_RECORDS = with_lists(
    "SELECT record_id, list FROM list_members WHERE source = ? AND object = ? AND list {one_of}"
    " AND record_id {one_of}"
)
_LOOK = (
    "SELECT record_id, pass, joined FROM list_members"
    " WHERE source = ? AND object = ? AND list = ? AND record_id > ?"
    " ORDER BY record_id LIMIT ?"
)


def note(connection: Statements, source: str, news: Members) -> None:
    """Write what was found out about a list's members: part of its batch's transaction."""
    place = (source, news.object, news.list)
    number = news.number
    # In the order of the key: two daemons never write here at once, but the pages of a table do.
    met = [(*place, id_, number, number) for id_ in sorted(set(news.met))]
    connection.write_rows(_MEET, met)
    connection.executemany(_LEAVE, [(*place, id_) for id_ in news.left])


def of_records(
    connection: Statements,
    source: str,
    object_: str,
    lists: Sequence[str],
    record_ids: Sequence[str],
) -> dict[str, frozenset[str]]:
    """Return those of the *lists* that each of *record_ids* is a member of; none, no entry."""
    values = (source, object_, connection.listed(lists), connection.listed(record_ids))
    found: dict[str, set[str]] = {}
    for record_id, name in connection.execute(_OF_RECORDS[connection.dialect], values):
        found.setdefault(record_id, set()).add(name)
    return {record_id: frozenset(names) for record_id, names in found.items()}


def unmet(
    connection: Statements, source: str, object_: str, list_: str, *, number: int, after: str
) -> MissingRecords:
    """Return which members of a list behind the id *after* the pass *number* did not meet: some.

    Those that joined while it was under way do not count as known.
    """
    values = (source, object_, list_, after, snapshots.LOOKED_AT_ONCE)
    rows = connection.execute(_LOOK, values)
    looked_at = [(place, joined < number, met_by < number) for place, met_by, joined in rows]
    return snapshots.lacking(looked_at, after)
