"""`webhookd sources`: what is read, and how far."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from webhookd import answers
from webhookd.cli.client import find
from webhookd.cli.output import console, print_json, table
from webhookd.cli.settings import DatabaseOption, StateOption, open_outbox
from webhookd.storage import listing

app = typer.Typer(help="Show sources.", no_args_is_help=True)


@app.command("list")
def list_sources(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """List the sources that were ever read, and the file each has in work."""
    found = _listed(state_directory, database_url)
    if as_json:
        for source in found:
            print_json(source)
        return
    if not found:
        typer.echo("no sources")
        return
    columns = ("SOURCE", "OBJECT", "PATH", "KNOWN RECORDS", "PENDING DELIVERIES", "IN WORK")
    rows = [
        (
            source["source"],
            source.get("object", ""),
            source.get("path", ""),
            f"{source['records']:,}",
            f"{source['pending']:,}",
            "" if source["file"] is None else f"{source['file']} ({source['rows_taken']:,} rows)",
        )
        for source in found
    ]
    console.print(table(columns, rows))


def _listed(state_directory: Path | None, database_url: str | None) -> list[dict[str, Any]]:
    """Ask the running daemon, else read its database."""
    daemon = find(state_directory) if database_url is None else None
    if daemon is not None:
        return list(daemon.get("/v1/sources")["sources"])
    database = open_outbox(state_directory, database_url)
    return [answers.listed_source(source) for source in listing.sources(database)]
