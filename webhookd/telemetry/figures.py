"""Figures of what is polled, for each type of object: what metrics and `webhookd status` show.

They are kept when a source is made anew, and gone when it, or the type of object, is not
configured any more.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from webhookd.model import PollOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from prometheus_client.core import Metric


@dataclass(slots=True)
class PollFigures:
    """How reading a type of object goes.

    *requests* counts answers by status, or by why there was none; *left_out* counts records that
    were left out as they cannot be understood. *lag_seconds* is how far behind
    now the reading was when that was looked at last (*lag_at*), None before the first poll ended;
    *budget_left* is how many requests might start at once. *parts* are what is read beside the
    records and may rest by itself, so that what is known of it stays as it was: each with what its
    latest reading came to.
    """

    source: str
    object: str
    records: int = 0
    changes: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    failures: int = 0
    left_out: int = 0
    lag_seconds: float | None = None
    lag_at: datetime | None = None
    budget_left: int = 0
    last_success_at: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    parts: dict[str, PollOutcome] = field(default_factory=dict)

    @property
    def resting(self) -> dict[str, PollOutcome]:
        """Return the parts that cannot be read now."""
        return {name: outcome for name, outcome in self.parts.items() if outcome.fails}

    def begin_parts(self, names: Iterable[str]) -> None:
        """Have these parts and no others, none of which rests."""
        self.parts = dict.fromkeys(names, PollOutcome())

    def part_read(self, name: str, at: datetime) -> None:
        """Note that a part could be read."""
        self.parts[name] = PollOutcome(last_success_at=at)

    def part_rests(self, name: str, why: str, at: datetime) -> None:
        """Note that a part cannot be read for now, and *why*."""
        self.parts[name] = PollOutcome(last_error=why, last_error_at=at)

    def recall_part(self, name: str, outcome: PollOutcome) -> None:
        """Take what the daemon before this one knew of a part, where nothing is known here yet."""
        if self.parts.get(name) == PollOutcome():
            self.parts[name] = outcome

    def lag(self, now: datetime) -> float | None:
        """Return how far behind *now* the reading is: it grows while no poll goes well."""
        if self.lag_seconds is None or self.lag_at is None:
            return None
        return self.lag_seconds + max((now - self.lag_at).total_seconds(), 0.0)

    def read(self, records: int, changes: int) -> None:
        """Count records that were read, and changes found in them."""
        self.records += records
        self.changes += changes

    def leave_out(self, count: int) -> None:
        """Count records that cannot be understood."""
        self.left_out += count

    def poll_succeeded(self, at: datetime, *, budget_left: int) -> None:
        """Note that a poll went well."""
        self.last_success_at, self.budget_left = at, budget_left

    def poll_failed(self, error: str, at: datetime, *, budget_left: int) -> None:
        """Note that a poll came to nothing."""
        self.failures += 1
        self.budget_left = budget_left
        self.last_error, self.last_error_at = error, at

    def recall(
        self, last_success_at: datetime | None, last_error: str | None, at: datetime | None
    ) -> None:
        """Take what the daemon before this one knew, where nothing is known here yet.

        *last_error* happened *at* a time.
        """
        if self.last_success_at is None:
            self.last_success_at = last_success_at
        if self.last_error is None:
            self.last_error, self.last_error_at = last_error, at

    def note_lag(self, seconds: float, at: datetime) -> None:
        """Note how far behind the reading was *at* a time; ahead is not behind."""
        self.lag_seconds, self.lag_at = max(0.0, seconds), at

    def leave(self) -> None:
        """Note that another daemon reads it now: only counts of what was done here stay."""
        self.lag_seconds = self.lag_at = self.last_success_at = None
        self.last_error = self.last_error_at = None
        self.budget_left = 0
        self.parts = {}

    def summary(self) -> PollSummary:
        """Return what events of a poll tell of these figures, as they are now."""
        return PollSummary(
            self.source, self.object, self.lag_seconds, dict(self.requests), self.budget_left
        )


@dataclass(frozen=True, slots=True)
class PollSummary:
    """How reading a type of object went until an event; see `PollFigures` for its fields."""

    source: str
    object: str
    lag_seconds: float | None
    requests: Mapping[str, int]
    budget_left: int


@dataclass(slots=True)
class WakeFigures:
    """How many wakes of a source were accepted here, and when the last was."""

    accepted: int = 0
    last_at: datetime | None = None

    def count(self, at: datetime) -> None:
        """Count a wake that was accepted *at* this time."""
        self.accepted, self.last_at = self.accepted + 1, at


FIGURES: dict[tuple[str, str], PollFigures] = {}
WAKES: dict[str, WakeFigures] = {}


def figures_of(source: str, object_: str) -> PollFigures:
    """Return the figures of a type of object, which are kept when its source is made anew."""
    return FIGURES.setdefault((source, object_), PollFigures(source, object_))


def of_source(source: str) -> list[PollFigures]:
    """Return the figures of the types of objects of *source*, in the order of the configuration."""
    return [figures for figures in FIGURES.values() if figures.source == source]


def places() -> frozenset[tuple[str, str]]:
    """Return all that outcomes are remembered of: types of objects, and their parts."""
    return frozenset(
        (figures.source, place)
        for figures in tuple(FIGURES.values())
        for place in (figures.object, *(part_place(figures.object, name) for name in figures.parts))
    )


def part_place(object_: str, part: str) -> str:
    """Return what the outcomes of a *part* of a type of object are remembered by."""
    return f"{object_}/{part}"


def woken(source: str, at: datetime) -> None:
    """Count a wake of *source*, accepted *at* this time."""
    WAKES.setdefault(source, WakeFigures()).count(at)


def leave(source: str) -> None:
    """Forget, where another daemon reads *source* now, what only its reader can know."""
    for figures in of_source(source):
        figures.leave()


def keep(polled: Collection[tuple[str, str]]) -> None:
    """Forget the figures of every source and type of object that is not among *polled*."""
    for gone in FIGURES.keys() - set(polled):
        del FIGURES[gone]
    for source in WAKES.keys() - {source for source, _ in polled}:
        del WAKES[source]


def _timestamp(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


_GAUGES: dict[str, tuple[str, Callable[[PollFigures, datetime], float | None]]] = {
    "webhookd_poll_lag_seconds": (
        "How far behind now the reading is.",
        lambda figures, now: figures.lag(now),
    ),
    "webhookd_poll_budget_left": (
        "Requests that might have started at once after the latest poll.",
        lambda figures, _: figures.budget_left,
    ),
    "webhookd_poll_last_success_timestamp_seconds": (
        "When a poll last went well.",
        lambda figures, _: _timestamp(figures.last_success_at),
    ),
}
_COUNTERS: dict[str, tuple[str, Callable[[PollFigures], int]]] = {
    "webhookd_poll_records": ("Records read.", lambda figures: figures.records),
    "webhookd_poll_changes": ("Changes found in them.", lambda figures: figures.changes),
    "webhookd_poll_left_out": (
        "Records left out, as they cannot be understood.",
        lambda figures: figures.left_out,
    ),
    "webhookd_poll_failures": ("Polls that came to nothing.", lambda figures: figures.failures),
}
_LABELS = ("source", "object")


class Polls:
    """Shows `FIGURES` as metrics; whoever scrapes says what time it is before."""

    def __init__(self) -> None:
        self.now: datetime | None = None

    def show(self, now: datetime) -> None:
        """Take the time for the next scrape."""
        self.now = now

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        found, now = tuple(FIGURES.values()), self.now
        for name, (text, gauge) in _GAUGES.items():
            shown = GaugeMetricFamily(name, text, labels=_LABELS)
            for figures in found:
                value = None if now is None else gauge(figures, now)
                if value is not None:
                    shown.add_metric([figures.source, figures.object], value)
            yield shown
        for name, (text, count) in _COUNTERS.items():
            counted = CounterMetricFamily(name, text, labels=_LABELS)
            for figures in found:
                counted.add_metric([figures.source, figures.object], count(figures))
            yield counted
        resting = GaugeMetricFamily(
            "webhookd_poll_part_resting",
            "Whether a part of a type of object cannot be read, and is as it was.",
            labels=(*_LABELS, "part"),
        )
        for figures in found:
            for name, outcome in tuple(figures.parts.items()):
                resting.add_metric([figures.source, figures.object, name], outcome.fails)
        yield resting
        requests = CounterMetricFamily(
            "webhookd_poll_requests", "Requests, by what came back.", labels=(*_LABELS, "status")
        )
        for figures in found:
            for status, number in tuple(figures.requests.items()):
                requests.add_metric([figures.source, figures.object, status], number)
        yield requests
