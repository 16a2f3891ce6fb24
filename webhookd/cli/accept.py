"""`webhookd sources accept`: a person lets a snapshot, or absences, through that were set aside."""

from __future__ import annotations

import os
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from webhookd.cli.settings import DatabaseOption, StateOption, find_outbox, open_outbox
from webhookd.errors import printable
from webhookd.sources import kinds
from webhookd.sources.directory import approval
from webhookd.storage.database.database import open_as_it_is
from webhookd.storage.records import cursors, known_records, listings, snapshots

if TYPE_CHECKING:
    from webhookd.sources.source import SetAside
    from webhookd.storage.database.database import Database

_SOURCE_AND_OBJECT: Final = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9_-]+")


def accept(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE|SOURCE/OBJECT",
            help="The file, in the folder failed/ of its drop directory; or the type of object.",
        ),
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", metavar="NAME", help="The source, with --object.")
    ] = None,
    object_: Annotated[
        str | None, typer.Option("--object", metavar="NAME", help="The type of object.")
    ] = None,
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """Let through what was set aside: a snapshot, or a list that lacks most of what is known.

    A file is moved to accepted/, where the daemon takes it before anything in new/. The list of an
    API is read again by the daemon, and what it lacks then is taken for deleted.
    """
    if what is not None and (source or object_):
        raise typer.BadParameter("name a file or SOURCE/OBJECT, or say --source and --object")
    if source is not None and object_ is not None:
        _accept_absences(source, object_, state_directory, database_url)
    elif what is None:
        raise typer.BadParameter("name a file or SOURCE/OBJECT, or say --source and --object")
    elif not os.path.lexists(what) and _SOURCE_AND_OBJECT.fullmatch(what):
        name, _, kind = what.partition("/")
        _accept_absences(name, kind, state_directory, database_url)
    else:
        _accept_file(Path(what), state_directory, database_url)


def _accept_absences(
    source: str, object_: str, state_directory: Path | None, database_url: str | None
) -> None:
    database = open_as_it_is(find_outbox(state_directory, database_url).url, mode="rw")
    try:
        aside = _let_through(database, source, object_)
    finally:
        database.close()
    typer.echo(
        f"accepted: {aside.missing:,} of {aside.known:,} records of {_place(source, object_)} may"
        " be missing; the next reading of the list deletes them"
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


def _accept_file(file: Path, state_directory: Path | None, database_url: str | None) -> None:
    path = file.absolute()
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
