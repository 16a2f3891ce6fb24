"""`webhookd pause` and `webhookd resume`: a person holds a webhook, and lets it go on."""

from __future__ import annotations

from typing import Annotated

import typer

from webhookd.cli import hold_text
from webhookd.cli.client import connect
from webhookd.cli.settings import AdminOption
from webhookd.errors import WebhookdError

WebhookArgument = Annotated[
    str, typer.Argument(metavar="WEBHOOK", help="The webhook's key in the configuration.")
]


class StaysHeldError(WebhookdError):
    """A webhook was resumed, and is held for another reason."""


def pause(
    webhook: WebhookArgument,
    reason: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Why, for those who look at the status.")
    ] = None,
    admin_address: AdminOption = None,
) -> None:
    """Hold a webhook's deliveries; changes are still stored.

    Changes go on being matched; `webhookd resume` lets their deliveries go.
    """
    connect(admin_address).post(f"/v1/webhooks/{quoted(webhook)}/pause", reason=reason)
    typer.echo(f"{webhook} is paused; webhookd resume {webhook} lets it go on")


def resume(webhook: WebhookArgument, admin_address: AdminOption = None) -> None:
    """Lift a pause or a 410's hold; what waits is due now.

    Exit 1 when it stays held.
    """
    answer = connect(admin_address).post(f"/v1/webhooks/{quoted(webhook)}/resume")
    if answer["hold"] is not None:
        raise StaysHeldError(hold_text.stays(webhook, answer["hold"]))
    typer.echo(f"{webhook} goes on")


def quoted(webhook: str) -> str:
    """Return *webhook* if it can be a part of a path."""
    if not webhook.replace("-", "").replace("_", "").isalnum() or not webhook.isascii():
        raise typer.BadParameter(f"{webhook!r} is no webhook's name")
    return webhook
