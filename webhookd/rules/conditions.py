"""Whether a record meets the conditions of a trigger, and why.

A condition tree is turned into one function when it is first met, so that for each of many
records nothing is parsed that the configuration already said. A property that is missing or
empty satisfies none of the operators that look at one value but the negative ones. One that is
not of the kind of the condition's value (`n/a` beside a number) satisfies no operator of order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from webhookd.definitions import AllOf, AnyOf, Condition, NotOf, Operator
from webhookd.model import text_of
from webhookd.rules.comparison import (
    compare_values,
    kind_of,
    moment_at,
    moment_of,
    operand,
)
from webhookd.rules.relative_dates import RELATIVE
from webhookd.rules.value_questions import QUESTIONS, equal_to, reading_of, text_of_value

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from webhookd.definitions import ConditionValue, When
    from webhookd.model import Change, JsonText, Properties
    from webhookd.rules.comparison import Kind
    from webhookd.rules.value_questions import Question


@dataclass(frozen=True, slots=True)
class Incomparable:
    """A property whose *value* has no order beside a condition's, which is of another *kind*."""

    property: str
    value: str
    kind: Kind


class Evaluation(NamedTuple):
    """What is asked besides the record: *at*, the moment that relative dates are reckoned from.

    Incomparable values are noted in *noted*; None where nobody wants to know.
    """

    at: datetime
    noted: list[Incomparable] | None = None


_Check: TypeAlias = "Callable[[Properties, Properties | None, Evaluation], bool]"
"""Asked of a record's properties now and before."""

_EMPTY = '""'
_MOST_CHECKS = 10_000
_POSITIVE_OF = {
    Operator.NEQ: Operator.EQ,
    Operator.NOT_IN: Operator.IN,
    Operator.NOT_HAS_PROPERTY: Operator.HAS_PROPERTY,
    Operator.NOT_CONTAINS_TOKEN: Operator.CONTAINS_TOKEN,
    Operator.DOES_NOT_CONTAIN: Operator.CONTAINS,
    Operator.IS_NONE_OF: Operator.IS_ANY_OF,
    Operator.DOES_NOT_CONTAIN_ALL: Operator.CONTAINS_ALL,
    Operator.IS_NOT_EXACTLY: Operator.IS_EXACTLY,
}
_ORDERS = {
    Operator.LT: (frozenset({-1}),),
    Operator.LTE: (frozenset({-1, 0}),),
    Operator.GT: (frozenset({1}),),
    Operator.GTE: (frozenset({0, 1}),),
    Operator.BETWEEN: (frozenset({0, 1}), frozenset({-1, 0})),
}
_SIGNS = {Operator.EQ: frozenset({0})} | {
    operator: signs[0] for operator, signs in _ORDERS.items() if len(signs) == 1
}
_checks: dict[int, tuple[When, _Check]] = {}


def holds(
    when: When, change: Change, at: datetime, noted: list[Incomparable] | None = None
) -> bool:
    """Return whether the record of *change*, seen *at* some moment, meets *when* as it is now.

    What could not be compared on the way is added to *noted*.
    """
    return prepared(when)(change.properties, change.previous, Evaluation(at, noted))


def matches(when: When, properties: Properties, at: datetime) -> bool:
    """Return whether a record in the state *properties* meets *when*, whatever was before."""
    return prepared(when)(properties, None, Evaluation(at))


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
    def check(now: Properties, before: Properties | None, asked: Evaluation) -> bool:
        for part in checks:  # noqa: SIM110 - a generator doubles the time
            if not part(now, before, asked):
                return False
        return True

    return check


def _any_of(checks: list[_Check]) -> _Check:
    def check(now: Properties, before: Properties | None, asked: Evaluation) -> bool:
        for part in checks:  # noqa: SIM110 - a generator doubles the time
            if part(now, before, asked):
                return True
        return False

    return check


def _not(part: _Check) -> _Check:
    return lambda now, before, asked: not part(now, before, asked)


def _condition(condition: Condition) -> _Check:
    name, operator = condition.property, condition.operator
    values, reading = condition.values, condition.reading
    if operator in _POSITIVE_OF:
        return _not(_condition(replace(condition, operator=_POSITIVE_OF[operator])))
    match operator:
        case _ if condition.other_property:
            check = _beside(condition, _SIGNS[operator])
        case _ if operator in RELATIVE:
            check = _relative(condition)
        case Operator.CHANGED:
            check = _changed(name)
        case Operator.CHANGED_FROM:
            check = _changed_from(name, equal_to(values, reading))
        case Operator.CHANGED_TO:
            check = _changed_to(name, equal_to(values, reading))
        case _ if operator in _ORDERS:
            check = _ordered_as(condition, _ORDERS[operator])
        case _:
            check = _is_now(name, QUESTIONS[operator](values, reading))
    return check


def _ordered_as(condition: Condition, orders: tuple[frozenset[int], ...]) -> _Check:
    checks = [
        _ordered(condition, value, signs)
        for value, signs in zip(condition.values, orders, strict=False)
    ]
    return checks[0] if len(checks) == 1 else _all_of(checks)


def _ordered(condition: Condition, value: ConditionValue, signs: frozenset[int]) -> _Check:
    """Ask whether the property compares with *value* by one of *signs*: -1 is less."""
    name, reading = condition.property, condition.reading
    bound = operand(text_of_value(value), reading)
    compare, kind = bound.compare, bound.kind

    def check(now: Properties, _before: Properties | None, asked: Evaluation) -> bool:
        found = now.get(name)
        if found is None or found == _EMPTY:
            return False
        text = text_of(found)
        sign = compare(text, reading_of(found, reading))
        if sign is None and asked.noted is not None:
            asked.noted.append(Incomparable(name, text, kind))
        return sign in signs

    return check


def _beside(condition: Condition, signs: frozenset[int]) -> _Check:
    """Ask whether the property compares with another one of its record by one of *signs*."""
    name, other, reading = condition.property, condition.other_property, condition.reading
    is_of_order = condition.operator is not Operator.EQ

    def check(now: Properties, _before: Properties | None, asked: Evaluation) -> bool:
        found, beside = now.get(name), now.get(other)
        if found is None or beside is None or _EMPTY in {found, beside}:
            return False
        text, second = text_of(found), text_of(beside)
        its_reading = reading_of(beside, reading)
        sign = compare_values(text, second, reading_of(found, reading), its_reading)
        if sign is None and is_of_order and asked.noted is not None:
            asked.noted.append(Incomparable(name, text, kind_of(second, its_reading)))
        return sign in signs

    return check


def _relative(condition: Condition) -> _Check:
    """Ask where the property's date lies beside the moment at which the record was seen."""
    name, reading = condition.property, condition.reading
    is_there = RELATIVE[condition.operator](condition.days)

    def check(now: Properties, _before: Properties | None, asked: Evaluation) -> bool:
        found = now.get(name)
        if found is None or found == _EMPTY:
            return False
        text = text_of(found)
        moment = moment_of(text, reading_of(found, reading))
        if moment is None:
            if asked.noted is not None:
                asked.noted.append(Incomparable(name, text, "date"))
            return False
        return is_there(moment, moment_at(asked.at))

    return check


def _is_now(name: str, question: Question) -> _Check:
    return lambda now, _before, _asked: _is_answered(question, now.get(name))


def _changed(name: str) -> _Check:
    return lambda now, before, _asked: has_changed(name, now, before)


def _changed_to(name: str, question: Question) -> _Check:
    return lambda now, before, _asked: (
        has_changed(name, now, before) and _is_answered(question, now.get(name))
    )


def _changed_from(name: str, question: Question) -> _Check:
    return lambda now, before, _asked: (
        before is not None
        and has_changed(name, now, before)
        and _is_answered(question, before.get(name))
    )


def has_changed(name: str, now: Properties, before: Properties | None) -> bool:
    """Return whether a property changed; without a before, each that has a value did."""
    return name in now if before is None else now.get(name) != before.get(name)


def _is_answered(question: Question, value: JsonText | None) -> bool:
    return value is not None and value != _EMPTY and question(value)
