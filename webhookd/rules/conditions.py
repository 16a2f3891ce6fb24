"""Whether a record meets the conditions of a trigger, and why.

A condition tree is turned into one function when it is first met, so that for each of many
records nothing is parsed that the configuration already said. A property that is missing or
empty satisfies none of the operators that look at one value but the negative ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from webhookd.definitions import AllOf, AnyOf, Condition, NotOf, Operator
from webhookd.model import text_of
from webhookd.rules.comparison import comparable, operand
from webhookd.rules.tokens import containing

if TYPE_CHECKING:
    from webhookd.definitions import When
    from webhookd.model import Change, JsonText, Properties

_Question: TypeAlias = Callable[[str], bool]
"""Asked of one value, as text, that is there and not empty."""

_Check: TypeAlias = "Callable[[Properties, Properties | None], bool]"
"""Asked of a record's properties now and before."""

_EMPTY = '""'
_MOST_CHECKS = 10_000
_POSITIVE_OF = {
    Operator.NEQ: Operator.EQ,
    Operator.NOT_IN: Operator.IN,
    Operator.NOT_HAS_PROPERTY: Operator.HAS_PROPERTY,
    Operator.NOT_CONTAINS_TOKEN: Operator.CONTAINS_TOKEN,
}
_checks: dict[int, tuple[When, _Check]] = {}


def holds(when: When, change: Change) -> bool:
    """Return whether the record of *change* meets *when* as it is now."""
    return prepared(when)(change.properties, change.previous)


def matches(when: When, properties: Properties) -> bool:
    """Return whether a record in the state *properties* meets *when*, whatever was before."""
    return prepared(when)(properties, None)


def prepared(when: When) -> _Check:
    """Return *when* as a function of the properties now and before, made once per object."""
    # Keyed by identity: to hash a tree for each record would cost more than to evaluate it.
    # The entry keeps the tree alive, so its id cannot come to name another.
    entry = _checks.get(id(when))
    if entry is not None:
        return entry[1]
    if len(_checks) >= _MOST_CHECKS:
        _checks.clear()
    check = _check(when)
    _checks[id(when)] = (when, check)
    return check


def _check(when: When) -> _Check:
    match when:
        case AllOf(parts):
            return _all_of([_check(part) for part in parts])
        case AnyOf(parts):
            return _any_of([_check(part) for part in parts])
        case NotOf(part):
            return _not(_check(part))
        case Condition():
            return _condition(when)


def _all_of(checks: list[_Check]) -> _Check:
    def check(now: Properties, before: Properties | None) -> bool:
        for part in checks:  # noqa: SIM110 - a generator doubles the time
            if not part(now, before):
                return False
        return True

    return check


def _any_of(checks: list[_Check]) -> _Check:
    def check(now: Properties, before: Properties | None) -> bool:
        for part in checks:  # noqa: SIM110 - a generator doubles the time
            if part(now, before):
                return True
        return False

    return check


def _not(part: _Check) -> _Check:
    return lambda now, before: not part(now, before)


def _condition(condition: Condition) -> _Check:
    name, operator, values = condition.property, condition.operator, condition.values
    if operator in _POSITIVE_OF:
        return _not(_condition(Condition(name, _POSITIVE_OF[operator], values)))
    match operator:
        case Operator.CHANGED:
            return lambda now, before: has_changed(name, now, before)
        case Operator.CHANGED_FROM:
            return _changed_from(name, _equal_to(values))
        case Operator.CHANGED_TO:
            return _changed_to(name, _equal_to(values))
        case _:
            return _is_now(name, _QUESTIONS[operator](values))


def _is_now(name: str, question: _Question) -> _Check:
    return lambda now, _before: _is_answered(question, now.get(name))


def _changed_to(name: str, question: _Question) -> _Check:
    return lambda now, before: (
        has_changed(name, now, before) and _is_answered(question, now.get(name))
    )


def _changed_from(name: str, question: _Question) -> _Check:
    return lambda now, before: (
        before is not None
        and has_changed(name, now, before)
        and _is_answered(question, before.get(name))
    )


def has_changed(name: str, now: Properties, before: Properties | None) -> bool:
    """Return whether a property changed; without a before, each that has a value did."""
    return name in now if before is None else now.get(name) != before.get(name)


def _is_answered(question: _Question, value: JsonText | None) -> bool:
    return value is not None and value != _EMPTY and question(text_of(value))


def _equal_to(values: tuple[str, ...]) -> _Question:
    """Ask whether a value equals one of *values*."""
    wanted = frozenset(comparable(value) for value in values)
    if all(isinstance(value, str) for value in wanted):
        # Only text is wanted, and no number or instant equals a text: nothing to parse.
        return frozenset(values).__contains__
    return lambda text: comparable(text) in wanted


def _less_than(values: tuple[str, ...]) -> _Question:
    bound = operand(values[0])
    return lambda text: bound.compare(text) < 0


def _at_most(values: tuple[str, ...]) -> _Question:
    bound = operand(values[0])
    return lambda text: bound.compare(text) <= 0


def _greater_than(values: tuple[str, ...]) -> _Question:
    bound = operand(values[0])
    return lambda text: bound.compare(text) > 0


def _at_least(values: tuple[str, ...]) -> _Question:
    bound = operand(values[0])
    return lambda text: bound.compare(text) >= 0


def _between(values: tuple[str, ...]) -> _Question:
    low, high = operand(values[0]), operand(values[1])
    return lambda text: low.compare(text) >= 0 and high.compare(text) <= 0


def _has_value(_values: tuple[str, ...]) -> _Question:
    return lambda _text: True


def _contains(values: tuple[str, ...]) -> _Question:
    return containing(values[0])


_QUESTIONS: dict[Operator, Callable[[tuple[str, ...]], _Question]] = {
    Operator.EQ: _equal_to,
    Operator.IN: _equal_to,
    Operator.LT: _less_than,
    Operator.LTE: _at_most,
    Operator.GT: _greater_than,
    Operator.GTE: _at_least,
    Operator.BETWEEN: _between,
    Operator.HAS_PROPERTY: _has_value,
    Operator.CONTAINS_TOKEN: _contains,
}
