"""What attempts came to, as metrics show it: counted as plain numbers, put together for a scrape.

The library's own counters take a lock and look their series up for each attempt, which costs more
than to judge it.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from prometheus_client.core import Metric

BOUNDS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
"""Seconds that attempts are told apart by: each bound is the most of its bucket."""

_SHOWN: Final = (*(repr(float(bound)) for bound in BOUNDS), "+Inf")


class AttemptFigures:
    """Counts attempts by their webhook, what they led to and what came back; and their seconds.

    Attempts end on the event loop, where they are counted. A scrape reads on whichever thread, what
    is changed by one step of the interpreter: it may see an attempt in one of the two metrics only.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str, str], int] = {}
        # Of each webhook how many attempts were in which bucket, and the sum of their seconds.
        self._lengths: dict[str, tuple[list[int], list[float]]] = {}

    def ended(self, webhook: str, outcome: str, reason: str, seconds: float) -> None:
        """Count an attempt of *webhook* that took *seconds*; *reason* says what came back."""
        series = webhook, outcome, reason
        self._counts[series] = self._counts.get(series, 0) + 1
        lengths = self._lengths.get(webhook)
        if lengths is None:
            lengths = self._lengths[webhook] = [0] * len(_SHOWN), [0.0]
        lengths[0][bisect_left(BOUNDS, seconds)] += 1
        lengths[1][0] += seconds

    def forget(self, webhooks: AbstractSet[str]) -> None:
        """Drop the series of webhooks that are gone."""
        for series in tuple(self._counts):
            if series[0] in webhooks:
                del self._counts[series]
        for webhook in webhooks & self._lengths.keys():
            del self._lengths[webhook]

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        counted = CounterMetricFamily(
            "webhookd_attempts",
            "Attempts that ended, by what they led to and what came back.",
            labels=("webhook", "outcome", "reason"),
        )
        for series, count in tuple(self._counts.items()):
            counted.add_metric(series, count)
        yield counted
        lengths = HistogramMetricFamily(
            "webhookd_attempt_seconds", "How long attempts took.", labels=("webhook",)
        )
        for webhook, (counts, seconds) in tuple(self._lengths.items()):
            below, buckets = 0, []
            for bound, count in zip(_SHOWN, tuple(counts), strict=True):
                below += count
                buckets.append((bound, below))
            lengths.add_metric((webhook,), buckets, seconds[0])
        yield lengths
