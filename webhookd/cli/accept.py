"""`webhookd sources accept`: a person lets a snapshot through that was set aside."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from webhookd.cli.settings import DatabaseOption, StateOption, open_outbox
from webhookd.errors import printable
from webhookd.sources.directory import approval
from webhookd.storage.records import known_records, snapshots

if TYPE_CHECKING:
    from webhookd.storage.database.database import Database


def accept(
    file: Annotated[
        Path,
        typer.Argument(help="The file, in the folder failed/ of its drop directory."),
    ],
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """Let a snapshot through that was set aside: empty, or with too much missing.

    It is moved to accepted/, where the daemon takes it before anything in new/.
    """
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
