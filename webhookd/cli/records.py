"""`webhookd records`: what is known of records, as webhooks see them."""

from __future__ import annotations

from typing import Annotated

import typer

from webhookd import clock
from webhookd.cli import asked_records, record_text
from webhookd.cli.client import connect
from webhookd.cli.help import example
from webhookd.cli.output import print_json, tell_limit
from webhookd.cli.settings import AdminOption, DatabaseOption, StateOption
from webhookd.cli.typed_text import utf8

app = typer.Typer(no_args_is_help=True)

MOST_LISTED = 1_000_000_000

RecordArgument = Annotated[
    str,
    typer.Argument(metavar="OBJECT/ID", callback=utf8, help="The record, as contacts/101."),
]
SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source", metavar="NAME", callback=utf8, help="The source, where several know such a one."
    ),
]


@app.command("list", epilog=example("webhookd records list contacts --limit 20"))
def list_records(
    source_or_object: Annotated[
        str | None,
        typer.Argument(
            metavar="[SOURCE|OBJECT]",
            callback=utf8,
            help="Only those of a source, of a type of object, or of SOURCE/OBJECT.",
        ),
    ] = None,
    limit: Annotated[
        int,
        typer.Option(
            metavar="COUNT", min=1, max=MOST_LISTED, help="At most so many, by source and id."
        ),
    ] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """List known records, a line each: of the running daemon, else from its database."""
    found = asked_records.listed(source_or_object, limit, state_directory, database_url)
    if as_json:
        for record in found:
            record_text.print_as_json(record)
        return
    rows = list(found)
    if not rows:
        typer.echo("no records")
        return
    record_text.print_list(rows, clock.now())
    tell_limit(len(rows), limit)


@app.command(epilog=example("webhookd records show contacts/101"))
def show(
    known_record: RecordArgument,
    source: SourceOption = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object a line for each source's.")
    ] = False,
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """Show a known record as webhooks see it, and its last changes.

    Exit 1 when no source knows one.
    """
    for shown in asked_records.shown(known_record, source, state_directory, database_url):
        if as_json:
            record_text.print_as_json(shown["record"] | {"changes": shown["changes"]})
        else:
            record_text.print_whole(shown)


@app.command(epilog=example("webhookd records forget contacts/101 --dry-run"))
def forget(
    known_record: RecordArgument,
    source: SourceOption = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what there is to erase, change nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    admin_address: AdminOption = None,
    state_directory: StateOption = None,
) -> None:
    """Erase what is kept of a record, because somebody asks for it.

    The known record, its changes, what its deliveries and attempts hold of it, and which webhooks
    enrolled it. What waits is cancelled. The daemon does it; a record that the source still has
    comes again with its next change, so delete it there first. Exit 1 where nothing is kept of it.
    """
    client = connect(admin_address, state_directory, seconds=None)
    asked = {"record": known_record, "source": source, "dry_run": dry_run}
    done = client.post("/v1/records/forget", **asked)
    if as_json:
        print_json(done)
    else:
        record_text.print_forgotten(known_record, done)
