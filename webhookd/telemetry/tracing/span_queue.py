"""Spans wait here for their export, which a thread of its own makes.

    any thread    put ─► bounded queue, or dropped
                             │ 512 at once, or what came within two seconds
    its thread               └─► export ─► exported, or failed

1. `put` never waits for an export: it holds the lock for as long as an append takes.
2. The queue is bounded. What finds it full is dropped; what was given to an export that failed is
   lost. Both are counted, and told in one line a minute at most.
3. At the end, what waits is exported once more, within the time that `close` is given. After an
   export that failed meanwhile nothing is tried again: a collector that is down must not keep
   the daemon from stopping.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol

from webhookd import telemetry
from webhookd.telemetry import metrics
from webhookd.telemetry.events import SpansLost

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from webhookd.telemetry.tracing.spans import Span

MOST: Final = 2048
"""Spans that wait, about a kilobyte each."""

AT_ONCE: Final = 512
EVERY: Final = 2.0
"""Seconds that a span waits for others."""

TOLD_EVERY: Final = 60.0
"""Seconds between two lines about lost spans."""

LET_GO: Final = 0.5
"""Seconds that an export may take to end when it is stopped."""

_FULL: Final = "the collector does not keep up: the queue is full"
_ENDED: Final = "the daemon stopped before the collector had them"


class Export(Protocol):
    """Sends spans to a collector."""

    endpoint: str

    def send(self, spans: Sequence[Span]) -> str | None:
        """Send *spans*; return why the collector has not got them, None when it has. Waits."""

    def stop(self) -> None:
        """Let a `send` that waits on another thread end soon, and close connections."""


class SpanQueue:
    """Holds spans until *export* has sent them; *monotonic* is a clock. `start`, then `close`."""

    def __init__(self, export: Export, monotonic: Callable[[], float]) -> None:
        self._export = export
        self._monotonic = monotonic
        self._spans: deque[Span] = deque()
        self._changed = threading.Condition()
        # Under the condition's lock: how many were lost since that was told, and when it was.
        self._lost = 0
        # How many are with the export: lost as well when the end comes first.
        self._in_hand = 0
        self._why = ""
        self._told_at: float | None = None
        self._is_closing = False
        # A daemon thread: an export that hangs ends with the process.
        self._thread = threading.Thread(target=self._run, name="tracing", daemon=True)

    def start(self) -> None:
        """Begin to export."""
        self._thread.start()

    def put(self, span: Span) -> None:
        """Take *span*, or drop it where too many wait. Any thread."""
        with self._changed:
            if len(self._spans) < MOST and not self._is_closing:
                self._spans.append(span)
                if len(self._spans) in {1, AT_ONCE}:
                    self._changed.notify()
                return
            self._lost += 1
            self._why = self._why or _FULL
        metrics.TRACE_SPANS.labels("dropped").inc()

    def close(self, seconds: float) -> None:
        """Export what waits, for so many *seconds* at most, and end. Waits."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join(seconds)
        self._export.stop()
        # It ends at once where it waited to try again, and never where it waits for an answer.
        self._thread.join(LET_GO)
        with self._changed:
            self._failed(_ENDED)
            self._drop_waiting(_ENDED)
        self._tell(at_last=True)

    def _run(self) -> None:
        while (batch := self._next()) is not None:
            why = self._sent(batch)
            with self._changed:
                if why is not None:
                    self._failed(why)
                    if self._is_closing:
                        self._drop_waiting(why)
                elif self._in_hand:
                    metrics.TRACE_SPANS.labels("exported").inc(self._in_hand)
                    self._in_hand = 0
            self._tell()

    def _sent(self, batch: Sequence[Span]) -> str | None:
        try:
            return self._export.send(batch)
        except Exception as error:  # noqa: BLE001 - a thread that died would drop all later spans
            return f"a bug ({type(error).__name__})"

    def _next(self) -> Sequence[Span] | None:
        """Wait for spans and return them; None at the end, when none are left."""
        with self._changed:
            self._changed.wait_for(lambda: self._spans or self._is_closing)
            # Whoever comes first waits for others.
            self._changed.wait_for(
                lambda: len(self._spans) >= AT_ONCE or self._is_closing, timeout=EVERY
            )
            self._in_hand = min(len(self._spans), AT_ONCE)
            return [self._spans.popleft() for _ in range(self._in_hand)] or None

    def _failed(self, why: str) -> None:
        """Lose what the export has; called with the lock."""
        if self._in_hand:
            metrics.TRACE_SPANS.labels("failed").inc(self._in_hand)
            self._lost += self._in_hand
            self._in_hand = 0
            self._why = why

    def _drop_waiting(self, why: str) -> None:
        """Lose what waits; called with the lock."""
        count = len(self._spans)
        if count:
            self._spans.clear()
            self._lost += count
            self._why = self._why or why
            metrics.TRACE_SPANS.labels("dropped").inc(count)

    def _tell(self, *, at_last: bool = False) -> None:
        """Report what was lost, unless that was told within the last minute."""
        now = self._monotonic()
        with self._changed:
            is_early = self._told_at is not None and now - self._told_at < TOLD_EVERY
            if not self._lost or (is_early and not at_last):
                return
            lost, why = self._lost, self._why
            self._lost, self._why, self._told_at = 0, "", now
        telemetry.report(SpansLost(self._export.endpoint, why, lost))
