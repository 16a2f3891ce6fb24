"""`webhookd deliveries`: which there are, and one with its attempts."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from webhookd import clock
from webhookd.cli.output import ago, console, instant, print_json, safe, state, table
from webhookd.cli.settings import DatabaseOption, StateOption, open_outbox
from webhookd.config import durations
from webhookd.errors import WebhookdError
from webhookd.model import DeliveryState
from webhookd.storage import listing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table

    from webhookd.storage.listing import ListedDelivery, ShownDelivery

app = typer.Typer(help="Show deliveries and their attempts.", no_args_is_help=True)

SHOWN_BODY = 4096


class NotFoundError(WebhookdError):
    """No delivery, or more than one, is meant."""


@app.command("list")
def list_deliveries(
    webhook: Annotated[str | None, typer.Option(help="Only of this webhook.")] = None,
    state_: Annotated[
        DeliveryState | None, typer.Option("--state", help="Only in this state.")
    ] = None,
    object_: Annotated[
        str | None, typer.Option("--object", help="Only of records of this type.")
    ] = None,
    record: Annotated[str | None, typer.Option(help="Only of the record with this id.")] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Only stored since: a time (2026-03-01T12:00:00Z) or a length (2h)."),
    ] = None,
    until: Annotated[str | None, typer.Option(help="Only stored before: likewise.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """List deliveries, the newest first."""
    now = clock.now()
    wanted = listing.DeliveryFilter(
        webhook, state_, object_, record, _time(since, now, "--since"), _time(until, now, "--until")
    )
    database = open_outbox(state_directory, database_url)
    found = listing.deliveries(database, wanted, limit=limit, now=now)
    if as_json:
        for delivery in found:
            print_json(as_object(delivery))
        return
    listed = list(found)
    if not listed:
        typer.echo("no deliveries")
        return
    console.print(as_table(listed, now))
    if len(listed) == limit:
        typer.echo(f"({limit} shown; --limit shows more)", err=True)


@app.command()
def show(
    delivery: Annotated[str, typer.Argument(help="The delivery's id, or its beginning.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    state_directory: StateOption = None,
    database_url: DatabaseOption = None,
) -> None:
    """Show one delivery: what is sent, and every attempt with its answer."""
    now = clock.now()
    database = open_outbox(state_directory, database_url)
    found = listing.delivery(database, delivery, now=now)
    if not found:
        raise NotFoundError(f"no delivery has the id {safe(delivery)}")
    if len(found) > 1:
        raise NotFoundError(f"several deliveries begin with {safe(delivery)}; write more of it")
    if as_json:
        print_json(_whole(found[0]))
    else:
        _print_whole(found[0], now)


def as_object(delivery: ListedDelivery) -> dict[str, Any]:
    """Return a delivery as the JSON that lists show."""
    return {
        "id": delivery.id,
        "webhook": delivery.webhook,
        "source": delivery.source,
        "object": delivery.object,
        "record_id": delivery.record_id,
        "change": delivery.change,
        "state": delivery.state.value,
        "attempts": delivery.attempts,
        "next_attempt_at": instant(delivery.next_attempt_at),
        "last_status": delivery.last_status,
        "last_error": delivery.last_error,
        "created_at": instant(delivery.created_at),
        "settled_at": instant(delivery.settled_at),
    }


def as_table(found: Iterable[ListedDelivery], now: datetime) -> Table:
    """Return deliveries as the table that people read."""
    columns = ("ID", "STATE", "WEBHOOK", "RECORD", "CHANGE", "ATTEMPTS", "STORED", "NEXT", "LAST")
    return table(columns, (_row(delivery, now) for delivery in found), whole=("ID", "STATE"))


def _whole(shown: ShownDelivery) -> dict[str, Any]:
    return as_object(shown.listed) | {
        "method": shown.method,
        "content_type": shown.content_type,
        "body": _text(shown.body),
        "query": shown.query,
        "attempt_log": [
            {
                "number": attempt.number,
                "started_at": instant(attempt.started_at),
                "seconds": attempt.seconds,
                "status": attempt.status,
                "error": attempt.error,
                "answer": attempt.answer,
                "config_hash": attempt.config_hash,
            }
            for attempt in shown.attempts
        ],
    }


def _text(body: bytes | None) -> str | None:
    if body is None:
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return base64.b64encode(body).decode("ascii")


def _row(delivery: ListedDelivery, now: datetime) -> tuple[str | Text, ...]:
    following = delivery.next_attempt_at
    return (
        delivery.id,
        state(delivery.state.value),
        delivery.webhook,
        f"{delivery.object}/{delivery.record_id}",
        delivery.change,
        str(delivery.attempts),
        ago(delivery.created_at, now),
        "" if following is None else ago(max(following, now), now),
        delivery.last_error or str(delivery.last_status or ""),
    )


def _print_whole(shown: ShownDelivery, now: datetime) -> None:
    listed = shown.listed
    facts: list[tuple[str, str | Text]] = [
        ("delivery", listed.id),
        ("state", state(listed.state.value)),
        ("webhook", listed.webhook),
        ("record", f"{listed.object}/{listed.record_id}, {listed.change}, from {listed.source}"),
        ("stored", f"{instant(listed.created_at)} ({ago(listed.created_at, now)})"),
    ]
    if listed.next_attempt_at is not None:
        when = max(listed.next_attempt_at, now)
        facts.append(("next attempt", f"{instant(when)} ({ago(when, now)})"))
    facts.append(("sends", shown.method + (f" with ?{shown.query}" if shown.query else "")))
    for name, value in facts:
        console.print(Text(f"{name:<13} "), value if isinstance(value, Text) else Text(safe(value)))
    if shown.body is not None:
        body = _text(shown.body) or ""
        console.print(Text(f"{'body':<13} "), Text(safe(body[:SHOWN_BODY])))
        if len(body) > SHOWN_BODY:
            typer.echo(f"              … ({len(body):,} characters; --json shows them all)")
    if not shown.attempts:
        typer.echo("no attempt yet")
        return
    columns = ("ATTEMPT", "STARTED", "SECONDS", "STATUS", "ERROR", "ANSWER", "CONFIG")
    rows = [
        (
            str(attempt.number),
            instant(attempt.started_at) or "",
            f"{attempt.seconds:.3f}",
            str(attempt.status or ""),
            attempt.error or "",
            attempt.answer.strip(),
            attempt.config_hash,
        )
        for attempt in shown.attempts
    ]
    console.print(table(columns, rows))


def _time(text: str | None, now: datetime, option: str) -> datetime | None:
    """Return the moment that a time or a length before *now* stands for."""
    if text is None:
        return None
    try:
        return now - durations.duration(text)
    except ValueError:
        pass
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        hint = "write a time as 2026-03-01T12:00:00Z, or a length as 30m, 2h, 7d"
        raise typer.BadParameter(f"{text!r} is neither; {hint}", param_hint=option) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
