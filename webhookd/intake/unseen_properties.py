"""Properties that a webhook or a person asks for, and that no known record has: most are typos."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config.messages import no_property
from webhookd.rules import usage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from webhookd.definitions import Webhook, When
    from webhookd.model import KnownRecord


class UnseenProperties:
    """Which of the properties that are asked for no record had, of those it was shown.

    Each record costs next to nothing once all were seen, which the first one does as a rule.
    """

    def __init__(self, webhook: Webhook, where: When | None) -> None:
        self._where = frozenset(one.property for one in usage.conditions(where))
        self._unseen = {*usage.of_webhook(webhook), *self._where}
        self._names: set[str] = set()
        self._is_empty = True

    def look(self, record: KnownRecord) -> None:
        """Take note of a record; what its source asked for counts as seen, empty or not."""
        self._is_empty = False
        if self._unseen:
            self._names |= record.properties.keys()
            self._unseen -= record.properties.keys()
            self._unseen -= frozenset() if record.asked is None else record.asked.names

    def of_where(self) -> tuple[str, ...]:
        """Return those that the person asked for."""
        return () if self._is_empty else tuple(sorted(self._where & self._unseen))

    def notes(self) -> Iterable[str]:
        """Yield a sentence for each."""
        for name in () if self._is_empty else sorted(self._unseen):
            yield no_property(name, self._names)
