"""Expressions of Prometheus, and the series that webhookd exposes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import promql_parser
from promql_parser import AggregateExpr, BinaryExpr, Expr, VectorSelector

from tests.making import NOW
from webhookd.model import PollOutcome
from webhookd.telemetry import metrics
from webhookd.telemetry.attempt_figures import AttemptFigures
from webhookd.telemetry.figures import FIGURES, PollFigures, Polls

OF_PROMETHEUS = {"up": {"job", "instance"}}
OF_SCRAPES = {"job", "instance"}
"""Labels that Prometheus gives every series."""


@dataclass
class Used:
    """What an expression speaks of: series, the labels that select them, those grouped by."""

    names: set[str] = field(default_factory=set)
    selected: dict[str, set[str]] = field(default_factory=dict)
    grouped: set[str] = field(default_factory=set)


def used(expression: str) -> Used:
    """Return what *expression* speaks of; ValueError where Prometheus would not take it."""
    found = Used()

    def visit(part: Expr) -> bool:
        if isinstance(part, VectorSelector):
            assert part.name, f"{expression}: a selector without a name"
            found.names.add(part.name)
            labels = {one.name for one in part.matchers.matchers}
            found.selected.setdefault(part.name, set()).update(labels)
        elif isinstance(part, AggregateExpr) and part.modifier is not None:
            found.grouped.update(part.modifier.labels)
        elif isinstance(part, BinaryExpr) and part.modifier is not None:
            matching = part.modifier.matching
            found.grouped.update(matching.labels if matching is not None else ())
        return True

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def series() -> dict[str, set[str]]:
    """Return the labels of every series that webhookd exposes, by its name."""
    standing = {
        "is_held": True,
        "is_probed": True,
        "is_failing": True,
        "token_age": 1.0,
        "moments": 1,
    }
    metrics.STANDING.show([metrics.LaneStanding("a", 1, 1, 1, 1.0, 1, **standing)])
    found = {name: set(labels) for name, labels in OF_PROMETHEUS.items()}
    for name, collector in metrics.REGISTRY._names_to_collectors.items():
        found[name] = set(getattr(collector, "_labelnames", ()))
        if name.endswith("_bucket"):
            found[name].add("le")
    for family in metrics.STANDING.collect():
        found[family.name] = {label for sample in family.samples for label in sample.labels}
    metrics.STANDING.show([])
    attempts = AttemptFigures()
    attempts.ended("a", "delivered", "2xx", 1.0)
    for sample in (sample for family in attempts.collect() for sample in family.samples):
        found[sample.name] = set(sample.labels)
    return found | {name: set(labels) for name, labels, _ in polled()}


def polled(**figures: Any) -> list[tuple[str, dict[str, str], float]]:
    """Return every sample that a polled type of object with *figures* has: name, labels, value."""
    now = figures.pop("now", NOW)
    plain = {"lag_seconds": 0.0, "lag_at": now, "last_success_at": now}
    plain["parts"] = {"lists/vip": PollOutcome(now)}
    FIGURES["crm", "contacts"] = PollFigures(
        "crm", "contacts", **({"requests": Counter({"200": 1})} | plain | figures)
    )
    polls = Polls()
    polls.now = now
    samples = [sample for family in polls.collect() for sample in family.samples]
    FIGURES.clear()
    return [(sample.name, sample.labels, sample.value) for sample in samples]
