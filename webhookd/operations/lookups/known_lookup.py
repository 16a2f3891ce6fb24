"""Known records by what a person types: a list of many, or one with its last changes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from webhookd.config.messages import near, no_such
from webhookd.operations.lookups import record_lookup
from webhookd.operations.lookups.record_lookup import UnknownRecordError
from webhookd.operations.unknown_names import UnknownNameError
from webhookd.operations.view_builders import shown_change
from webhookd.storage.records import journal_pages, known_names, known_records
from webhookd.storage.search import record_pages
from webhookd.views.changes import ListedRecordView
from webhookd.views.records import ListedRecordsView, ShownRecordsView, ShownRecordView

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.database import Database
    from webhookd.storage.search.record_pages import Key

CHANGES: Final = 10
"""Changes of a record that are shown."""


def listed(
    database: Database,
    name: str | None,
    *,
    after: str | None,
    limit: int,
    configured: Iterable[str] = (),
) -> ListedRecordsView:
    """Return known records, all or those of a source, a type of object, or SOURCE/OBJECT.

    *after* is the `next` of another page. Raises an UnknownNameError for a *name* that is neither
    known nor *configured*, ValueError for an *after* that no page has.
    """
    place = None if after is None else _place(after)
    with database.reading() as connection:
        page = record_pages.page(connection, name, after=place, limit=limit)
        if page is None and name is not None:
            _refuse_unknown(connection, name, configured)
    if page is None:
        return ListedRecordsView((), None)
    return ListedRecordsView(
        tuple(
            ListedRecordView(*key, one.properties, one.modified_at, one.deleted)
            for key, one in page.records
        ),
        None if page.next is None else json.dumps(page.next),
    )


def shown(database: Database, typed: str, source: str | None) -> ShownRecordsView:
    """Return the record that `OBJECT/ID` means, of each source that knows one, or of *source*.

    Raises UnknownRecordError where none does.
    """
    keys = meant(database, typed, source)
    with database.reading() as connection:
        changes = [journal_pages.of_record(connection, key, CHANGES) for key in keys]
    return ShownRecordsView(
        tuple(
            ShownRecordView(record_lookup.record(database, *key), tuple(map(shown_change, kept)))
            for key, kept in zip(keys, changes, strict=True)
        )
    )


def meant(database: Database, typed: str, source: str | None) -> list[Key]:
    """Return the known records that `OBJECT/ID` means, one a source.

    Raises UnknownRecordError where there is none.
    """
    with database.reading() as connection:
        keys = record_pages.keys_of(connection, typed, source)
        if not keys:
            raise _unknown(list(known_names.pairs(connection)), typed, source)
    return keys


def _unknown(pairs: list[tuple[str, str]], typed: str, source: str | None) -> UnknownRecordError:
    object_, slash, id_ = typed.partition("/")
    there = sorted({one for of, one in pairs if source in {None, of}})
    whose = "" if source is None else f" of the source {source!r}"
    if not slash or not id_:
        example = there[0] if there else "contacts"
        return UnknownRecordError(f"{typed!r} is not OBJECT/ID, as {example}/101 is")
    if not pairs:
        return UnknownRecordError("no record is known: none was read yet")
    if object_ not in there:
        kinds = near(object_, there) or f"; known are {', '.join(there) or 'none'}"
        return UnknownRecordError(f"no record of {object_!r}{whose} is known{kinds}")
    return UnknownRecordError(
        f"{object_} has no record {id_!r}{whose}; webhookd records list {object_} shows those known"
    )


def _refuse_unknown(connection: Statements, name: str, configured: Iterable[str]) -> None:
    there = {*configured, *known_records.identities(connection)}
    for pair in known_names.pairs(connection):
        there |= {*pair, "/".join(pair)}
    if name not in there:
        raise UnknownNameError(no_such("source or object", name, sorted(there)))


def _place(after: str) -> Key:
    try:
        found = json.loads(after)
    except (ValueError, RecursionError):
        found = None
    match found:
        case [str(source), str(object_), str(record_id)]:
            return source, object_, record_id
        case _:
            raise ValueError("after is the `next` of another page")
