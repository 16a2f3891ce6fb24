"""`webhookd backfill`: telling a webhook of records that were there before it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from webhookd.cli.client import connect
from webhookd.cli.pause import WebhookArgument, quoted
from webhookd.cli.settings import AdminOption
from webhookd.client.blocking import Client
from webhookd.client.client_errors import LostError, RefusedError
from webhookd.errors import WebhookdError, counted
from webhookd.intake.backfill import PER_SECOND

INTERRUPTED = 130


class EarlyEndError(WebhookdError):
    """A backfill ended before it had looked at every record."""


class NoSuchPropertyError(WebhookdError):
    """No known record has a property that `--where` names."""


def backfill(
    webhook: WebhookArgument,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="EXPR",
            help="Only records for which this holds: a condition as in `when`, such as"
            " '{property: lifecyclestage, operator: EQ, value: customer}', or a list of them."
            " Repeatable: all must hold.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    stop: Annotated[
        bool, typer.Option("--stop", help="End the one that is under way; what it made stays.")
    ] = False,
    per_second: Annotated[
        float,
        typer.Option(
            metavar="NUMBER", min=0.1, max=10_000, help="Deliveries made in a second, at most."
        ),
    ] = PER_SECOND,
    past: Annotated[
        str | None,
        typer.Option(
            metavar="DURATION",
            help="Of a webhook that is due by a date: make up for the moments of the last 30d, …",
        ),
    ] = None,
    admin_address: AdminOption = None,
) -> None:
    """Enroll known records, as if a webhook had just met them.

    Its trigger decides, as always; records are counted first, and a property in --where that none
    of them has is an error (exit 1). The daemon goes on with it by itself, also after a restart.
    Exit 3 when no daemon runs.
    """
    client = connect(admin_address)
    if stop:
        if where or dry_run:
            raise typer.BadParameter("it stands alone", param_hint="--stop")
        ended = client.post(f"/v1/webhooks/{quoted(webhook)}/backfill/end")
        typer.echo(f"ended; {_how_far(ended)}")
        return
    more: dict[str, Any] = {} if past is None else {"past": past}
    estimate = _asked(client, webhook, where=where, dry_run=True, **more)
    for note in estimate.get("notes", ()):
        typer.echo(note, err=True)
    if estimate.get("missing"):
        raise NoSuchPropertyError("nothing is made: look at the properties in --where")
    expected = estimate["deliveries"]
    told = f"{counted(expected, 'delivery')} of {counted(estimate['records'], 'known record')}"
    if dry_run:
        typer.echo(f"{told} would be made")
        return
    typer.echo(f"{told} to be made, at {per_second:g} a second at most")
    made = _asked(client, webhook, where=where, per_second=per_second, expected=expected, **more)
    typer.echo(
        f"{counted(made['deliveries'], 'delivery')} made;"
        f" {counted(made['records'], 'record')} looked at"
    )


def _asked(
    client: Client, webhook: str, *, expected: int | None = None, **question: Any
) -> dict[str, Any]:
    """Return the last line of the answer; print those before it when *expected* is told."""
    found: dict[str, Any] = {"records": 0, "deliveries": 0, "over": False, "error": None}
    try:
        for found in client.stream(f"/v1/webhooks/{quoted(webhook)}/backfill", **question):
            if expected is not None and not found["over"]:
                typer.echo(f"{found['deliveries']:,} of {expected:,}")
    except RefusedError as error:
        for problem in error.answer.get("problems", ()):
            typer.echo(problem, err=True)
        raise
    except KeyboardInterrupt:
        if expected is not None:
            typer.echo("the backfill goes on in the daemon; its log tells of the end", err=True)
        raise typer.Exit(INTERRUPTED) from None
    except LostError as error:
        raise EarlyEndError(f"{error}; {_how_far(found)}") from None
    if not found["over"] or found["error"] is not None:
        raise EarlyEndError(f"ended early: {found['error']}; {_how_far(found)}")
    return found


def _how_far(found: dict[str, Any]) -> str:
    return (
        f"made by then: {counted(found['deliveries'], 'delivery')} of"
        f" {counted(found['records'], 'record')}, which stay"
    )
