"""Attempts, counted as the library's own counters and histograms would count them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from webhookd.telemetry.attempt_figures import BOUNDS, AttemptFigures

WEBHOOKS = st.sampled_from(["a", "b", "c"])
ATTEMPTS = st.lists(
    st.tuples(
        WEBHOOKS,
        st.sampled_from(["delivered", "retry"]),
        st.sampled_from(["2xx", "dns"]),
        st.sampled_from(BOUNDS) | st.floats(0, 100),
    ),
    max_size=20,
)


@given(ATTEMPTS, st.sets(WEBHOOKS), ATTEMPTS)
def test_a_scrape_shows_what_the_library_would(first, gone, then):
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    figures = AttemptFigures()
    ours.register(figures)
    counter = Counter(
        "webhookd_attempts",
        "Attempts that ended, by what they led to and what came back.",
        ["webhook", "outcome", "reason"],
        registry=theirs,
    )
    histogram = Histogram(
        "webhookd_attempt_seconds",
        "How long attempts took.",
        ["webhook"],
        buckets=BOUNDS,
        registry=theirs,
    )

    def end(attempts):
        for webhook, outcome, reason, seconds in attempts:
            figures.ended(webhook, outcome, reason, seconds)
            counter.labels(webhook, outcome, reason).inc()
            histogram.labels(webhook).observe(seconds)

    end(first)
    figures.forget(gone)
    for metric in (counter, histogram):
        for labels in tuple(metric._metrics):
            if labels[0] in gone:
                metric.remove(*labels)
    end(then)

    assert sorted(lines(ours)) == sorted(lines(theirs))


def lines(registry):
    """Return what a scrape shows, without when each series began."""
    shown = generate_latest(registry).decode().splitlines()
    return [line for line in shown if "_created" not in line]
