"""Tracing as a part of the daemon: it hears of deliveries until the last attempt has ended."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd import telemetry
from webhookd.model.trace_context import Sampling
from webhookd.telemetry.events import TracingBegan
from webhookd.telemetry.tracing.span_listener import SpanListener
from webhookd.telemetry.tracing.span_queue import SpanQueue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from webhookd.clock import Clock
    from webhookd.telemetry.tracing.span_queue import Export


@dataclass(frozen=True, slots=True)
class Tracing:
    """Sends spans of a *ratio* of all deliveries by *export*."""

    export: Export
    ratio: float

    @property
    def sampling(self) -> Sampling:
        """Return which deliveries are traced."""
        return Sampling.of(self.ratio)

    @asynccontextmanager
    async def running(self, clock: Clock, seconds: float) -> AsyncIterator[None]:
        """Trace what is reported meanwhile; at the end, the export has so many *seconds*."""
        queue = SpanQueue(self.export, clock.monotonic)
        queue.start()
        stop = telemetry.reporter().listen(SpanListener(self.sampling, queue.put, clock.now).heard)
        telemetry.report(TracingBegan(self.export.endpoint, self.ratio))
        try:
            yield
        finally:
            stop()
            # On a thread of its own: the heart goes on beating.
            await asyncio.to_thread(queue.close, seconds)
