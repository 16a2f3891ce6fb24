"""`webhookd status`: how everything stands in the running daemon."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from webhookd import clock
from webhookd.cli.client import connect
from webhookd.cli.output import (
    ago,
    last_error,
    length,
    print_hanging,
    print_json,
    width,
)
from webhookd.cli.settings import AdminOption
from webhookd.cli.styled import Styled
from webhookd.cli.tables import print_rows, print_table, with_hosts
from webhookd.cli.typed_text import length as length_of
from webhookd.cli.webhook_rows import print_webhooks
from webhookd.errors import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

EVERY = "2s"
LONGEST_WAIT = timedelta(hours=1)


def status(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch", help="Show it again and again, until Ctrl-C; with --json, a line each time."
        ),
    ] = False,
    every: Annotated[
        str | None,
        typer.Option(
            "--every", metavar="DURATION", help=f"With --watch: how often; else every {EVERY}."
        ),
    ] = None,
    admin_address: AdminOption = None,
) -> None:
    """Show webhooks, sources and the configuration in force.

    Exit 3 when no daemon runs.
    """
    if not watch:
        if every is not None:
            raise typer.BadParameter("it goes with --watch", param_hint="--every")
        _show(as_json, admin_address)
        return
    from webhookd.cli import followed  # noqa: PLC0415 - most look once

    seconds = length_of(every or EVERY, "--every", at_most=LONGEST_WAIT).total_seconds()
    connect(admin_address)
    followed.repeated(
        lambda: _show(as_json, admin_address),
        seconds=max(seconds, followed.SHORTEST_SECONDS),
        clears=not as_json,
    )


def _show(as_json: bool, admin_address: str | None) -> None:
    """Show it once."""
    found = connect(admin_address).get("/v1/status")
    if as_json:
        print_json(found)
        return
    now = clock.now()
    print_hanging(
        "",
        f"webhookd {found['version']}, process {found['process_id']} on {found['host']}, started"
        f" {_ago(found['started_at'], now)}; configuration {found['config_path']}"
        f" (hash {found['config_hash']})",
    )
    _print_reload(found["last_reload"], now)
    pending = counted(found["pending"], "delivery")
    typer.echo(
        f"{pending} pending, {found['failed']:,} failed,"
        f" {counted(found['in_flight'], 'attempt')} under way{_here(found['fleet'])}\n"
    )
    _print_fleet(found["fleet"], now)
    print_webhooks(found["webhooks"], now)
    typer.echo("")
    _print_sources(found["sources"], now)
    for one in found["backfills"]:
        made = counted(one["deliveries"], "delivery")
        typer.echo(
            f"\nbackfill of {one['webhook']}: {made} of {counted(one['records'], 'record')} so far,"
            f" {one['per_second']:g} a second at most"
        )
    polled = [
        (_polled(one["source"], read, now), (last_error(read, now), *_resting(read)))
        for one in found["sources"]
        for read in one["objects"]
    ]
    if polled:
        typer.echo("")
        titles = ("POLLED", "OBJECT", "LAG", "LAST SUCCESS", "FAILURES")
        _print_rows(titles, polled)


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
            Styled(f"late: {_ago(one['seen_at'], now)}", "red") if one["is_late"] else "",
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


def _print_sources(sources: list[dict[str, Any]], now: datetime) -> None:
    rows = [
        (
            *(one["source"], f"{one['records']:,}", f"{one['pending']:,}"),
            *(one["file"] or "", _files(one)),
        )
        for one in sources
    ]
    columns = ("SOURCE", "KNOWN RECORDS", "PENDING", "IN WORK", "FILES")
    titles, with_host = with_hosts(columns, rows, sources)
    beneath = [
        # The errors of polls stand at their objects.
        (
            *(_low_disk(one), _last_file(one, now), _last_wake(one, now)),
            "" if one["objects"] else last_error(one, now),
        )
        for one in sources
    ]
    _print_rows(titles, list(zip(with_host, beneath, strict=True)))


def _print_rows(
    titles: tuple[str, ...], rows: Sequence[tuple[tuple[str, ...], tuple[str, ...]]]
) -> None:
    """Print a table with sentences beneath its rows, the empty ones left out."""
    told = [(row, [(text, "") for text in beneath if text]) for row, beneath in rows]
    print_rows(titles, told, room=width())


def _files(source: dict[str, Any]) -> str:
    """Return how many files wait, failed and are ignored, as far as there are any."""
    counts = ((source.get(f"files_{what}"), what) for what in ("waiting", "failed", "ignored"))
    return ", ".join(f"{count:,} {what}" for count, what in counts if count)


def _low_disk(source: dict[str, Any]) -> str:
    """Return that a source's disk has no room for more files; nothing where it has."""
    if not source.get("is_disk_low"):
        return ""
    free = source["disk_free_bytes"] / (1 << 20)
    return f"its disk has only {free:,.1f} MiB free: no file is taken until there is more room"


def _last_file(source: dict[str, Any], now: datetime) -> str:
    """Return which file of a source was put away last, and when; nothing where none was."""
    name = source.get("last_file")
    return "" if name is None else f"last file {_ago(source['last_file_at'], now)}: {name}"


def _last_wake(source: dict[str, Any], now: datetime) -> str:
    """Return when a source was last woken, and how often; nothing where nobody did."""
    at = source.get("last_woken_at")
    return "" if at is None else f"last woken {_ago(at, now)}, {counted(source['wakes'], 'wake')}"


def _polled(source: str, read: dict[str, Any], now: datetime) -> tuple[str, ...]:
    lag, succeeded = read["lag_seconds"], read["last_success_at"]
    return (
        source,
        read["object"],
        "" if lag is None else length(timedelta(seconds=lag)),
        "" if succeeded is None else _ago(succeeded, now),
        f"{read['failures']:,}",
    )


def _resting(read: dict[str, Any]) -> tuple[str, ...]:
    """Return which parts of a type of object cannot be read now, a line for each."""
    return tuple(f"cannot read {part}: {why}" for part, why in read.get("resting", {}).items())


def _ago(text: str, now: datetime) -> str:
    return ago(datetime.fromisoformat(text), now)
