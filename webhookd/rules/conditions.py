"""Whether a record meets the conditions of a trigger, and why.

A condition tree is turned into one function when it is first met, so that for each of many
records nothing is parsed that the configuration already said. A property that is missing or
empty satisfies none of the operators that look at one value but the negative ones. One that is
not of the kind of the condition's value (`n/a` beside a number) satisfies no operator of order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from webhookd.definitions import AllOf, AnyOf, Condition, NotOf, Operator
from webhookd.model import text_of
from webhookd.rules.comparison import comparable, operand
from webhookd.rules.tokens import containing

if TYPE_CHECKING:
    from webhookd.definitions import ConditionValue, When
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

_Question: TypeAlias = Callable[[str], bool]
"""Asked of one value, as text, that is there and not empty."""

_Check: TypeAlias = "Callable[[Properties, Properties | None, _Noted], bool]"
"""Asked of a record's properties now and before."""

_EMPTY = '""'
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
    name, operator, values = condition.property, condition.operator, condition.values
    if operator in _POSITIVE_OF:
        return _not(_condition(Condition(name, _POSITIVE_OF[operator], values)))
    match operator:
        case Operator.CHANGED:
            return lambda now, before, _noted: has_changed(name, now, before)
        case Operator.CHANGED_FROM:
            return _changed_from(name, _equal_to(values))
        case Operator.CHANGED_TO:
            return _changed_to(name, _equal_to(values))
        case _ if operator in _ORDERS:
            return _ordered_as(name, _ORDERS[operator], values)
        case _:
            return _is_now(name, _QUESTIONS[operator](values))


def _ordered_as(
    name: str, orders: tuple[frozenset[int], ...], values: tuple[ConditionValue, ...]
) -> _Check:
    checks = [_ordered(name, value, signs) for value, signs in zip(values, orders, strict=False)]
    return checks[0] if len(checks) == 1 else _all_of(checks)


def _ordered(name: str, value: ConditionValue, signs: frozenset[int]) -> _Check:
    """Ask whether the property compares with *value* by one of *signs*: -1 is less."""
    bound = operand(text_of_value(value))
    compare, kind = bound.compare, bound.kind

    def check(now: Properties, _before: Properties | None, noted: _Noted) -> bool:
        found = now.get(name)
        if found is None or found == _EMPTY:
            return False
        text = text_of(found)
        sign = compare(text)
        if sign is None and noted is not None:
            noted.append(Incomparable(name, text, kind))
        return sign in signs

    return check


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
    return value is not None and value != _EMPTY and question(text_of(value))


def _equal_to(values: tuple[ConditionValue, ...]) -> _Question:
    """Ask whether a value equals one of *values*."""
    texts = [value for value in values if isinstance(value, str)]
    wanted = frozenset(comparable(value) for value in texts)
    if len(texts) < len(values):
        # YAML's true and false: CSV files and APIs write them in many ways.
        words = frozenset(
            word for value in values if isinstance(value, bool) for word in _WORDS[value]
        )
        return lambda text: text.strip().lower() in words or comparable(text) in wanted
    if all(isinstance(value, str) for value in wanted):
        # Only text is wanted, and no number or instant equals a text: nothing to parse.
        return frozenset(texts).__contains__
    return lambda text: comparable(text) in wanted


def text_of_value(value: ConditionValue) -> str:
    """Return a condition's value as text; true and false as JSON has them."""
    return value if isinstance(value, str) else "true" if value else "false"


def _has_value(_values: tuple[ConditionValue, ...]) -> _Question:
    return lambda _text: True


def _contains(values: tuple[ConditionValue, ...]) -> _Question:
    return containing(text_of_value(values[0]))


_QUESTIONS: dict[Operator, Callable[[tuple[ConditionValue, ...]], _Question]] = {
    Operator.EQ: _equal_to,
    Operator.IN: _equal_to,
    Operator.HAS_PROPERTY: _has_value,
    Operator.CONTAINS_TOKEN: _contains,
}
