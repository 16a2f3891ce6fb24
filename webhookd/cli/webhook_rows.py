"""The webhooks of `webhookd status`: a row each, and beneath it what a person must know."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from webhookd.cli.output import ago, width
from webhookd.cli.styled import Styled
from webhookd.cli.tables import print_rows
from webhookd.errors import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

STATES = {
    "active": "green",
    "failing": "bold red",
    "probed": "yellow",
    "paused": "magenta",
    "gone": "bold red",
    "disabled": "dim",
    "removed": "dim",
    "elsewhere": "yellow",
}
_COLUMNS = ("WEBHOOK", "STATE", "PENDING", "DUE", "FAILED", "DELIVERED", "REQUEST")


def print_webhooks(webhooks: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Print a row for each webhook, and beneath it where it goes and what is wrong."""
    rows = [(_row(webhook, now), _told(webhook, now)) for webhook in webhooks]
    print_rows(_COLUMNS, rows, room=width())


def _row(webhook: Mapping[str, Any], now: datetime) -> tuple[str | Styled, ...]:
    state = webhook["state"]
    delivered = webhook["last_delivered_at"]
    return (
        webhook["webhook"],
        Styled(state, STATES.get(state, "")),
        f"{webhook['pending']:,}",
        f"{webhook['due']:,}",
        f"{webhook['failed']:,}",
        "" if delivered is None else _ago(delivered, now),
        _request(webhook),
    )


def _request(webhook: Mapping[str, Any]) -> str:
    """Return method and URL; nothing of a webhook that is not configured, or of an old daemon."""
    url = webhook.get("url")
    return "" if url is None else f"{webhook['method']} {url}"


def _told(webhook: Mapping[str, Any], now: datetime) -> Iterator[tuple[str, str]]:
    """Yield the sentences about a webhook, each with its style."""
    name, state = webhook["webhook"], webhook["state"]
    error, error_at = webhook["last_error"], webhook["last_error_at"]
    last_error = None if error is None else f"last error {_ago(error_at, now)}: {error}"
    if state in {"gone", "paused"}:
        # Its words come from the model, which takes a while to load; few webhooks are held.
        from webhookd.cli import hold_text  # noqa: PLC0415

        yield f"held: {webhook['hold']}; {hold_text.remedy(name, webhook['hold'])}", STATES[state]
    elif state == "probed":
        yield webhook["probed_reason"], STATES[state]
    elif state == "failing":
        failed, since = webhook["failing_attempts"], _ago(webhook["failing_since"], now)
        attempts = counted(failed, "attempt")
        yield f"{attempts} failed, and none was delivered, since {since}", STATES[state]
        yield last_error or "", ""
    elif last_error is not None:
        yield last_error, ""
    ahead = webhook.get("moments")
    if ahead is not None:
        following = webhook["next_moment_at"]
        told = f"{counted(ahead, 'record')} await{'s' if ahead == 1 else ''} a moment"
        yield told if following is None else f"{told}, the next {_ago(following, now)}", ""
    for note in webhook.get("notes", ()):
        yield f"{name}: {note}", "yellow"


def _ago(text: str, now: datetime) -> str:
    return ago(datetime.fromisoformat(text), now)
