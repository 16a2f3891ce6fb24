"""Events as watchers get them: a kind, and an object as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from webhookd.model import RetryAt, Settlement
from webhookd.telemetry import events
from webhookd.views.events import (
    ActView,
    EndedAttemptView,
    HoldChangeView,
    ReadConfigurationView,
    SourceEventView,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.telemetry.events import Event
    from webhookd.telemetry.events.delivery_events import OutcomeName
    from webhookd.views.view import View

    Redact: TypeAlias = Callable[[str], str]

Kind: TypeAlias = Literal["attempts", "hold", "reload", "source", "person"]


@dataclass(frozen=True, slots=True)
class Ended:
    """An attempt that ended here, kept as it is: few of very many are told in detail."""

    settlement: Settlement
    outcome: OutcomeName

    @property
    def webhook(self) -> str:
        """Return the webhook that it was for."""
        return self.settlement.delivery.webhook

    @property
    def is_delivered(self) -> bool:
        """Return whether the receiver took it."""
        is_delivered: bool = self.outcome == "delivered"
        return is_delivered

    def view(self, redact: Redact) -> EndedAttemptView:
        """Return the attempt as watchers get it."""
        delivery, attempt = self.settlement.delivery, self.settlement.attempt
        outcome = self.settlement.outcome
        return EndedAttemptView(
            at=self.settlement.ended_at,
            id=delivery.id,
            webhook=delivery.webhook,
            source=delivery.source,
            object=delivery.object,
            record_id=redact(delivery.record_id),
            change=delivery.change.value,
            attempt=attempt.number,
            outcome=self.outcome,
            status=attempt.status,
            seconds=round(attempt.seconds, 3),
            error=None if attempt.error is None else redact(attempt.error),
            retry_at=outcome.when if isinstance(outcome, RetryAt) else None,
        )


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A delivery that another daemon settled."""

    told: EndedAttemptView

    @property
    def webhook(self) -> str:
        """Return the webhook that it was for."""
        return self.told.webhook

    @property
    def is_delivered(self) -> bool:
        """Return whether the receiver took it."""
        return self.told.outcome == "delivered"

    def view(self, redact: Redact) -> EndedAttemptView:  # noqa: ARG002 - stored texts are redacted
        """Return the attempt as watchers get it."""
        return self.told


@dataclass(frozen=True, slots=True)
class Happened:
    """Something else that happened; *webhook* is the one that it is about, if it is about one."""

    kind: Kind
    told: View
    webhook: str | None = None


Entry: TypeAlias = Ended | Elsewhere | Happened


def _hold_changed(event: events.WebhookHoldChanged) -> Happened:
    return Happened("hold", HoldChangeView(event.webhook, event.hold), event.webhook)


def _held(event: events.WebhookHeld) -> Happened:
    return Happened("hold", HoldChangeView(event.webhook, event.reason), event.webhook)


def _read(event: events.ConfigRead) -> Happened:
    return Happened(
        "reload", ReadConfigurationView(event.outcome, event.config_hash, event.problems)
    )


def _failed(event: events.SourceFailed) -> Happened:
    return Happened("source", SourceEventView(event.source, "failed", event.error))


def _poll_failed(event: events.PollFailed) -> Happened:
    return Happened("source", SourceEventView(event.poll.source, "failed", event.error))


def _recovered(event: events.SourceRecovered) -> Happened:
    return Happened("source", SourceEventView(event.source, "recovered", None))


def _poll_recovered(event: events.PollRecovered) -> Happened:
    return Happened("source", SourceEventView(event.poll.source, "recovered", None))


def _file(event: events.FileFailed) -> Happened:
    return Happened("source", SourceEventView(event.source, "file_failed", event.file))


def _acted(event: events.PersonActed) -> Happened:
    return Happened("person", ActView(event.action, event.subject, event.via, event.status))


_MADE: Final[dict[type[Event], Callable[[Any], Happened]]] = {
    events.WebhookHoldChanged: _hold_changed,
    events.WebhookHeld: _held,
    events.ConfigRead: _read,
    events.SourceFailed: _failed,
    events.PollFailed: _poll_failed,
    events.SourceRecovered: _recovered,
    events.PollRecovered: _poll_recovered,
    events.FileFailed: _file,
    events.PersonActed: _acted,
}


def entry_of(event: Event) -> Entry | None:
    """Return *event* as watchers get it; None for events that they do not get."""
    if isinstance(event, events.DeliveryAttempted):
        return Ended(event.settlement, event.outcome_name)
    make = _MADE.get(type(event))
    return None if make is None else make(event)
