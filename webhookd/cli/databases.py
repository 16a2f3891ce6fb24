"""`webhookd db`: the version of the database's tables, and the way to the newest."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Annotated

import typer

from webhookd import state
from webhookd.cli.output import print_json
from webhookd.cli.settings import DatabaseOption, StateOption, find_outbox
from webhookd.storage import database, versions

app = typer.Typer(help="See the database's version; upgrade it.", no_args_is_help=True)

OUTDATED = 10
"""The exit code of `status` when there is something to upgrade; that of `plan` with changes."""


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """Say which version the database has.

    Exit 10 when it must be upgraded, 1 when it cannot be read, or is newer than this webhookd.
    """
    outbox = find_outbox(state_directory, database_url)
    place, version = database.place_of(outbox.url), database.version_of(outbox.url)
    is_newest = version == versions.NEWEST
    if as_json:
        print_json(
            {
                "database": place,
                "version": version,
                "newest": versions.NEWEST,
                "is_newest": is_newest,
            }
        )
    elif is_newest:
        typer.echo(f"{place}: version {version}, the newest")
    else:
        typer.echo(
            f"{place}: version {version}, the newest is {versions.NEWEST}; stop the daemon that"
            " works on it, and run: webhookd db upgrade"
        )
    if not is_newest:
        raise typer.Exit(OUTDATED)


@app.command()
def upgrade(state_directory: StateOption = None, database_url: DatabaseOption = None) -> None:
    """Bring the database to the newest version, all of it or nothing. No daemon may run."""
    # Alembic is read for this alone.
    from webhookd.storage import upgrading  # noqa: PLC0415

    outbox = find_outbox(state_directory, database_url)
    place = database.place_of(outbox.url)
    # The folder of a database that is kept elsewhere is none to be made.
    is_held = outbox.state_directory.is_dir()
    with state.held(outbox.state_directory) if is_held else nullcontext():
        upgraded = upgrading.upgrade(outbox.url)
    if upgraded.before == upgraded.now:
        typer.echo(f"{place}: version {upgraded.now} already, the newest")
    else:
        typer.echo(f"{place}: upgraded from version {upgraded.before} to {upgraded.now}")
