"""Events of tracing."""

from __future__ import annotations

from dataclasses import dataclass

from webhookd.telemetry.events.event import Event


@dataclass(frozen=True, slots=True)
class TracingBegan(Event):
    """Spans of this *ratio* of all deliveries are sent to a collector at *endpoint*."""

    endpoint: str
    ratio: float


@dataclass(frozen=True, slots=True)
class SpansLost(Event):
    """So many *spans* did not reach the collector since that was last told; *error* says why."""

    endpoint: str
    error: str
    spans: int
