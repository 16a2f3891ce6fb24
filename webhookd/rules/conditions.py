"""Whether a record meets the conditions of a trigger, and why.

A condition tree is turned into one function when it is first met, so that for each of many
records nothing is parsed that the configuration already said. A property that is missing or
empty satisfies none of the operators that look at one value but the negative ones. One that is
not of the kind of the condition's value (`n/a` beside a number) satisfies no operator of order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from webhookd.definitions import PLAIN, AllOf, AnyOf, Condition, NotOf, Operator
from webhookd.model import text_of
from webhookd.rules.comparison import Equals, operand
from webhookd.rules.tokens import containing

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.definitions import ConditionValue, ValueReading, When
    from webhookd.model import Change, JsonText, Properties
    from webhookd.rules.comparison import Kind


@dataclass(frozen=True, slots=True)
class Incomparable:
    """A property whose *value* has no order beside a condition's, which is of another *kind*."""

    property: str
    value: str
    kind: Kind


_Noted: TypeAlias = "list[Incomparable] | None"
"""Where incomparable values are noted, None where nobody wants to know."""

_Question: TypeAlias = "Callable[[JsonText], bool]"
"""Asked of one value that is there and not empty."""

_Check: TypeAlias = "Callable[[Properties, Properties | None, _Noted], bool]"
"""Asked of a record's properties now and before."""

_EMPTY = '""'
_QUOTE = '"'
_MOST_CHECKS = 10_000
_POSITIVE_OF = {
    Operator.NEQ: Operator.EQ,
    Operator.NOT_IN: Operator.IN,
    Operator.NOT_HAS_PROPERTY: Operator.HAS_PROPERTY,
    Operator.NOT_CONTAINS_TOKEN: Operator.CONTAINS_TOKEN,
}
_ORDERS = {
    Operator.LT: (frozenset({-1}),),
    Operator.LTE: (frozenset({-1, 0}),),
    Operator.GT: (frozenset({1}),),
    Operator.GTE: (frozenset({0, 1}),),
    Operator.BETWEEN: (frozenset({0, 1}), frozenset({-1, 0})),
}
_WORDS = {True: ("true", "1"), False: ("false", "0")}
_checks: dict[int, tuple[When, _Check]] = {}


def holds(when: When, change: Change, noted: list[Incomparable] | None = None) -> bool:
    """Return whether the record of *change* meets *when* as it is now.

    What could not be compared on the way is added to *noted*.
    """
    return prepared(when)(change.properties, change.previous, noted)


def matches(when: When, properties: Properties) -> bool:
    """Return whether a record in the state *properties* meets *when*, whatever was before."""
    return prepared(when)(properties, None, None)


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
    def check(now: Properties, before: Properties | None, noted: _Noted) -> bool:
        for part in checks:  # noqa: SIM110 - a generator doubles the time
            if not part(now, before, noted):
                return False
        return True

    return check


def _any_of(checks: list[_Check]) -> _Check:
    def check(now: Properties, before: Properties | None, noted: _Noted) -> bool:
        for part in checks:  # noqa: SIM110 - a generator doubles the time
            if part(now, before, noted):
                return True
        return False

    return check


def _not(part: _Check) -> _Check:
    return lambda now, before, noted: not part(now, before, noted)


def _condition(condition: Condition) -> _Check:
    name, operator = condition.property, condition.operator
    values, reading = condition.values, condition.reading
    if operator in _POSITIVE_OF:
        return _not(_condition(replace(condition, operator=_POSITIVE_OF[operator])))
    match operator:
        case Operator.CHANGED:
            return lambda now, before, _noted: has_changed(name, now, before)
        case Operator.CHANGED_FROM:
            return _changed_from(name, _equal_to(values, reading))
        case Operator.CHANGED_TO:
            return _changed_to(name, _equal_to(values, reading))
        case _ if operator in _ORDERS:
            return _ordered_as(condition, _ORDERS[operator])
        case _:
            return _is_now(name, _QUESTIONS[operator](values, reading))


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

    def check(now: Properties, _before: Properties | None, noted: _Noted) -> bool:
        found = now.get(name)
        if found is None or found == _EMPTY:
            return False
        text = text_of(found)
        sign = compare(text, _reading_of(found, reading))
        if sign is None and noted is not None:
            noted.append(Incomparable(name, text, kind))
        return sign in signs

    return check


def _reading_of(value: JsonText, reading: ValueReading) -> ValueReading:
    """Return how *value* is read: a number of JSON as what it is, a text by *reading*."""
    return reading if value.startswith(_QUOTE) else PLAIN


def _is_now(name: str, question: _Question) -> _Check:
    return lambda now, _before, _noted: _is_answered(question, now.get(name))


def _changed_to(name: str, question: _Question) -> _Check:
    return lambda now, before, _noted: (
        has_changed(name, now, before) and _is_answered(question, now.get(name))
    )


def _changed_from(name: str, question: _Question) -> _Check:
    return lambda now, before, _noted: (
        before is not None
        and has_changed(name, now, before)
        and _is_answered(question, before.get(name))
    )


def has_changed(name: str, now: Properties, before: Properties | None) -> bool:
    """Return whether a property changed; without a before, each that has a value did."""
    return name in now if before is None else now.get(name) != before.get(name)


def _is_answered(question: _Question, value: JsonText | None) -> bool:
    return value is not None and value != _EMPTY and question(value)


def _equal_to(values: tuple[ConditionValue, ...], reading: ValueReading) -> _Question:
    """Ask whether a value equals one of *values*."""
    equals = Equals((value for value in values if isinstance(value, str)), reading)
    # YAML's true and false: CSV files and APIs write them in many ways.
    words = frozenset(word for value in values if isinstance(value, bool) for word in _WORDS[value])
    if equals.is_of_texts and not words:
        # Nothing to parse: half of the time of the other.
        contains = equals.texts.__contains__
        return lambda value: contains(text_of(value))
    is_met = equals.is_met

    def question(value: JsonText) -> bool:
        text = text_of(value)
        return is_met(text, _reading_of(value, reading)) or (
            bool(words) and text.strip().lower() in words
        )

    return question


def text_of_value(value: ConditionValue) -> str:
    """Return a condition's value as text; true and false as JSON has them."""
    return value if isinstance(value, str) else "true" if value else "false"


def _has_value(_values: tuple[ConditionValue, ...], _reading: ValueReading) -> _Question:
    return lambda _value: True


def _contains(values: tuple[ConditionValue, ...], _reading: ValueReading) -> _Question:
    contains = containing(text_of_value(values[0]))
    return lambda value: contains(text_of(value))


_QUESTIONS: dict[Operator, Callable[[tuple[ConditionValue, ...], ValueReading], _Question]] = {
    Operator.EQ: _equal_to,
    Operator.IN: _equal_to,
    Operator.HAS_PROPERTY: _has_value,
    Operator.CONTAINS_TOKEN: _contains,
}
