"""Metrics for Prometheus. Names are API and are listed in `docs/events-and-metrics.md`.

Labels come from closed sets or from names in the configuration, never from what others send.
What is counted here is counted as it happens; what stands in the database (`Standing`) is asked for
when somebody scrapes.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily

from webhookd import __version__
from webhookd.telemetry.attempt_figures import AttemptFigures
from webhookd.telemetry.figures import Polls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from collections.abc import Set as AbstractSet
    from datetime import datetime

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# When each series began is a second series for each: nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library forgot one

REGISTRY = CollectorRegistry()

ATTEMPTS = AttemptFigures()
REGISTRY.register(ATTEMPTS)
TOKEN_REQUESTS = Counter(
    "webhookd_token_requests",
    "Requests for tokens, by what came of them.",
    ["outcome"],
    registry=REGISTRY,
)
TOKEN_FAILURES = Counter(
    "webhookd_token_failures",
    "Times that no token was to be had, and why.",
    ["reason"],
    registry=REGISTRY,
)
for _reason in ("refused", "unusable", "unreachable", "limited"):
    # Prometheus sees no increase in a series that begins at 1.
    TOKEN_FAILURES.labels(_reason)
TRACE_SPANS = Counter(
    "webhookd_trace_spans",
    "Spans of sampled deliveries, and what came of them.",
    ["outcome"],
    registry=REGISTRY,
)
for _outcome in ("exported", "failed", "dropped"):
    TRACE_SPANS.labels(_outcome)
SUPERSEDED = Counter(
    "webhookd_deliveries_superseded",
    "Waiting deliveries whose place a newer change took.",
    ["webhook"],
    registry=REGISTRY,
)
MOMENTS = Counter(
    "webhookd_moments",
    "Moments that have come, and what came of them.",
    ["webhook", "outcome"],
    registry=REGISTRY,
)
MOMENT_LAG = Histogram(
    "webhookd_moment_lag_seconds",
    "How late moments were looked at.",
    buckets=(0.1, 0.5, 1, 5, 10, 30, 60, 300, 3600, 86400),
    registry=REGISTRY,
)
SOURCE_ROWS = Counter(
    "webhookd_source_rows", "Rows or records taken in.", ["source"], registry=REGISTRY
)
SOURCE_CHANGES = Counter(
    "webhookd_source_changes", "Changes found in them.", ["source"], registry=REGISTRY
)
SOURCE_BAD_ROWS = Counter(
    "webhookd_source_bad_rows", "Rows that could not be taken.", ["source"], registry=REGISTRY
)
SOURCE_ERRORS = Counter(
    "webhookd_source_errors", "Times a source could not be read.", ["source"], registry=REGISTRY
)
SOURCE_SUCCESS = Gauge(
    "webhookd_source_last_success_timestamp_seconds",
    "When a source last took something in.",
    ["source"],
    registry=REGISTRY,
)
WATCHED_RELOADS = Counter(
    "webhookd_watched_reloads",
    "Reloads because the configuration's files were others, and what came of them.",
    ["outcome"],
    registry=REGISTRY,
)
WAKES_ACCEPTED = Counter(
    "webhookd_wakes_accepted", "Requests that woke a source.", ["source"], registry=REGISTRY
)
WAKES_REFUSED = Counter(
    "webhookd_wakes_refused",
    "Requests that did not, and why; without a source where none of that name may be woken.",
    ["source", "reason"],
    registry=REGISTRY,
)
COMMIT_SECONDS = Histogram(
    "webhookd_commit_seconds",
    "How long the writer's transactions took.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
    registry=REGISTRY,
)
COMMIT_UNITS = Histogram(
    "webhookd_commit_units",
    "How many units of work shared a transaction.",
    buckets=(1, 2, 5, 10, 25, 50, 100, 250, 1000),
    registry=REGISTRY,
)
REPORT_FAILURES = Counter(
    "webhookd_report_failures",
    "Times that a log line, a count or another report of an event failed.",
    registry=REGISTRY,
)
WATCHERS = Gauge("webhookd_event_watchers", "Streams of events that are open.", registry=REGISTRY)
DROPPED_EVENTS = Counter(
    "webhookd_events_dropped",
    "Events that were not told in a stream whose reader was too slow.",
    registry=REGISTRY,
)
STORAGE_REFUSALS = Counter(
    "webhookd_storage_refusals", "Times the database did not take something.", registry=REGISTRY
)
LOOP_LAG = Histogram(
    "webhookd_event_loop_lag_seconds",
    "How late the event loop ran a timer.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
    registry=REGISTRY,
)
RELOAD_SUCCESSFUL = Gauge(
    "webhookd_config_last_reload_successful",
    "Whether the last configuration that was read came into force.",
    registry=REGISTRY,
)
RELOAD_TIMESTAMP = Gauge(
    "webhookd_config_last_reload_success_timestamp_seconds",
    "When a configuration last came into force.",
    registry=REGISTRY,
)
CONFIG_INFO = Gauge(
    "webhookd_config_info", "The configuration in force.", ["hash"], registry=REGISTRY
)
FLEET_DAEMONS = Gauge(
    "webhookd_fleet_daemons", "Daemons that work on the database.", registry=REGISTRY
)
FLEET_CONFIGS = Gauge(
    "webhookd_fleet_configurations",
    "Different configurations that daemons on the database have in force.",
    registry=REGISTRY,
)
FLEET_DAEMONS.set(1)
FLEET_CONFIGS.set(1)
BUILD_INFO = Gauge(
    "webhookd_build_info", "This webhookd.", ["version", "python"], registry=REGISTRY
)
BUILD_INFO.labels(__version__, platform.python_version()).set(1)


@dataclass(frozen=True, slots=True)
class LaneStanding:
    """How a webhook stands, as a scrape sees it. Ages are seconds."""

    webhook: str
    pending: int
    failed: int
    due: int
    oldest_age: float
    in_flight: int
    is_held: bool
    is_probed: bool
    is_failing: bool
    token_age: float | None = None
    moments: int | None = None


class Standing:
    """Shows the last known standing of every webhook; whoever scrapes sets it first."""

    def __init__(self) -> None:
        self.lanes: tuple[LaneStanding, ...] = ()

    def show(self, lanes: Iterable[LaneStanding]) -> None:
        """Take how *lanes* stand now, for the next scrape."""
        self.lanes = tuple(lanes)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauges."""
        deliveries = _family("webhookd_deliveries", "Deliveries that are not done.", "state")
        for lane in self.lanes:
            waiting = "held" if lane.is_held else "pending"
            other = "pending" if lane.is_held else "held"
            deliveries.add_metric([lane.webhook, waiting], lane.pending)
            deliveries.add_metric([lane.webhook, other], 0)
            deliveries.add_metric([lane.webhook, "failed"], lane.failed)
        yield deliveries
        yield self._by_webhook("webhookd_deliveries_due", "Deliveries due now.", "due")
        yield self._by_webhook(
            "webhookd_oldest_pending_age_seconds", "Age of the oldest that waits.", "oldest_age"
        )
        yield self._by_webhook("webhookd_attempts_in_flight", "Attempts under way.", "in_flight")
        yield self._by_webhook("webhookd_webhook_held", "Whether it is held.", "is_held")
        yield self._by_webhook("webhookd_webhook_probed", "Whether it is probed.", "is_probed")
        yield self._by_webhook(
            "webhookd_webhook_failing", "Whether its latest attempts all failed.", "is_failing"
        )
        ages = _family("webhookd_token_age_seconds", "Age of the token that it sends.")
        for lane in self.lanes:
            if lane.token_age is not None:
                ages.add_metric([lane.webhook], lane.token_age)
        yield ages
        moments = _family("webhookd_moments", "Records that await a moment.")
        for lane in self.lanes:
            if lane.moments is not None:
                moments.add_metric([lane.webhook], lane.moments)
        yield moments

    def _by_webhook(self, name: str, text: str, attribute: str) -> GaugeMetricFamily:
        family = _family(name, text)
        for lane in self.lanes:
            family.add_metric([lane.webhook], float(getattr(lane, attribute)))
        return family


STANDING = Standing()
REGISTRY.register(STANDING)
POLLS = Polls()
REGISTRY.register(POLLS)


def exposition() -> bytes:
    """Return every metric in Prometheus' text format."""
    return generate_latest(REGISTRY)


def config_in_force(config_hash: str, at: datetime) -> None:
    """Note that a configuration came into force."""
    CONFIG_INFO.clear()
    CONFIG_INFO.labels(config_hash).set(1)
    RELOAD_SUCCESSFUL.set(1)
    RELOAD_TIMESTAMP.set(at.timestamp())


def forget_webhooks(names: Iterable[str]) -> None:
    """Drop the series of webhooks that are gone, which would otherwise stay for ever."""
    gone = set(names)
    ATTEMPTS.forget(gone)
    _forget((SUPERSEDED, MOMENTS), gone)


def forget_sources(names: Iterable[str]) -> None:
    """Drop the series of sources that are gone."""
    of_sources = (SOURCE_ROWS, SOURCE_CHANGES, SOURCE_BAD_ROWS, SOURCE_ERRORS, SOURCE_SUCCESS)
    _forget((*of_sources, WAKES_ACCEPTED, WAKES_REFUSED), set(names))


def _forget(metrics: Iterable[Counter | Gauge | Histogram], gone: AbstractSet[str]) -> None:
    for metric in metrics:
        for labels in tuple(metric._metrics):  # noqa: SLF001 - the library has no other way
            if labels[0] in gone:
                metric.remove(*labels)


def _family(name: str, text: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=["webhook", *labels])
