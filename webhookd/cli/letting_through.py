"""What `webhookd sources accept` does: apart from its command, since it takes long to load."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from webhookd.cli.settings import find_outbox, open_outbox
from webhookd.errors import printable
from webhookd.model import LIST_PLACE
from webhookd.sources import kinds
from webhookd.sources.directory import approval
from webhookd.storage.database.database import open_as_it_is
from webhookd.storage.records import cursors, known_records, snapshots
from webhookd.storage.records.lists import listings

if TYPE_CHECKING:
    from webhookd.sources.source import SetAside
    from webhookd.storage.database.database import Database


def absences(
    source: str, object_: str, state_directory: Path | None, database_url: str | None
) -> None:
    """Let through what a list of *source* lacked of a type of object."""
    database = open_as_it_is(find_outbox(state_directory, database_url).url, mode="rw")
    try:
        aside = _let_through(database, source, object_)
    finally:
        database.close()
    of_list = LIST_PLACE in object_
    what, then = ("members", "tells that they left") if of_list else ("records", "deletes them")
    typer.echo(
        f"accepted: {aside.missing:,} of {aside.known:,} {what} of {_place(source, object_)} may"
        f" be missing; the next reading of the list {then}"
    )


def _let_through(database: Database, source: str, object_: str) -> SetAside:
    cursor = cursors.cursors(database).get(source, {}).get(object_)
    aside = None if cursor is None else kinds.set_aside(cursor)
    place = _place(source, object_)
    if cursor is None:
        raise approval.NotAcceptedError(f"{place}: there is no such file, or source and object")
    if aside is None:
        raise approval.NotAcceptedError(f"{place}: nothing of it was set aside")
    listings.accept(database, source, object_, aside.number)
    return aside


def _place(source: str, object_: str) -> str:
    return f"{printable(source)}/{printable(object_)}"


def file(place: Path, state_directory: Path | None, database_url: str | None) -> None:
    """Let the file at *place*, in `failed/` of its drop directory, through."""
    path = place.absolute()
    root = approval.root_of(path)
    database = open_outbox(state_directory, database_url)
    source = _source_at(database, root, approval.source_of(path))
    target = approval.accept(path, partial(_last_taken, database, source))
    typer.echo(f"accepted: {printable(str(target))}; {source} takes it next")


def _source_at(database: Database, root: Path, told: str | None) -> str:
    """Return the source that reads *root*; of several, each on its own host, the one *told*."""
    with database.reading() as connection:
        identities = known_records.identities(connection)
    found = [
        name
        for name, identity in identities.items()
        if "path" in identity and Path(identity["path"]).resolve() == root
    ]
    if told in found:
        return told
    if len(found) == 1:
        return found[0]
    raise approval.NotAcceptedError(
        f"no source of this database reads {printable(str(root))}; name the daemon's database with"
        " --state-directory PATH"
    )


def _last_taken(database: Database, source: str) -> str | None:
    with database.reading() as connection:
        return snapshots.last_taken(connection, source)
