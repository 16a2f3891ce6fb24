"""`webhookd sources`: what is read, and how far."""

from __future__ import annotations

import json
from typing import Annotated

import typer

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
    database = open_outbox(state_directory, database_url)
    found = listing.sources(database)
    if as_json:
        for source in found:
            print_json(
                {
                    "source": source.name,
                    **json.loads(source.identity),
                    "records": source.records,
                    "pending": source.pending,
                    "file": source.file,
                    "rows_taken": source.rows_taken,
                    "bad_rows": source.bad_rows,
                }
            )
        return
    if not found:
        typer.echo("no sources")
        return
    columns = ("SOURCE", "OBJECT", "PATH", "KNOWN RECORDS", "PENDING DELIVERIES", "IN WORK")
    rows = []
    for source in found:
        identity = json.loads(source.identity)
        in_work = "" if source.file is None else f"{source.file} ({source.rows_taken} rows)"
        rows.append(
            (
                source.name,
                identity.get("object", ""),
                identity.get("path", ""),
                str(source.records),
                str(source.pending),
                in_work,
            )
        )
    console.print(table(columns, rows))
