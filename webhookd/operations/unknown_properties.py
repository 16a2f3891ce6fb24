"""Properties that webhooks speak of and that no known record has: most are typos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config.messages import no_property
from webhookd.rules import usage
from webhookd.storage.records.known_properties import known_properties

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from webhookd.definitions import Webhook
    from webhookd.storage.database.database import Database
    from webhookd.storage.records.known_properties import KnownProperties


def notes(database: Database, webhooks: Iterable[Webhook]) -> dict[str, tuple[str, ...]]:
    """Return, by webhook, a sentence for each property that no known record has."""
    used: dict[tuple[str, str], dict[str, set[str]]] = {}
    for webhook in webhooks:
        if webhook.enabled:
            key = webhook.source, webhook.object
            used.setdefault(key, {})[webhook.name] = {*usage.of_webhook(webhook)}
    found: dict[str, tuple[str, ...]] = {}
    with database.reading() as connection:
        for (source, object_), of_webhooks in used.items():
            wanted = frozenset[str]().union(*of_webhooks.values())
            known = known_properties(connection, source, object_, wanted)
            for name, names in of_webhooks.items():
                if lacking := tuple(sentences(known, names)):
                    found[name] = lacking
    return found


def sentences(known: KnownProperties, names: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each of *names* that no known record has."""
    looked_at = None if known.is_whole else known.records
    for name in known.lacking({*names}):
        yield no_property(name, known.names, looked_at=looked_at)
