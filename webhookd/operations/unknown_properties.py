"""Properties that webhooks speak of and that no known record has: most are typos."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from webhookd.config.messages import no_property
from webhookd.rules import usage
from webhookd.storage.records.known_properties import AT_ONCE, known_properties

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from webhookd.definitions import Webhook
    from webhookd.storage.database.connection import Statements
    from webhookd.storage.database.database import Database
    from webhookd.storage.records.known_properties import KnownProperties


REMEMBERED: Final = 10.0
"""Seconds for which it is remembered that many records lack a property.

To see it takes a millisecond or more for each source and object, whoever asks how often.
"""


class RecentLooks:
    """Looks at known records, and remembers for some seconds what took a long look.

    Statuses may be asked for side by side, on several threads: the worst is one look too many.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._found: dict[tuple[str, str, frozenset[str]], tuple[float, KnownProperties]] = {}

    def look(
        self, connection: Statements, source: str, object_: str, wanted: frozenset[str]
    ) -> KnownProperties:
        """Return the properties that known records have, as far as those *wanted* go."""
        now, key = self._monotonic(), (source, object_, wanted)
        at, known = self._found.get(key, (-math.inf, None))
        if known is not None and now - at < REMEMBERED:
            return known
        known = known_properties(connection, source, object_, wanted)
        self._found = {one: kept for one, kept in self._found.items() if now - kept[0] < REMEMBERED}
        if known.records > AT_ONCE:
            self._found[key] = now, known
        return known


def notes(
    database: Database, webhooks: Iterable[Webhook], looks: RecentLooks
) -> dict[str, tuple[str, ...]]:
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
            known = looks.look(connection, source, object_, wanted)
            for name, names in of_webhooks.items():
                if lacking := tuple(sentences(known, names)):
                    found[name] = lacking
    return found


def sentences(known: KnownProperties, names: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for each of *names* that no known record has."""
    looked_at = None if known.is_whole else known.records
    for name in known.lacking({*names}):
        yield no_property(name, known.names, looked_at=looked_at)
