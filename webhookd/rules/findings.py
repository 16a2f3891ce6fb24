"""Why conditions hold or not: each one with the value it met, for people to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd.definitions import AllOf, AnyOf, Condition, NotOf, Operator
from webhookd.errors import counted
from webhookd.rules.conditions import Evaluation, prepared
from webhookd.rules.value_questions import text_of_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from webhookd.definitions import When
    from webhookd.model import Change, JsonText, Properties
    from webhookd.rules.conditions import Incomparable

_LONGEST_VALUE = 200
_LOOKS_BACK = frozenset({Operator.CHANGED, Operator.CHANGED_FROM, Operator.CHANGED_TO})


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one part of a condition tree.

    *depth* counts from 0 and says how far in to show it, *text* is the condition in words, *met*
    the value it met (None for `all of`, `any of` and `not`, which look at their parts).
    """

    depth: int
    text: str
    met: str | None
    holds: bool


def explain(when: When, change: Change, at: datetime) -> tuple[Finding, ...]:
    """Return what each part of *when* found in the record of *change* as it is now."""
    return tuple(_walk(when, change.properties, change.previous, at, 0))


def explain_match(when: When, properties: Properties, at: datetime) -> tuple[Finding, ...]:
    """Return what each part of *when* found in the state *properties*."""
    return tuple(_walk(when, properties, None, at, 0))


def _walk(
    when: When, now: Properties, before: Properties | None, at: datetime, depth: int
) -> Iterator[Finding]:
    noted: list[Incomparable] = []
    holds = prepared(when)(now, before, Evaluation(at, noted))
    met = _met(when, now, before, noted) if isinstance(when, Condition) else None
    yield Finding(depth, describe(when), met, holds=holds)
    for part in _parts(when):
        yield from _walk(part, now, before, at, depth + 1)


def _parts(when: When) -> tuple[When, ...]:
    match when:
        case AllOf(parts) | AnyOf(parts):
            return parts
        case NotOf(part):
            return (part,)
        case Condition():
            return ()


def describe(when: When) -> str:
    """Return a condition in words; of a group, only what joins its parts."""
    match when:
        case AllOf():
            return "all of"
        case AnyOf():
            return "any of"
        case NotOf():
            return "not"
        case Condition(name, operator):
            return f"{name} {operator.value} {_beside(when)}".rstrip()


def _beside(condition: Condition) -> str:
    """Return what the property is compared with, in words; nothing where that is nothing."""
    match condition:
        case Condition(operator=Operator.BETWEEN, values=(low, high)):
            return f"{text_of_value(low)} and {text_of_value(high)}"
        case Condition(other_property=other) if other:
            return f"the property {other}"
        case Condition(days=days) if days:
            return counted(days, "day")
        case _:
            return ", ".join(map(text_of_value, condition.values))


def _met(
    condition: Condition,
    now: Properties,
    before: Properties | None,
    noted: Sequence[Incomparable],
) -> str:
    if noted:
        return f"{_shown(now.get(condition.property))}: {incomparable(noted[0])}"
    value = _shown(now.get(condition.property))
    if condition.other_property:
        return f"{value}, {condition.other_property} {_shown(now.get(condition.other_property))}"
    if condition.operator not in _LOOKS_BACK:
        return value
    if before is None:
        return f"nothing before, now {value}"
    return f"{_shown(before.get(condition.property))} before, now {value}"


def incomparable(found: Incomparable) -> str:
    """Return in words why a value has no order beside a condition's."""
    value = found.value
    if len(value) > _LONGEST_VALUE:
        value = value[:_LONGEST_VALUE] + "…"
    return f"'{value}' is not a {found.kind}"


def _shown(value: JsonText | None) -> str:
    if value is None:
        return "no value"
    return value if len(value) <= _LONGEST_VALUE else value[:_LONGEST_VALUE] + "…"
