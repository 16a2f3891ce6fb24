"""`webhookd db`: the version of the database's tables, and the way to the newest."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

import typer

from webhookd import state
from webhookd.cli.output import print_json
from webhookd.cli.settings import DatabaseOption, Outbox, StateOption, find_outbox
from webhookd.config.settings import Settings
from webhookd.errors import ConfigError
from webhookd.storage import database, versions

app = typer.Typer(help="See the database's version; upgrade it; move it.", no_args_is_help=True)

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


def _held(outbox: Outbox) -> AbstractContextManager[None]:
    """Hold the state directory; the folder of a database that is kept elsewhere is none to make."""
    directory = outbox.state_directory
    return state.held(directory) if directory.is_dir() else nullcontext()


@app.command()
def upgrade(state_directory: StateOption = None, database_url: DatabaseOption = None) -> None:
    """Bring the database to the newest version, all of it or nothing. No daemon may run."""
    # Alembic is read for this alone.
    from webhookd.storage import upgrading  # noqa: PLC0415

    outbox = find_outbox(state_directory, database_url)
    place = database.place_of(outbox.url)
    with _held(outbox):
        upgraded = upgrading.upgrade(outbox.url)
    if upgraded.before == upgraded.now:
        typer.echo(f"{place}: version {upgraded.now} already, the newest")
    else:
        typer.echo(f"{place}: upgraded from version {upgraded.before} to {upgraded.now}")


def _target(to: str) -> str:
    try:
        url = Settings.from_environment({}, database_url=to).database_url.get_secret_value()
    except ConfigError as error:
        raise typer.BadParameter(error.problems[0].message, param_hint="--to") from None
    if not url.startswith("postgres"):
        raise typer.BadParameter("it is moved to PostgreSQL only", param_hint="--to")
    return url


@app.command()
def move(
    to: Annotated[
        str,
        typer.Option(metavar="URL", help="The new database, as postgresql://USER@HOST/NAME."),
    ],
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """Move a SQLite database to a new one of PostgreSQL, all of it or nothing. No daemon may run.

    Its password is left to a file (PGPASSFILE, ~/.pgpass) or to PGPASSWORD.
    """
    outbox = find_outbox(state_directory, database_url)
    target = _target(to)
    # Needs the driver of PostgreSQL, which is an extra: its lack is told by this.
    place = database.place_of(target)
    from webhookd.storage import moving  # noqa: PLC0415

    with _held(outbox):
        moved = moving.move(outbox.url, target)
    for name, count in moved.rows.items():
        if count:
            typer.echo(f"{count:>12,} {name}")
    done = "moved to" if moved.is_new else "had been moved to"
    typer.echo(
        f"{done} {place}; start the daemon with WEBHOOKD_DATABASE_URL set to it. The file"
        f" {database.place_of(outbox.url)} is not used any more"
    )
