"""Delivery policies: lengths of time within bounds, and in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhookd.config.defaults import merged
from webhookd.definitions import RetryPolicy, durations

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import timedelta

    from webhookd.config.text.node import Node
    from webhookd.errors import Problem

USUAL = RetryPolicy()

_LENGTHS = (
    ("timeout",),
    ("connect_timeout",),
    ("retry", "first_after"),
    ("retry", "at_most_every"),
    ("retry", "give_up_after"),
)


def check(delivery: Node, defaults: dict[str, Any]) -> Iterator[Problem]:
    """Yield what is wrong with the policy *delivery*, given what *defaults* add to it."""
    for steps in _LENGTHS:
        complaint = _too_long(delivery.text(*steps))
        if complaint:
            yield delivery.problem(complaint, *steps)
    for status in delivery.items("retry", "retry_on"):
        if status.value in {410, "410"}:
            message = "410 holds the webhook and is not retried; leave it out"
            yield status.problem(message)
    effective = merged(defaults, delivery.mapping())
    yield from _order(delivery, effective)
    yield from _coalesce(delivery, effective)


def _too_long(text: str | None) -> str:
    length = _length(text)
    if length is None or length <= durations.LONGEST:
        return ""
    return f"{text} is longer than the maximum of {durations.LONGEST.days}d"


def _order(delivery: Node, effective: dict[str, Any]) -> Iterator[Problem]:
    retry = effective.get("retry")
    written = retry if isinstance(retry, dict) else {}
    first = _length(written.get("first_after"), USUAL.first_after)
    most = _length(written.get("at_most_every"), USUAL.at_most_every)
    if first is None or most is None or first <= most:
        return
    for key in ("first_after", "at_most_every"):
        if delivery.is_there("retry", key):
            first_text, most_text = durations.written(first), durations.written(most)
            message = f"first_after ({first_text}) is longer than at_most_every ({most_text})"
            yield delivery.problem(message, "retry", key)
            return


def _coalesce(delivery: Node, effective: dict[str, Any]) -> Iterator[Problem]:
    """Yield that a record's deliveries cannot be coalesced while they keep no order."""
    if effective.get("coalesce") is not True or effective.get("order", "none") != "none":
        return
    for key in ("coalesce", "order"):
        if delivery.is_there(key):
            yield delivery.problem("coalesce: true needs order: record", key)
            return


def _length(text: object, default: timedelta | None = None) -> timedelta | None:
    if text is None:
        return default
    return durations.unbounded(text) if isinstance(text, str) else None
