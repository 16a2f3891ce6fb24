"""The one delivery that a typed id means, asked of the daemon or read in its database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import quote

from webhookd import clock
from webhookd.cli import delivery_text
from webhookd.cli.client import connect, find
from webhookd.cli.settings import require_outbox
from webhookd.client.client_errors import RefusedError

if TYPE_CHECKING:
    from pathlib import Path

    from webhookd.client.blocking import Client

Shown: TypeAlias = dict[str, Any]


def meant_delivery(
    typed: str,
    state_directory: Path | None,
    database_url: str | None,
    admin_address: str | None = None,
) -> Shown:
    """Return the delivery whose id is *typed*, or begins or ends so.

    Raises a RefusedError or a SeveralDeliveriesError, with those that fit printed, or a
    NoDeliveryError.
    """
    daemon: Client | None = None
    if admin_address is not None:
        daemon = connect(admin_address)
    elif database_url is None:
        daemon = find(state_directory)
    if daemon is not None:
        try:
            return daemon.get(f"/v1/deliveries/{quote(typed, safe='')}")
        except RefusedError as error:
            print_several(error)
            raise
    require_outbox(state_directory, database_url)
    from webhookd.cli import offline  # noqa: PLC0415

    return offline.delivery(typed, state_directory, database_url)


def print_several(error: RefusedError) -> None:
    """Print the deliveries that an id fits, where the daemon refused it for that."""
    delivery_text.print_fitting(error.answer.get("deliveries", ()), clock.now())
