"""Deliveries of the running daemon, else of its database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from webhookd.cli.client import find
from webhookd.cli.delivery_options import asked
from webhookd.cli.settings import require_outbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from webhookd.client.blocking import Client
    from webhookd.model import DeliveryFilter

PAGE = 10_000
"""Deliveries that are asked of the daemon at once."""

Shown: TypeAlias = dict[str, Any]


def listed(
    wanted: DeliveryFilter,
    limit: int,
    now: datetime,
    state_directory: Path | None,
    database_url: str | None,
) -> Iterator[Shown]:
    """Yield what is *wanted*, at most *limit*, the newest first."""
    daemon = find(state_directory) if database_url is None else None
    if daemon is not None:
        yield from _pages(daemon, asked(wanted), limit)
        return
    require_outbox(state_directory, database_url)
    from webhookd.cli import offline  # noqa: PLC0415

    yield from offline.deliveries(wanted, limit, now, state_directory, database_url)


def _pages(daemon: Client, asked: dict[str, Any], limit: int) -> Iterator[Shown]:
    """Yield what the daemon finds, page by page; one may be told before it is full."""
    before = None
    while limit:
        page = daemon.get("/v1/deliveries", limit=min(limit, PAGE), before=before, **asked)
        yield from page["deliveries"]
        limit, before = limit - len(page["deliveries"]), page.get("next")
        if before is None:
            return
