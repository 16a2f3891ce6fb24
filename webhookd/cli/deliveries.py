"""`webhookd deliveries`: which there are, one whole, and changing some."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from webhookd import clock
from webhookd.cli import delivery_text, followed, hold_text
from webhookd.cli.client import connect
from webhookd.cli.delivery_options import (
    ChangeOption,
    DeliveryStateOption,
    ErrorOption,
    ObjectOption,
    RecordOption,
    SinceOption,
    SourceOption,
    UntilOption,
    WebhookOption,
    asked,
    filter_of,
)
from webhookd.cli.help import example
from webhookd.cli.listed_deliveries import listed
from webhookd.cli.meant_delivery import meant_delivery, print_several
from webhookd.cli.output import print_json, tell_limit
from webhookd.cli.settings import (
    AdminOption,
    ConfigOption,
    DatabaseOption,
    EnvFileOption,
    StateOption,
)
from webhookd.cli.typed_text import all_utf8, utf8
from webhookd.client.blocking import Client
from webhookd.client.client_errors import NoDaemonError, RefusedError
from webhookd.errors import StorageError, counted
from webhookd.model import DeliveryFilter

if TYPE_CHECKING:
    pass

app = typer.Typer(no_args_is_help=True)

MOST_LISTED = 1_000_000_000

IdsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ID]...",
        callback=all_utf8,
        help="Their ids, or beginnings or endings of them, instead of a filter.",
    ),
]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say how many, change nothing.")]
OutOfOrderOption = Annotated[
    bool,
    typer.Option(
        "--out-of-order",
        help="Those too that a newer change of their record overtook.",
    ),
]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON: one object a line of a list.")]


@app.command("list", epilog=example("webhookd deliveries list --state failed --since 2h"))
def list_deliveries(
    webhook: WebhookOption = None,
    state_: DeliveryStateOption = None,
    object_: ObjectOption = None,
    record: RecordOption = None,
    source: SourceOption = None,
    change: ChangeOption = None,
    error: ErrorOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    limit: Annotated[
        int,
        typer.Option(
            metavar="COUNT", min=1, max=MOST_LISTED, help="At most so many, the newest first."
        ),
    ] = 100,
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            help="Go on until Ctrl-C: a line, the newest last, for each that is new or changes.",
        ),
    ] = False,
    as_json: JsonOption = False,
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """List deliveries, the newest first: of the running daemon, else from its database."""
    now = clock.now()
    wanted = filter_of(webhook, state_, object_, record, source, change, error, since, until, now)
    if follow:
        if until is not None:
            raise typer.BadParameter("what goes on has no end", param_hint="--until")
        followed.follow(
            lambda most: listed(wanted, most, clock.now(), state_directory, database_url),
            limit,
            as_json=as_json,
        )
        return
    found = listed(wanted, limit, now, state_directory, database_url)
    if as_json:
        for delivery in found:
            print_json(delivery)
        return
    rows = list(found)
    if not rows:
        typer.echo("no deliveries")
        return
    delivery_text.print_list(rows, now)
    tell_limit(len(rows), limit)


@app.command(epilog=example("webhookd deliveries show 2852f0 --json"))
def show(
    delivery: Annotated[
        str,
        typer.Argument(
            metavar="ID", callback=utf8, help="The delivery's id, its beginning or its ending."
        ),
    ],
    as_json: JsonOption = False,
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """Show one delivery: what is sent, and every attempt with its answer."""
    shown = meant_delivery(delivery, state_directory, database_url)
    if as_json:
        print_json(shown)
    else:
        delivery_text.print_whole(shown, clock.now())


@app.command(epilog=example("webhookd deliveries retry --webhook notify-sales --dry-run"))
def retry(
    ids: IdsArgument = None,
    webhook: WebhookOption = None,
    state_: DeliveryStateOption = None,
    object_: ObjectOption = None,
    record: RecordOption = None,
    source: SourceOption = None,
    change: ChangeOption = None,
    error: ErrorOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    out_of_order: OutOfOrderOption = False,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    to: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Send a copy of the one delivery there, like http://localhost:3000/hook; the"
            " delivery itself stays as it is.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --to: one JSON object of what was sent and came.")
    ] = False,
    config: ConfigOption = None,
    env_file: EnvFileOption = None,  # noqa: ARG001 - its callback reads it
    admin_address: AdminOption = None,
    state_directory: StateOption = None,
) -> None:
    """Make deliveries due now, with a new give-up period.

    Without --state: those that failed. Exit 1 when what is meant stays as it is: held, or
    overtaken by a newer change.

    With --to, nothing is retried and nothing changes: one request goes to that URL, with the same
    method, body and webhook-id, and "webhookd-replay: 1". It is signed for the URL with the secrets
    of --config. Exit 0 when it is answered 2xx.
    """
    if to is not None:
        given = (webhook, state_, object_, record, source, change, error, since, until)
        if any(one is not None for one in given) or out_of_order or dry_run or len(ids or ()) != 1:
            raise typer.BadParameter("it takes one ID, and no filter", param_hint="--to")
        shown = meant_delivery((ids or [""])[0], state_directory, None, admin_address)
        # What makes and sends requests takes longer to load than the rest of this command.
        from webhookd.cli import replayed_copy  # noqa: PLC0415

        replayed_copy.send(shown, to, config, as_json=as_json)
        return
    if config is not None or as_json:
        hint = "--json" if as_json else "--config"
        raise typer.BadParameter("it goes with --to", param_hint=hint)
    wanted = filter_of(
        webhook, state_, object_, record, source, change, error, since, until, clock.now()
    )
    client = _daemon(wanted, admin_address, state_directory)
    asked = _meant(ids, wanted) | {"out_of_order": out_of_order}
    counts = _change(client, "retry", asked, dry_run=dry_run, yes=yes)
    overtaken, held = counts["overtaken"], counts.get("held", 0)
    if overtaken:
        typer.echo(
            f"{overtaken:,} left: a newer change of the record was delivered or took their place,"
            " and the receiver would go back to an older state; --out-of-order retries them too",
            err=True,
        )
    if held:
        typer.echo(hold_text.held(held, counts["holds"]), err=True)
    left = counts.get("left", 0)
    if left:
        typer.echo(
            f"{left:,} left: given up before any attempt, or forgotten: there is nothing to send",
            err=True,
        )
    is_undone = bool(overtaken and ids and not dry_run)
    if left or is_undone or (held and (ids or not counts["count"])):
        raise typer.Exit(1)


@app.command(epilog=example("webhookd deliveries cancel --webhook notify-sales --until 2d"))
def cancel(
    ids: IdsArgument = None,
    webhook: WebhookOption = None,
    state_: DeliveryStateOption = None,
    object_: ObjectOption = None,
    record: RecordOption = None,
    source: SourceOption = None,
    change: ChangeOption = None,
    error: ErrorOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    dry_run: DryRunOption = False,
    yes: YesOption = False,
    admin_address: AdminOption = None,
    state_directory: StateOption = None,
) -> None:
    """Cancel deliveries that wait; they stay visible and are attempted no more."""
    wanted = filter_of(
        webhook, state_, object_, record, source, change, error, since, until, clock.now()
    )
    client = _daemon(wanted, admin_address, state_directory)
    counts = _change(client, "cancel", _meant(ids, wanted), dry_run=dry_run, yes=yes)
    left = counts.get("left", 0)
    if left:
        typer.echo(f"{left:,} left: only what waits can be cancelled", err=True)
        raise typer.Exit(1)


def _meant(ids: list[str] | None, wanted: DeliveryFilter) -> dict[str, Any]:
    return {"ids": ids} if ids else asked(wanted)


def _daemon(
    wanted: DeliveryFilter, admin_address: str | None, state_directory: Path | None
) -> Client:
    """Return a client of the daemon; without one, a name that nobody knows is told all the same."""
    try:
        return connect(admin_address, state_directory, seconds=None)
    except NoDaemonError:
        from webhookd.cli import offline  # noqa: PLC0415

        with suppress(StorageError):
            offline.refuse_unknown(wanted, state_directory, None)
        raise


def _change(
    client: Client, action: str, asked: dict[str, Any], *, dry_run: bool, yes: bool
) -> dict[str, Any]:
    """Retry or cancel through the daemon; ask first when a filter means more than one."""
    try:
        if dry_run or not ("ids" in asked or yes):
            counts = client.post(f"/v1/deliveries/{action}", dry_run=True, **asked)
            count = counts["count"]
            if dry_run:
                typer.echo(f"{counted(count, 'delivery')} would be {_done(action)}")
                return counts
            if count > 1:
                told = f"{counted(count, 'delivery')} will be {_done(action)}"
                typer.confirm(f"{told}; go on?", abort=True)
        counts = client.post(f"/v1/deliveries/{action}", **asked)
    except RefusedError as error:
        print_several(error)
        raise
    typer.echo(f"{counted(counts['count'], 'delivery')} {_done(action)}")
    return counts


def _done(action: str) -> str:
    return "retried" if action == "retry" else "cancelled"
