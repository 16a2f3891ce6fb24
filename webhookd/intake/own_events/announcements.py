"""What is to be told of an own event, and to whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from webhookd.definitions import OwnEventsSource
from webhookd.definitions.event_kinds import OBJECT
from webhookd.intake.decision import Decision
from webhookd.model import OwnEvent

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from webhookd.definitions import Definitions, Webhook
    from webhookd.intake.own_events.event_windows import Key
    from webhookd.model import Delivery, PutAway, Settlement
    from webhookd.model.own_event import Fact


@dataclass(frozen=True, slots=True)
class Listening:
    """The webhooks that are told of own events, under *definitions*."""

    definitions: Definitions
    source: OwnEventsSource
    webhooks: tuple[Webhook, ...]


@dataclass(slots=True)
class Announcement:
    """An event, as it is stored or counted: *opened* are the windows of which it is the first.

    With a *settlement* it happened only if that gave its delivery up.
    """

    event: OwnEvent
    listening: Listening
    decision: Decision = field(default_factory=Decision)
    opened: list[Key] = field(default_factory=list)
    counted: list[Key] = field(default_factory=list)
    settlement: Settlement | None = None

    def only_if_given_up(self, settlement: Settlement) -> None:
        """Have the event count as happened only if *settlement* gave its delivery up."""
        self.settlement = settlement


def who_listens(definitions: Definitions) -> Listening:
    """Return the webhooks that receive own events; none where no source is of this type."""
    source = next(
        (one for one in definitions.sources.values() if isinstance(one, OwnEventsSource)), None
    )
    if source is None:
        return Listening(definitions, OwnEventsSource(""), ())
    webhooks = tuple(
        webhook
        for webhook in definitions.webhooks.values()
        if webhook.enabled and webhook.source == source.name and webhook.object == OBJECT
    )
    return Listening(definitions, source, webhooks)


def is_own(delivery: Delivery, definitions: Definitions) -> bool:
    """Return whether *delivery* carries an own event itself: then it causes none (rule A).

    Its webhook or its source may be gone from the configuration, or may have another type by now.
    Where both are gone, nothing says what it carries, and it causes none.
    """
    webhook = definitions.webhooks.get(delivery.webhook)
    names = {delivery.source} if webhook is None else {delivery.source, webhook.source}
    sources = [definitions.sources[name] for name in names if name in definitions.sources]
    return not sources or any(isinstance(one, OwnEventsSource) for one in sources)


def is_of_events(webhook: str, definitions: Definitions) -> bool:
    """Return whether *webhook* receives own events, or is not in *definitions* (rule A)."""
    found = definitions.webhooks.get(webhook)
    return found is None or isinstance(definitions.sources.get(found.source), OwnEventsSource)


def told(decision: Decision) -> set[str]:
    """Return the webhooks of which *decision* has a delivery."""
    deliveries = (delivery for delivery, _ in (*decision.deliveries, *decision.broken))
    return {delivery.webhook for delivery in deliveries}


def joined(announcements: Iterable[Announcement]) -> Decision:
    """Return what is to be stored of *announcements*, as one."""
    whole = Decision()
    for announcement in announcements:
        whole.join(announcement.decision)
    return whole


def failed(
    delivery: Delivery, at: datetime, why: str, attempts: int, status: int | None
) -> OwnEvent:
    """Return the event of a *delivery* that was given up *at* a moment, after *attempts*."""
    facts: dict[str, Fact | None] = {
        "webhook": delivery.webhook,
        "delivery_id": delivery.id,
        "object": delivery.object,
        "record_id": delivery.record_id,
        "change": delivery.change.value,
        "attempts": attempts,
        "status": status,
        "reason": why,
    }
    return OwnEvent("delivery.failed", delivery.webhook, at, facts)


def file_failed(put_away: PutAway) -> OwnEvent:
    """Return the event of a file that went to `failed/`."""
    facts: dict[str, Fact | None] = {
        "source": put_away.source,
        # A name may hold bytes that are no text.
        "file": put_away.name.encode("utf-8", "replace").decode(),
        "reason": put_away.error,
        "bad_rows": put_away.bad_rows,
    }
    return OwnEvent("file.failed", put_away.source, put_away.at, facts)
