"""Which deliveries a command means: its options, and the filter that they make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from webhookd.cli.typed_text import cause, moment, utf8
from webhookd.definitions import durations
from webhookd.model import ChangeKind, DeliveryFilter, DeliveryState

if TYPE_CHECKING:
    from datetime import datetime, timedelta

WebhookOption = Annotated[
    str | None,
    typer.Option("--webhook", metavar="WEBHOOK", callback=utf8, help="Only of this webhook."),
]
DeliveryStateOption = Annotated[
    DeliveryState | None, typer.Option("--state", help="Only in this state.")
]
ObjectOption = Annotated[
    str | None,
    typer.Option("--object", metavar="OBJECT", callback=utf8, help="Only of records of this type."),
]
RecordOption = Annotated[
    str | None,
    typer.Option("--record", metavar="ID", callback=utf8, help="Only of the record with this id."),
]
SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source", metavar="SOURCE", callback=utf8, help="Only of records of this source."
    ),
]
ChangeOption = Annotated[
    ChangeKind | None, typer.Option("--change", help="Only of records that were this.")
]
ErrorOption = Annotated[
    str | None,
    typer.Option(
        "--error",
        metavar="CAUSE",
        callback=cause,
        help="Only where the latest attempt came to: 422, 4xx, refused.",
    ),
]
SinceOption = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="TIME",
        help="Only stored since: 2026-03-01T12:00:00Z, or 2h for two ago.",
    ),
]
UntilOption = Annotated[
    str | None, typer.Option("--until", metavar="TIME", help="Only stored before: likewise.")
]


def filter_of(
    webhook: str | None,
    state_: DeliveryState | None,
    object_: str | None,
    record: str | None,
    source: str | None,
    change: ChangeKind | None,
    error: str | None,
    since: str | None,
    until: str | None,
    now: datetime,
) -> DeliveryFilter:
    """Return the filter of what was typed; times may be lengths before *now*."""
    after, before = _time(since, now, "--since"), _time(until, now, "--until")
    return DeliveryFilter(webhook, state_, object_, record, after, before, source, change, error)


def asked(wanted: DeliveryFilter) -> dict[str, Any]:
    """Return a filter as the admin API takes it."""
    return {
        "webhook": wanted.webhook,
        "state": None if wanted.state is None else wanted.state.value,
        "object": wanted.object,
        "record_id": wanted.record_id,
        "since": None if wanted.since is None else wanted.since.isoformat(),
        "until": None if wanted.until is None else wanted.until.isoformat(),
        "source": wanted.source,
        "change": None if wanted.change is None else wanted.change.value,
        "error": wanted.error,
    }


def _time(text: str | None, now: datetime, option: str) -> datetime | None:
    """Return the moment that a time or a length before *now* stands for."""
    if text is None:
        return None
    length = _length(text)
    if length is not None:
        return now - length
    try:
        return moment(text)
    except ValueError:
        hint = "write one as 2026-03-01T12:00:00Z, or how long ago as 30m, 2h, 7d"
        raise typer.BadParameter(f"{text!r} is no time; {hint}", param_hint=option) from None


def _length(text: str) -> timedelta | None:
    try:
        return durations.duration(text)
    except ValueError:
        return None
