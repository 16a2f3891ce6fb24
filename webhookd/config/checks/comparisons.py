"""Values of conditions that look like a number or a date, and are compared as text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from webhookd.config.checks.triggers import conditions
from webhookd.config.messages import shown
from webhookd.rules.comparison import operand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.text.node import Node
    from webhookd.definitions import ValueReading
    from webhookd.errors import Problem

_OF_ORDER: Final = frozenset({"LT", "LTE", "GT", "GTE", "BETWEEN"})
_FIRST: Final = re.compile(r"\s*[-+~<>=]*\s*[^\w\s]?\s*[A-Z]{0,3}\s*[.,]?\d")
"""A digit, or one behind a sign, a currency or both."""


def check(webhook: Node, reading: ValueReading) -> Iterator[Problem]:
    """Yield a warning for each such value in *webhook*, whose source has this *reading*."""
    for node in webhook.at("trigger").items("when"):
        for condition in conditions(node):
            if condition.text("operator") in _OF_ORDER:
                for key in ("value", "high_value"):
                    yield from _warned(condition.at(key), reading)


def _warned(value: Node, reading: ValueReading) -> Iterator[Problem]:
    text = value.text()
    if text is None or not _FIRST.match(text) or operand(text, reading).kind != "text":
        return
    instead = ", or say in the source's `csv` how its files write them"
    yield value.problem(
        f"{shown(text)} is neither a number nor a date here, so the order is that of text, in which"
        " '9' comes after '10'; write numbers as 1500.5 and dates as 2026-01-31"
        f"{instead if reading.grouping != 'none' else ''}"
    )
