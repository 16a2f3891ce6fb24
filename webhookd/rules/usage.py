"""Which properties webhooks speak of: those a source should have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from webhookd.definitions import AllOf, AnyOf, Condition, NotOf

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from webhookd.definitions import Definitions, Trigger, Webhook, When


@dataclass(frozen=True, slots=True)
class Used:
    """The properties that webhooks match, watch or send by name, each with the webhook that does.

    *all_by* is a webhook that sends all properties, if one does.
    """

    by: Mapping[str, str]
    all_by: str | None = None

    @property
    def names(self) -> frozenset[str]:
        """Return the properties that are used by name."""
        return frozenset(self.by)

    def needed_by(self, name: str) -> str | None:
        """Return a webhook that needs the property *name*, None when none does."""
        return self.by.get(name, self.all_by)


NOTHING: Final = Used({})
"""What is used where there is no webhook."""


def of_source(definitions: Definitions, source: str) -> Used:
    """Return the properties that the enabled webhooks on *source* match, watch or send."""
    return of_webhooks(
        webhook
        for webhook in definitions.webhooks.values()
        if webhook.enabled and webhook.source == source
    )


def of_webhooks(webhooks: Iterable[Webhook]) -> Used:
    """Return the properties that *webhooks* match, watch or send."""
    by: dict[str, str] = {}
    all_by = None
    for webhook in webhooks:
        if sends_all(webhook):
            all_by = all_by or webhook.name
        for name in of_webhook(webhook):
            by.setdefault(name, webhook.name)
    return Used(by, all_by)


def sends_all(webhook: Webhook) -> bool:
    """Return whether the webhook's request takes all properties, whatever their names are."""
    body = webhook.request.body
    if body is None:
        return False
    return body.properties is None or (body.template is not None and body.template.reads_all)


def chosen(webhook: Webhook) -> Iterator[str]:
    """Yield the properties that the webhook's request names, by their names in the record."""
    body = webhook.request.body
    if body is not None:
        yield from (one.name for one in body.properties or ())
        if body.template is not None:
            yield from sorted(body.template.properties)
    yield from (one.name for one in webhook.request.query)
    if webhook.request.live is not None:
        yield from sorted(webhook.request.live.properties)


def of_trigger(trigger: Trigger) -> Iterator[str]:
    """Yield the properties that *trigger* looks at."""
    yield from trigger.changed_properties
    if trigger.at is not None:
        yield trigger.at.property
    for when in (trigger.when, trigger.still):
        for one in conditions(when):
            yield one.property
            if one.other_property:
                yield one.other_property


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
