"""What some records say of their properties: examples, how many have each, and who uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.model import text_of
from webhookd.rules import usage
from webhookd.views.sources import PropertyView

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from webhookd.definitions import Definitions
    from webhookd.model import Properties

_EXAMPLES: Final = 3
_LONGEST_EXAMPLE: Final = 100


def figures(
    records: Iterable[Properties], names: Iterable[str], used: Mapping[str, frozenset[str]]
) -> tuple[PropertyView, ...]:
    """Return what *records* say of each property they have, and of *names*, in their order.

    *used* is which properties each webhook uses.
    """
    examples: dict[str, list[str]] = {}
    counts: dict[str, int] = {}
    looked_at = 0
    for record in records:
        looked_at += 1
        for name, value in record.items():
            shown = text_of(value)
            if not shown:
                continue
            counts[name] = counts.get(name, 0) + 1
            of_name = examples.setdefault(name, [])
            if len(of_name) < _EXAMPLES and shown[:_LONGEST_EXAMPLE] not in of_name:
                of_name.append(shown[:_LONGEST_EXAMPLE])
    return tuple(
        PropertyView(
            name,
            tuple(examples.get(name, ())),
            counts.get(name, 0),
            round(counts.get(name, 0) / looked_at, 3) if looked_at else 0.0,
            tuple(sorted(webhook for webhook, of in used.items() if name in of)),
        )
        for name in sorted({*names, *counts, *(name for of in used.values() for name in of)})
    )


def used_by(definitions: Definitions, source: str, object_: str) -> dict[str, frozenset[str]]:
    """Return which properties of a source and object each webhook uses by name."""
    return {
        name: frozenset(usage.of_webhook(webhook))
        for name, webhook in definitions.webhooks.items()
        if (webhook.source, webhook.object) == (source, object_)
    }
