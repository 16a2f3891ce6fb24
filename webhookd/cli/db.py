"""`webhookd db`: the version of the database's tables, and the way to the newest."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Annotated

import typer

from webhookd.cli.help import example
from webhookd.cli.output import print_json
from webhookd.cli.settings import DatabaseOption, Outbox, StateOption, find_outbox
from webhookd.config.settings.process_settings import Settings
from webhookd.errors import ConfigError, StorageError
from webhookd.process import state
from webhookd.storage import rewritten_file
from webhookd.storage.database import database
from webhookd.storage.schema import versions

app = typer.Typer(no_args_is_help=True)

OUTDATED = 10
"""The exit code of `status` when there is something to upgrade; that of `plan` with changes."""


@app.command(epilog=example("webhookd db status --check"))
def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Look at every page of the file, too (SQLite).")
    ] = False,
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """Say which version the database has, and whether this webhookd works on it.

    Exit 10 when it must be upgraded, 1 when it cannot be read, is damaged (--check), or is too new
    for this webhookd.
    """
    outbox = find_outbox(state_directory, database_url)
    place, version = database.place_of(outbox.url), database.version_of(outbox.url)
    faults = database.faults_of(outbox.url) if check else None
    if as_json:
        print_json(
            {
                "database": place,
                "version": version.number,
                "works_with": version.works_with,
                "newest": versions.NEWEST,
                "is_newest": version.number == versions.NEWEST,
                "is_usable": version.is_usable,
                "damage": None if faults is None else list(faults),
            }
        )
    else:
        typer.echo(f"{place}: version {version.number}, {_told(version)}")
        if faults is not None:
            typer.echo(database.damage(place, faults) if faults else f"{place}: no damage found")
    if faults:
        raise typer.Exit(1)
    if not version.is_usable:
        raise typer.Exit(OUTDATED if version.is_older else 1)


def _told(version: versions.Version) -> str:
    """Return what is to be said of a version, and to be done about it."""
    newest = versions.NEWEST
    if version.number == newest:
        return "the newest"
    if version.is_older:
        return (
            f"the newest is {newest}; run: webhookd db upgrade (it says so when daemons have to be"
            " stopped for it)"
        )
    if version.is_usable:
        return f"newer than this webhookd's {newest}, which works on it"
    return (
        f"which takes a webhookd that knows {version.works_with}, and this one knows none newer"
        f" than {newest}; use the version of webhookd that made it, or a later one"
    )


def _held(outbox: Outbox) -> AbstractContextManager[None]:
    """Hold the state directory; the folder of a database that is kept elsewhere is none to make."""
    directory = outbox.state_directory
    return state.held(directory) if directory.is_dir() else nullcontext()


@app.command(epilog=example("webhookd db upgrade --state-directory /var/lib/webhookd"))
def upgrade(state_directory: StateOption = None, database_url: DatabaseOption = None) -> None:
    """Bring the database to the newest version, all of it or nothing.

    On SQLite no daemon may run; on PostgreSQL this says so when none may work on it.
    """
    # Alembic is read for this alone.
    from webhookd.storage.schema.upgrade import upgrade as upgrade_database  # noqa: PLC0415

    outbox = find_outbox(state_directory, database_url)
    place = database.place_of(outbox.url)
    # What daemons have in PostgreSQL is locked there, whichever directories are theirs.
    with _held(outbox) if database.is_file(outbox.url) else nullcontext():
        upgraded = upgrade_database(outbox.url)
    if upgraded.before != upgraded.now:
        typer.echo(
            f"{place}: upgraded from version {upgraded.before} to {upgraded.now}; every webhookd"
            f" that knows {upgraded.works_with} works on it"
        )
    elif upgraded.now == versions.NEWEST:
        typer.echo(f"{place}: version {upgraded.now} already, the newest")
    else:
        typer.echo(
            f"{place}: version {upgraded.now}, newer than this webhookd's {versions.NEWEST}, which"
            " works on it; there is nothing to upgrade"
        )


@app.command(epilog=example("webhookd db vacuum --state-directory /var/lib/webhookd"))
def vacuum(state_directory: StateOption = None, database_url: DatabaseOption = None) -> None:
    """Write a SQLite database anew, without what was deleted. No daemon may run.

    It takes as much room as the file has, for as long as it takes.
    """
    outbox = find_outbox(state_directory, database_url)
    if not database.is_file(outbox.url):
        raise StorageError("PostgreSQL sees to its pages by itself: see its VACUUM")
    with _held(outbox):
        rewritten_file.write_anew(outbox.url)
    typer.echo(f"{database.place_of(outbox.url)}: written anew")


def _target(to: str) -> str:
    try:
        url = Settings.from_environment({}, database_url=to).database_url.get_secret_value()
    except ConfigError as error:
        raise typer.BadParameter(error.problems[0].message, param_hint="--to") from None
    if not url.startswith("postgres"):
        raise typer.BadParameter("it is moved to PostgreSQL only", param_hint="--to")
    return url


@app.command(epilog=example("webhookd db move --to postgresql://webhookd@db.example/webhookd"))
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
    from webhookd.storage.schema import copy_to_postgresql  # noqa: PLC0415

    with _held(outbox):
        moved = copy_to_postgresql.move(outbox.url, target)
    for name, count in moved.rows.items():
        if count:
            typer.echo(f"{count:>12,} {name}")
    done = "moved to" if moved.is_new else "had been moved to"
    typer.echo(
        f"{done} {place}; start the daemon with WEBHOOKD_DATABASE_URL set to it. The file"
        f" {database.place_of(outbox.url)} is not used any more"
    )
