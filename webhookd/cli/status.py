"""`webhookd status`: how everything stands in the running daemon."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from rich.text import Text

from webhookd import clock
from webhookd.cli.client import connect
from webhookd.cli.output import ago, length, print_json, print_table, with_hosts
from webhookd.cli.settings import AdminOption
from webhookd.errors import printable

STATES = {
    "active": "green",
    "probed": "yellow",
    "paused": "magenta",
    "gone": "bold red",
    "disabled": "dim",
    "removed": "dim",
    "elsewhere": "yellow",
}


def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    admin_address: AdminOption = None,
) -> None:
    """Show webhooks, sources and the configuration in force.

    Exit 3 when no daemon runs.
    """
    found = connect(admin_address).get("/v1/status")
    if as_json:
        print_json(found)
        return
    now = clock.now()
    typer.echo(
        f"webhookd {found['version']}, process {found['process_id']} on {found['host']}, started"
        f" {_ago(found['started_at'], now)}; configuration {found['config_path']}"
        f" (hash {found['config_hash']})"
    )
    _print_reload(found["last_reload"], now)
    typer.echo(
        f"{found['pending']:,} deliveries pending, {found['failed']:,} failed,"
        f" {found['in_flight']:,} attempts under way{_here(found['fleet'])}\n"
    )
    _print_fleet(found["fleet"], now)
    columns = ("WEBHOOK", "STATE", "PENDING", "DUE", "FAILED", "DELIVERED", "LAST ERROR")
    rows = [_webhook(webhook, now) for webhook in found["webhooks"]]
    print_table(columns, rows)
    for webhook in found["webhooks"]:
        for note in webhook.get("notes", ()):
            typer.echo(printable(f"{webhook['webhook']}: {note}"))
    sources = [
        (
            *(one["source"], f"{one['records']:,}", f"{one['pending']:,}"),
            *(one["file"] or "", _files(one)),
        )
        for one in found["sources"]
    ]
    typer.echo("")
    columns_of_sources = ("SOURCE", "KNOWN RECORDS", "PENDING", "IN WORK", "FILES")
    print_table(*with_hosts(columns_of_sources, sources, found["sources"]))
    for one in found["backfills"]:
        typer.echo(
            f"\nbackfill of {one['webhook']}: {one['deliveries']:,} deliveries of"
            f" {one['records']:,} records so far, {one['per_second']:g} a second at most"
        )
    polled = [
        _polled(one["source"], read, now) for one in found["sources"] for read in one["objects"]
    ]
    if polled:
        typer.echo("")
        titles = ("POLLED", "OBJECT", "LAG", "LAST SUCCESS", "FAILURES", "LAST ERROR")
        print_table(titles, polled)


def _here(fleet: list[dict[str, Any]]) -> str:
    return " here" if len(fleet) > 1 else ""


def _print_fleet(fleet: list[dict[str, Any]], now: datetime) -> None:
    """Show the daemons that share the database, where there are several."""
    if len(fleet) < 2:  # noqa: PLR2004 - one is alone
        return
    rows = [
        (
            f"{one['host']} (this)" if one["is_this"] else one["host"],
            str(one["process_id"]),
            one["version"],
            one["config_hash"],
            Text(f"late: {_ago(one['seen_at'], now)}", "red") if one["is_late"] else "",
        )
        for one in fleet
    ]
    print_table(("DAEMON ON", "PROCESS", "VERSION", "CONFIGURATION", ""), rows)
    if len({one["config_hash"] for one in fleet}) > 1:
        typer.echo(
            "the daemons have different configurations in force: reload those that are behind"
        )
    typer.echo("")


def _print_reload(last: dict[str, Any] | None, now: datetime) -> None:
    if last is None or last["outcome"] == "loaded":
        return
    typer.echo(f"last reload {_ago(last['at'], now)}: {last['outcome']}")
    for problem in last["problems"]:
        typer.echo(f"  {problem}")


def _webhook(webhook: dict[str, Any], now: datetime) -> tuple[str | Text, ...]:
    state = webhook["state"]
    told = {"gone": "hold", "paused": "hold", "probed": "probed_reason"}
    error = webhook[told.get(state, "last_error")]
    delivered = webhook["last_delivered_at"]
    return (
        webhook["webhook"],
        Text(state, STATES.get(state, "")),
        f"{webhook['pending']:,}",
        f"{webhook['due']:,}",
        f"{webhook['failed']:,}",
        "" if delivered is None else _ago(delivered, now),
        error or "",
    )


def _files(source: dict[str, Any]) -> str:
    """Return how many files wait, failed and are ignored, as far as there are any."""
    counts = ((source.get(f"files_{what}"), what) for what in ("waiting", "failed", "ignored"))
    return ", ".join(f"{count:,} {what}" for count, what in counts if count)


def _polled(source: str, read: dict[str, Any], now: datetime) -> tuple[str, ...]:
    lag, succeeded, error = read["lag_seconds"], read["last_success_at"], read["last_error"]
    return (
        source,
        read["object"],
        "" if lag is None else length(timedelta(seconds=lag)),
        "" if succeeded is None else _ago(succeeded, now),
        f"{read['failures']:,}",
        "" if error is None else f"{error} ({_ago(read['last_error_at'], now)})",
    )


def _ago(text: str, now: datetime) -> str:
    return ago(datetime.fromisoformat(text), now)
