"""Conditions that are allowed and may not mean what they say: what `check` warns of."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from webhookd.config.checks.triggers import conditions
from webhookd.config.messages import shown
from webhookd.definitions.triggers import OF_OPTIONS
from webhookd.rules.comparison import operand
from webhookd.rules.relative_dates import RELATIVE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.text.node import Node
    from webhookd.definitions import ValueReading
    from webhookd.errors import Problem

_OF_ORDER: Final = frozenset({"LT", "LTE", "GT", "GTE", "BETWEEN"})
_FIRST: Final = re.compile(r"\s*[-+~<>=]*\s*[^\w\s]?\s*[A-Z]{0,3}\s*[.,]?\d")
"""A digit, or one behind a sign, a currency or both."""


def check(webhook: Node, reading: ValueReading) -> Iterator[Problem]:
    """Yield a warning for each in *webhook*, whose source has this *reading*.

    Values that look like a number or a date and are compared as text, options that are there
    twice, and dates that only time brings to match.
    """
    trigger = webhook.at("trigger")
    found = [one for node in trigger.items("when") for one in conditions(node)]
    for condition in found:
        operator = condition.text("operator")
        if operator in _OF_ORDER:
            for key in ("value", "high_value"):
                yield from _warned(condition.at(key), reading)
        if operator in OF_OPTIONS:
            yield from _repeated(condition)
    is_relative = [one.text("operator") in RELATIVE for one in found]
    if trigger.text("enroll") == "every_match" and is_relative and all(is_relative):
        yield trigger.problem(
            "time alone makes these conditions hold, and a record is looked at when it changes:"
            " every_match then finds that it matched before; leave enroll out, or add a condition"
            " that a change can meet",
            "enroll",
        )


def _repeated(condition: Node) -> Iterator[Problem]:
    seen = set()
    for option in condition.items("values"):
        if isinstance(option.value, str) and option.value in seen:
            yield option.problem(f"{shown(option.value)} is in the list twice")
        seen.add(str(option.value))


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
