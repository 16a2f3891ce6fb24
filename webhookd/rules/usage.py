"""Which properties webhooks speak of: those a source should have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.rules.plan import AllOf, AnyOf, Condition, NotOf

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.rules.plan import Plan, Webhook, When


def of_source(plan: Plan, source: str) -> frozenset[str]:
    """Return the properties that the enabled webhooks on *source* match, watch or send."""
    return frozenset(
        name
        for webhook in plan.webhooks.values()
        if webhook.enabled and webhook.source == source
        for name in _of_webhook(webhook)
    )


def _of_webhook(webhook: Webhook) -> Iterator[str]:
    body = webhook.request.body
    chosen = (body.properties or () if body is not None else ()) + webhook.request.query
    yield from (one.name for one in chosen)
    yield from webhook.trigger.changed_properties
    yield from _of_condition(webhook.trigger.when)


def _of_condition(when: When | None) -> Iterator[str]:
    match when:
        case Condition():
            yield when.property
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from _of_condition(part)
        case NotOf(part):
            yield from _of_condition(part)
        case None:
            return
