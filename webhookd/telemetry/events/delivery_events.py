"""Events of deliveries, of the webhooks they are for, and of backfills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from webhookd.model import DELIVERED, Delivered, GivenUp, Held, RetryAt
from webhookd.telemetry.events.event import Event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.model import Delivery, Settlement

OutcomeName: TypeAlias = Literal["delivered", "retry", "given_up", "held"]


@dataclass(frozen=True, slots=True)
class DeliveryAttempted(Event):
    """An attempt ended.

    The settlement has all that is known of it: the delivery with its ids, when the attempt started
    and how many seconds it took, what came back, and what follows.
    """

    settlement: Settlement

    @property
    def outcome_name(self) -> OutcomeName:
        """Return what the attempt led to, as the log and the metrics call it."""
        if self.settlement.outcome is DELIVERED:
            return "delivered"
        match self.settlement.outcome:
            case Delivered():
                return "delivered"
            case RetryAt():
                return "retry"
            case GivenUp():
                return "given_up"
            case Held():
                return "held"


@dataclass(frozen=True, slots=True)
class DeliveriesStored(Event):
    """Deliveries were just committed, and nothing of them was attempted yet."""

    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class DeliverySuperseded(Event):
    """A delivery that was just stored took the place of those in its `supersedes`."""

    delivery: Delivery


@dataclass(frozen=True, slots=True)
class DeliveriesChanged(Event):
    """A person retried or cancelled deliveries; *overtaken* ones were left as they are.

    *held* ones were retried, and wait for the hold of their webhook to end.
    """

    action: str
    count: int
    overtaken: int
    held: int = 0


@dataclass(frozen=True, slots=True)
class DeliveriesDeleted(Event):
    """So many settled deliveries were deleted because their retention ended."""

    deliveries: int


@dataclass(frozen=True, slots=True)
class ChangeUndecided(Event):
    """A bug of webhookd kept a change from becoming a delivery of *webhook*."""

    source: str
    record_id: str
    webhook: str
    error: BaseException


@dataclass(frozen=True, slots=True)
class BodyTooLarge(Event):
    """What a template makes of a record is too large: the delivery is stored as failed."""

    source: str
    record_id: str
    webhook: str
    delivery_id: str
    largest: int


@dataclass(frozen=True, slots=True)
class MomentsFired(Event):
    """Moments of a webhook have come: how many, by what came of them.

    *lags* are the seconds by which those that were looked at were late.
    """

    webhook: str
    outcomes: Mapping[str, int]
    lags: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class MomentsPlanned(Event):
    """All known records were looked at for a timer that is new, or has another rule."""

    webhook: str
    records: int
    planned: int


@dataclass(frozen=True, slots=True)
class DateUnreadable(Event):
    """A property that a timer looks at has a value that is no date: it has no moment."""

    source: str
    object: str
    property: str
    example: str


@dataclass(frozen=True, slots=True)
class PropertyUndated(Event):
    """A property that a timer looks at is neither a date nor a time, as its source says."""

    source: str
    object: str
    property: str


@dataclass(frozen=True, slots=True)
class WebhookHeld(Event):
    """An attempt led to a hold: the receiver said that it is gone."""

    webhook: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class WebhookHoldChanged(Event):
    """A person paused a webhook, or resumed it: then *hold* is None."""

    webhook: str
    hold: str | None


@dataclass(frozen=True, slots=True)
class WebhookProbed(Event):
    """A webhook is attempted one delivery at a time, because its receiver does not answer."""

    webhook: str
    reason: str


@dataclass(frozen=True, slots=True)
class WebhookProbingEnded(Event):
    """A webhook has its whole concurrency again, after *seconds*."""

    webhook: str
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class BackfillBegan(Event):
    """Known records are being told to a webhook."""

    webhook: str
    per_second: float


@dataclass(frozen=True, slots=True)
class BackfillResumed(Event):
    """A backfill goes on that a stop or a crash had interrupted."""

    webhook: str
    records: int
    deliveries: int


@dataclass(frozen=True, slots=True)
class BackfillEnded(Event):
    """A backfill came so far; *error* says why no further, and is None when it is done."""

    webhook: str
    records: int
    deliveries: int
    error: str | None
