"""A listener of the reporter: makes spans of what happens to sampled deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhookd.telemetry import events
from webhookd.telemetry.tracing import spans

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from webhookd.model.trace_context import Sampling
    from webhookd.telemetry.tracing.spans import Span


class SpanListener:
    """Gives to *put* the spans of the deliveries that *sampling* takes; *now* is the time.

    Called on the thread that reports, as every listener is: what is not sampled costs it less than
    a microsecond.
    """

    def __init__(
        self, sampling: Sampling, put: Callable[[Span], None], now: Callable[[], datetime]
    ) -> None:
        self._sampled = sampling.sampled
        self._put = put
        self._now = now
        self._of: dict[type[events.Event], Callable[[Any], None]] = {
            events.DeliveriesStored: self._stored,
            events.DeliveryAttempted: self._attempted,
        }

    def heard(self, event: events.Event) -> None:
        """Make what spans *event* is worth."""
        make = self._of.get(type(event))
        if make is not None:
            make(event)

    def _stored(self, event: events.DeliveriesStored) -> None:
        for delivery in event.deliveries:
            context = self._sampled(delivery.id)
            if context is not None:
                self._put(spans.of_delivery(delivery, context, self._now()))

    def _attempted(self, event: events.DeliveryAttempted) -> None:
        context = self._sampled(event.settlement.delivery.id)
        if context is not None:
            self._put(spans.of_attempt(event, context))
