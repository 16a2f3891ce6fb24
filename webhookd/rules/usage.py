"""Which properties webhooks speak of: those a source should have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.definitions import AllOf, AnyOf, Condition, NotOf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.definitions import Definitions, Trigger, Webhook, When


def of_source(definitions: Definitions, source: str) -> frozenset[str]:
    """Return the properties that the enabled webhooks on *source* match, watch or send."""
    return frozenset(
        name
        for webhook in definitions.webhooks.values()
        if webhook.enabled and webhook.source == source
        for name in of_webhook(webhook)
    )


def chosen(webhook: Webhook) -> Iterator[str]:
    """Yield the properties that the webhook's request names, by their names in the record."""
    body = webhook.request.body
    if body is not None:
        yield from (one.name for one in body.properties or ())
    yield from (one.name for one in webhook.request.query)


def of_trigger(trigger: Trigger) -> Iterator[str]:
    """Yield the properties that *trigger* looks at."""
    yield from trigger.changed_properties
    yield from (one.property for one in conditions(trigger.when))


def of_webhook(webhook: Webhook) -> Iterator[str]:
    """Yield the properties that *webhook* matches, watches or sends."""
    yield from chosen(webhook)
    yield from of_trigger(webhook.trigger)


def conditions(when: When | None) -> Iterator[Condition]:
    """Yield the conditions in *when*, however deep, in the order in which they are written."""
    match when:
        case Condition():
            yield when
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from conditions(part)
        case NotOf(part):
            yield from conditions(part)
        case None:
            return
