"""What the database says where no daemon is asked, as the daemon would answer.

Commands import it when it comes to that: what reads a database takes longer to load than most
commands do.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from webhookd import clock
from webhookd.cli.replay import PAGE
from webhookd.cli.settings import open_outbox
from webhookd.operations import view_builders
from webhookd.operations.source_overview import listed
from webhookd.storage.deliveries import backlog, query
from webhookd.storage.records import journal_pages
from webhookd.views.json_writer import written

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from webhookd.cli.replay import Pages
    from webhookd.model import DeliveryFilter
    from webhookd.storage.database.database import Database
    from webhookd.views.view import View


def deliveries(
    wanted: DeliveryFilter,
    limit: int,
    now: datetime,
    state_directory: Path | None,
    database_url: str | None,
) -> Iterator[dict[str, Any]]:
    """Return the deliveries that are *wanted*, at most *limit*, the newest first."""
    database = open_outbox(state_directory, database_url)
    for delivery in query.deliveries(database, wanted, limit=limit, now=now):
        yield _plain(view_builders.listed_delivery(delivery))


def delivery(
    id_: str, state_directory: Path | None, database_url: str | None
) -> list[dict[str, Any]]:
    """Return the deliveries whose ids begin with *id_*, whole: two, where there are more."""
    found = query.delivery(open_outbox(state_directory, database_url), id_, now=clock.now())
    return [_plain(view_builders.shown_delivery(shown)) for shown in found]


def sources(state_directory: Path | None, database_url: str | None) -> list[dict[str, Any]]:
    """Return every source that was ever read, by name."""
    return list(map(_plain, listed(open_outbox(state_directory, database_url))))


def status(database: Database) -> dict[str, Any]:
    """Return what is known of `status --json`: what is stored, and nothing that is in force."""
    standings = backlog.standings(database, clock.now())
    return {
        "config_hash": None,
        "document": {"webhooks": {}},
        "webhooks": [{"webhook": name, "pending": one.pending} for name, one in standings.items()],
        "sources": list(map(_plain, listed(database))),
    }


def changes(database: Database, since: datetime) -> Pages:
    """Return the journal as it is in the database."""

    def page(after: int) -> dict[str, Any]:
        found = journal_pages.page(database, since=since, after=after, limit=PAGE)
        return _plain(view_builders.journal_page(found))

    return page


def _plain(view: View) -> dict[str, Any]:
    return dict(json.loads(written(view)))
