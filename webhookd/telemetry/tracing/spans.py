"""A span as it waits for its export: small plain values, none of them from a record.

No id of a record, nothing of a URL but its host and port, no header, query, body or answer stands
in a span.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from webhookd.model import Delivery
    from webhookd.model.trace_context import TraceContext
    from webhookd.telemetry.events import DeliveryAttempted

Kind: TypeAlias = Literal["producer", "client"]

_PORTS: Final = {"http": 80, "https": 443}


class Span(NamedTuple):
    """One span. Times are nanoseconds since 1970; *parent_id* is None for a delivery's own."""

    name: str
    kind: Kind
    trace_id: int
    span_id: int
    parent_id: int | None
    start: int
    end: int
    attributes: Mapping[str, str | int]
    is_error: bool = False


def of_delivery(delivery: Delivery, context: TraceContext, stored_at: datetime) -> Span:
    """Return the span of *delivery* itself: from its change being seen to *stored_at*."""
    start = _nanoseconds(delivery.created_at)
    return Span(
        f"deliver {delivery.webhook}",
        "producer",
        context.trace_id,
        context.span_id,
        None,
        start,
        # Two clocks may have been asked.
        max(_nanoseconds(stored_at), start),
        _about(delivery),
    )


def of_attempt(event: DeliveryAttempted, context: TraceContext) -> Span:
    """Return the span of an attempt that ended: a child of its delivery's."""
    settlement = event.settlement
    delivery, attempt = settlement.delivery, settlement.attempt
    attributes = _about(delivery)
    attributes["http.request.method"] = delivery.rendered.method
    attributes["http.request.resend_count"] = attempt.number - 1
    attributes["webhookd.outcome"] = event.outcome_name
    if attempt.sent is not None:
        attributes.update(_receiver(attempt.sent.partition("\n")[0]))
    if attempt.status is not None:
        attributes["http.response.status_code"] = attempt.status
    is_error = event.outcome_name != "delivered"
    if is_error:
        attributes["error.type"] = (
            settlement.kind if attempt.status is None else str(attempt.status)
        )
    start = _nanoseconds(attempt.started_at)
    return Span(
        delivery.rendered.method,
        "client",
        context.trace_id,
        context.attempt(attempt.number),
        context.span_id,
        start,
        start + round(attempt.seconds * 1e9),
        attributes,
        is_error,
    )


def _about(delivery: Delivery) -> dict[str, str | int]:
    return {
        "webhookd.webhook": delivery.webhook,
        "webhookd.source": delivery.source,
        "webhookd.object": delivery.object,
        "webhookd.change": delivery.change.value,
    }


def _receiver(url: str) -> dict[str, str | int]:
    """Return host and port of *url*, in which secrets may stand as `***`."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return {}
    if not parts.hostname or port is None:
        return {}
    return {"server.address": parts.hostname, "server.port": port}


def _nanoseconds(at: datetime) -> int:
    # A float does not hold nanoseconds of today; microseconds are what a datetime has.
    return round(at.timestamp() * 1e6) * 1000
