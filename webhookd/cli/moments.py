"""`webhookd moments`: which records webhooks will look at, and when."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from webhookd import clock
from webhookd.cli.client import connect
from webhookd.cli.help import example
from webhookd.cli.output import ago, print_json, tell_limit
from webhookd.cli.pause import quoted
from webhookd.cli.settings import AdminOption, DatabaseOption, StateOption, require_outbox
from webhookd.cli.tables import print_table
from webhookd.cli.typed_text import moment, utf8
from webhookd.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

app = typer.Typer(no_args_is_help=True)

MOST_LISTED = 1_000_000_000

WebhookArgument = Annotated[
    str,
    typer.Argument(
        metavar="WEBHOOK", callback=utf8, help="The webhook's key in the configuration."
    ),
]
RecordArgument = Annotated[
    str, typer.Argument(metavar="RECORD_ID", callback=utf8, help="The id of the record.")
]


def _time(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return moment(text)
    except ValueError:
        message = f"{text!r} is not a time; write one like 2026-11-28 or 2026-11-28T09:00:00Z"
        raise typer.BadParameter(message, param_hint="--before") from None


@app.command("list", epilog=example("webhookd moments list renewal --before 2026-12-01"))
def list_moments(
    webhook: Annotated[
        str | None,
        typer.Argument(metavar="[WEBHOOK]", callback=utf8, help="Only those of one webhook."),
    ] = None,
    before: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only those before this time; in UTC unless it says."),
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="COUNT", min=1, max=MOST_LISTED, help="At most so many.")
    ] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """List records that await a moment, the next first, webhook by webhook."""
    until = _time(before)
    found = _moments(webhook, until, limit, state_directory, database_url)
    if as_json:
        for one in found:
            print_json(one)
        return
    rows = list(found)
    if not rows:
        typer.echo("no moments ahead")
        return
    now = clock.now()
    titles = ("WEBHOOK", "RECORD", "AT", "")
    print_table(
        titles,
        [
            (
                one["webhook"],
                printable(f"{one['object']}/{one['record_id']}"),
                one["at"],
                ago(datetime.fromisoformat(one["at"]), now),
            )
            for one in rows
        ],
    )
    tell_limit(len(rows), limit)


@app.command(epilog=example("webhookd moments show renewal 101"))
def show(
    webhook: WebhookArgument,
    record_id: RecordArgument,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """Show when a webhook looks at a record, when it last did, and by which rule.

    Exit 1 when the record never had a moment.
    """
    require_outbox(state_directory, database_url)
    from webhookd.cli import offline  # noqa: PLC0415 - what reads a database loads slowly

    one = offline.moment(webhook, record_id, state_directory, database_url)
    if as_json:
        print_json(one)
        return
    place = f"{one['object']}/{one['record_id']}"
    now = clock.now()
    if one["at"] is None:
        typer.echo(printable(f"{place} awaits no moment of {webhook}"))
    else:
        when = ago(datetime.fromisoformat(one["at"]), now)
        typer.echo(printable(f"{place} is looked at {one['at']}, {when}"))
    if one["waiting_since"] is not None and one["at"] is not None:
        typer.echo(f"it waits since {one['waiting_since']}")
    if one["told_at"] is not None:
        typer.echo(f"its last moment was {one['told_at']}")
    if one["rule"] is not None:
        typer.echo(printable(f"by {rule_text(one['rule'])}"))


@app.command(epilog=example("webhookd moments cancel renewal 101"))
def cancel(
    webhook: WebhookArgument, record_id: RecordArgument, admin_address: AdminOption = None
) -> None:
    """Take a record's next moment away, as if it had come; exit 3 when no daemon runs.

    It has one again when its date moves, or when a change begins another wait.
    """
    client = connect(admin_address)
    path = f"/v1/webhooks/{quoted(webhook)}/moments/cancel"
    one = client.post(path, record_id=record_id)
    typer.echo(printable(f"cancelled: {one['object']}/{record_id} at {one['at']}"))


def rule_text(rule: dict[str, Any]) -> str:
    """Return the rule of a timer of dates in words."""
    told = f"the property {rule['property']}"
    if rule["offset"]:
        seconds = abs(rule["offset"])
        return f"{told}, {seconds:g} s {'before' if rule['offset'] < 0 else 'after'}"
    if days := rule["days"]:
        told += f", {abs(days)} {'day' if abs(days) == 1 else 'days'}"
        told += " before" if days < 0 else " after"
    if rule["time"] is not None:
        told += f", at {rule['time'][:5]} in {rule['zone']}"
    return f"{told}, each year" if rule["yearly"] else told


def _moments(
    webhook: str | None,
    before: datetime | None,
    limit: int,
    state_directory: Path | None,
    database_url: str | None,
) -> Iterator[dict[str, Any]]:
    require_outbox(state_directory, database_url)
    from webhookd.cli import offline  # noqa: PLC0415 - what reads a database loads slowly

    return offline.moments(webhook, before, limit, state_directory, database_url)
