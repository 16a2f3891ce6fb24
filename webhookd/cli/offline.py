"""What the database says where no daemon is asked, as the daemon would answer.

Commands import it when it comes to that: what reads a database takes longer to load than most
commands do. What not all of them need is imported where it is needed.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from webhookd import clock
from webhookd.cli import delivery_text
from webhookd.cli.settings import open_outbox
from webhookd.errors import ConfigError
from webhookd.operations import view_builders
from webhookd.operations.deliveries import delivery_views
from webhookd.storage.deliveries import query, typed_ids
from webhookd.storage.deliveries.typed_ids import NoDeliveryError, SeveralDeliveriesError
from webhookd.storage.search import bounded_search
from webhookd.views.json_writer import written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from webhookd.cli.replay import Pages
    from webhookd.definitions import Definitions
    from webhookd.model import DeliveryFilter
    from webhookd.storage.database.database import Database
    from webhookd.views.view import View

PAGE = 10_000
"""Deliveries that are read at once."""
PATIENCE = 60.0
"""How long a page is looked for: nobody else waits."""


def deliveries(
    wanted: DeliveryFilter,
    limit: int,
    now: datetime,
    state_directory: Path | None,
    database_url: str | None,
) -> Iterator[dict[str, Any]]:
    """Return the deliveries that are *wanted*, at most *limit*, the newest first.

    Raises an UnknownNameError for a webhook or object that nobody knows.
    """
    database = open_outbox(state_directory, database_url)
    left, before = limit, None
    while True:
        page = bounded_search.page(
            database, wanted, limit=min(left, PAGE), now=now, before=before, seconds=PATIENCE
        )
        for delivery in page.deliveries:
            yield _plain(delivery_views.listed_delivery(delivery))
        left, before = left - len(page.deliveries), page.next
        if not left or before is None:
            break
    if left == limit:
        _refuse_unknown(database, wanted)


def refuse_unknown(
    wanted: DeliveryFilter, state_directory: Path | None, database_url: str | None
) -> None:
    """Raise an UnknownNameError for a webhook or object that nobody knows.

    Raises StorageError when there is no database to ask.
    """
    _refuse_unknown(open_outbox(state_directory, database_url), wanted)


def delivery(typed: str, state_directory: Path | None, database_url: str | None) -> dict[str, Any]:
    """Return the delivery whose id is *typed*, or begins or ends so.

    Raises a NoDeliveryError, or a SeveralDeliveriesError with those that fit printed.
    """
    database, now = open_outbox(state_directory, database_url), clock.now()
    try:
        id_ = typed_ids.find(database, typed, now=now)
    except SeveralDeliveriesError as error:
        fitting = [_plain(delivery_views.listed_delivery(one)) for one in error.found]
        delivery_text.print_fitting(fitting, now)
        raise
    found = query.delivery(database, id_, now=now)
    if found is None:
        raise NoDeliveryError(f"the delivery {id_} was deleted just now")
    return _plain(delivery_views.shown_delivery(found))


def sources(state_directory: Path | None, database_url: str | None) -> list[dict[str, Any]]:
    """Return every source that was ever read, by name."""
    return _sources(open_outbox(state_directory, database_url))


def status(database: Database) -> dict[str, Any]:
    """Return what is known of `status --json`: what is stored, and nothing that is in force."""
    from webhookd.storage.webhooks import backlog  # noqa: PLC0415

    standings = backlog.standings(database, clock.now())
    return {
        "config_hash": None,
        "document": {"webhooks": {}},
        "webhooks": [{"webhook": name, "pending": one.pending} for name, one in standings.items()],
        "sources": _sources(database),
    }


def _sources(database: Database) -> list[dict[str, Any]]:
    from webhookd.operations.source_overview import listed  # noqa: PLC0415

    return list(map(_plain, listed(database)))


def changes(database: Database, since: datetime) -> Pages:
    """Return the journal as it is in the database."""
    from webhookd.cli.replay import PAGE  # noqa: PLC0415
    from webhookd.storage.records import journal_pages  # noqa: PLC0415

    def page(after: int) -> dict[str, Any]:
        found = journal_pages.page(database, since=since, after=after, limit=PAGE)
        return _plain(view_builders.journal_page(found))

    return page


def record(
    key: tuple[str, str], record_id: str, state_directory: Path | None, database_url: str | None
) -> dict[str, Any]:
    """Return what is known of a record; raises an UnknownRecordError where nothing is."""
    from webhookd.operations.lookups import record_lookup  # noqa: PLC0415

    database = open_outbox(state_directory, database_url)
    return _plain(record_lookup.record(database, *key, record_id))


def listed_records(
    name: str | None, state_directory: Path | None, database_url: str | None
) -> Callable[[str | None, int], dict[str, Any]]:
    """Return what reads a page of known records, behind a place and of so many at the most."""
    from webhookd.operations.lookups import known_lookup  # noqa: PLC0415

    database = open_outbox(state_directory, database_url)
    return lambda after, limit: _plain(
        known_lookup.listed(database, name, after=after, limit=limit)
    )


def shown_records(
    typed: str, source: str | None, state_directory: Path | None, database_url: str | None
) -> dict[str, Any]:
    """Return the record OBJECT/ID; raises an UnknownRecordError where none is known."""
    from webhookd.operations.lookups import known_lookup  # noqa: PLC0415

    return _plain(known_lookup.shown(open_outbox(state_directory, database_url), typed, source))


def properties(
    source: str,
    object_: str,
    definitions: Definitions | None,
    state_directory: Path | None,
    database_url: str | None,
) -> dict[str, Any]:
    """Return the properties that known records of a source and object have."""
    from webhookd.operations.lookups import sample_lookup  # noqa: PLC0415

    database = open_outbox(state_directory, database_url)
    return _plain(sample_lookup.properties(database, source, object_, definitions))


def latest_change(
    key: tuple[str, str],
    record_id: str | None,
    state_directory: Path | None,
    database_url: str | None,
) -> dict[str, Any]:
    """Return the last change that is kept of a source and object, or of one record."""
    from webhookd.storage.records import journal_pages  # noqa: PLC0415

    kept = journal_pages.latest(open_outbox(state_directory, database_url), *key, record_id)
    return _plain(view_builders.latest_change(kept))


def moments(
    webhook: str | None,
    before: datetime | None,
    limit: int,
    state_directory: Path | None,
    database_url: str | None,
) -> Iterator[dict[str, Any]]:
    """Yield records that await a moment; raises an UnknownNameError for a webhook without any."""
    from webhookd.operations.moments.moment_lookup import listed  # noqa: PLC0415

    database = open_outbox(state_directory, database_url)
    return map(_plain, listed(database, webhook, before, limit))


def moment(
    webhook: str, record_id: str, state_directory: Path | None, database_url: str | None
) -> dict[str, Any]:
    """Return the moment of a record; raises an UnknownRecordError where it never had one."""
    from webhookd.operations.moments.moment_lookup import shown  # noqa: PLC0415

    database = open_outbox(state_directory, database_url)
    return _plain(shown(database, webhook, record_id))


def _refuse_unknown(database: Database, wanted: DeliveryFilter) -> None:
    """Ask the database; and the file, where the environment says which it is."""
    if wanted.webhook is None and wanted.object is None:
        return
    from webhookd.config import loading  # noqa: PLC0415
    from webhookd.config.settings.process_settings import Settings  # noqa: PLC0415
    from webhookd.operations import unknown_names  # noqa: PLC0415

    webhooks: frozenset[str] = frozenset()
    objects: frozenset[str] = frozenset()
    path = Settings.from_environment(os.environ).config
    if path is not None:
        with suppress(ConfigError):
            definitions = loading.load(path, environment=os.environ, offline=True).definitions
            webhooks = frozenset(definitions.webhooks)
            objects = frozenset(unknown_names.objects_of(definitions))
    with database.reading() as connection:
        unknown_names.refuse_unknown(connection, wanted, webhooks=webhooks, objects=objects)


def _plain(view: View) -> dict[str, Any]:
    return dict(json.loads(written(view)))
