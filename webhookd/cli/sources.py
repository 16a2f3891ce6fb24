"""`webhookd sources`: what is read, and how far."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from webhookd import clock
from webhookd.cli import accept, properties, try_source
from webhookd.cli.client import find
from webhookd.cli.help import example
from webhookd.cli.output import is_terminal, last_error, length, print_json, width
from webhookd.cli.settings import DatabaseOption, StateOption, require_outbox
from webhookd.cli.tables import print_rows, with_hosts
from webhookd.errors import counted

app = typer.Typer(no_args_is_help=True)
app.command("accept", epilog=example("webhookd sources accept /var/spool/crm/failed/contacts.csv"))(
    accept.accept
)

app.command("try", epilog=example("webhookd sources try crm persons"))(try_source.try_source)
app.command("properties", epilog=example("webhookd sources properties crm contacts"))(
    properties.properties
)


@app.command("list", epilog=example("webhookd sources list --json"))
def list_sources(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """List the sources that were ever configured, and the file each has in work.

    A running daemon also knows on which host a source is read, where that is told.
    """
    found = _listed(state_directory, database_url)
    if as_json:
        for source in found:
            print_json(source)
        return
    if not found:
        typer.echo("no sources")
        return
    columns = ("SOURCE", "OBJECT", "KNOWN RECORDS", "PENDING DELIVERIES", "IN WORK", "READ FROM")
    now = clock.now()
    titles, rows = with_hosts(columns, [_row(source, now) for source in found], found)
    errors = [[(last_error(source, now), "")] for source in found]
    room = width() if is_terminal() else None
    print_rows(titles, list(zip(rows, errors, strict=True)), room=room)


def _row(source: dict[str, Any], now: datetime) -> tuple[str, ...]:
    return (
        source["source"],
        source.get("object", ""),
        str(source["records"]),
        str(source["pending"]),
        _in_work(source, now),
        source.get("path") or source.get("base_url", ""),
    )


def _in_work(source: dict[str, Any], now: datetime) -> str:
    if source["file"] is None:
        return ""
    rate = source["rows_per_second"]
    facts = (
        source["phase"],
        counted(source["rows_taken"], "row"),
        f"{source['deletions']:,} deleted" if source["deletions"] else None,
        None if rate is None else f"{rate:,}/s",
        _time_left(source["ends_at"], now),
    )
    return f"{source['file']} ({', '.join(filter(None, facts))})"


def _time_left(ends_at: str | None, now: datetime) -> str | None:
    """Return how long a file still takes; None where its end should have come."""
    if ends_at is None:
        return None
    left = datetime.fromisoformat(ends_at) - now
    return f"{length(left)} left" if left.total_seconds() > 0 else None


def _listed(state_directory: Path | None, database_url: str | None) -> list[dict[str, Any]]:
    """Ask the running daemon, else read its database."""
    daemon = find(state_directory) if database_url is None else None
    if daemon is not None:
        return list(daemon.get("/v1/sources")["sources"])
    require_outbox(state_directory, database_url)
    from webhookd.cli import offline  # noqa: PLC0415

    return offline.sources(state_directory, database_url)
