"""Expressions as functions: of what is known of a delivery, to a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhookd.definitions.templates import (
    AllProperties,
    Both,
    Choice,
    Constant,
    Either,
    Equal,
    Fact,
    Filtered,
    Negation,
    Omitted,
    PropertyValue,
    SecretValue,
)
from webhookd.model import text_of
from webhookd.rules.comparison import compare_values
from webhookd.rules.instants import iso, iso_value
from webhookd.rules.json_text import NULL, object_of
from webhookd.rules.json_text import text as json_text
from webhookd.rules.templating.filters import FILTERS, Arguments
from webhookd.rules.templating.scope import deletion_value, survivor_value
from webhookd.rules.templating.values import EMPTY, OMIT, Hole
from webhookd.rules.timestamps import timestamp
from webhookd.rules.value_questions import equal_to, reading_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from webhookd.definitions import ConditionValue, ValueReading
    from webhookd.definitions.templates import Expression, FactName
    from webhookd.model import JsonText
    from webhookd.rules.templating.scope import Scope
    from webhookd.rules.templating.values import Evaluate

_FALSE: Final = EMPTY | {"false", '"false"'}
"""What counts as false: null, the empty text, `omit`, `false` and the text `false`."""

_WORDS: Final = {"true": True, "false": False}


def evaluator(expression: Expression, reading: ValueReading) -> Evaluate:
    """Return *expression* as a function; *reading* says how the source writes numbers and dates."""

    def made(part: Expression) -> Evaluate:
        return evaluator(part, reading)

    match expression:
        case Choice(test, then, otherwise):
            function = _choice(made(test), made(then), made(otherwise))
        case Equal(left, right, negated):
            function = _equal(_equality(left, right, reading), negated=negated)
        case Both(left, right):
            function = _both(made(left), made(right))
        case Either(left, right):
            function = _either(made(left), made(right))
        case Negation(part):
            function = _negation(made(part))
        case Filtered():
            function = _filtered(expression, made, reading)
        case _:
            function = _simple(expression)
    return function


def _simple(
    expression: Constant | PropertyValue | AllProperties | Fact | SecretValue | Omitted,
) -> Evaluate:
    """Return an expression that has no others in it as a function."""
    match expression:
        case PropertyValue(name, before):
            return _property(name, before=before)
        case AllProperties(before):
            return _all_properties(before=before)
        case Fact(fact):
            return _FACTS[fact]
        case Constant(value):
            return _always(value)
        case SecretValue(name):
            return _always(Hole(name))
        case Omitted():
            return _always(OMIT)


def _always(value: JsonText) -> Evaluate:
    return lambda _scope: value


def _property(name: str, *, before: bool) -> Evaluate:
    if before:
        return lambda scope: scope.previous.get(name, NULL)
    return lambda scope: scope.properties.get(name, NULL)


def _all_properties(*, before: bool) -> Evaluate:
    def value(scope: Scope) -> JsonText:
        properties = scope.previous if before else scope.properties
        scope.draw(sum(map(len, properties)) + sum(map(len, properties.values())))
        return object_of(dict(sorted(properties.items())))

    return value


_FACTS: Final[Mapping[FactName, Evaluate]] = {
    "record.id": lambda scope: json_text(scope.record_id),
    "record.object": lambda scope: json_text(scope.object),
    "record.source": lambda scope: json_text(scope.source),
    "change.kind": lambda scope: json_text(scope.kind),
    "change.type": lambda scope: json_text(f"{scope.object}.{scope.kind}"),
    "change.occurred_at": lambda scope: json_text(timestamp(scope.occurred_at)),
    "change.deletion": lambda scope: deletion_value(scope.deletion),
    "change.merged_into": lambda scope: survivor_value(scope.deletion),
    "changed": lambda scope: f"[{','.join(map(json_text, sorted(scope.changed)))}]",
    "delivery.id": lambda scope: json_text(scope.delivery_id),
    "webhook.name": lambda scope: json_text(scope.webhook),
}


def _choice(test: Evaluate, then: Evaluate, otherwise: Evaluate) -> Evaluate:
    return lambda scope: otherwise(scope) if test(scope) in _FALSE else then(scope)


def _both(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda scope: value if (value := left(scope)) in _FALSE else right(scope)


def _either(left: Evaluate, right: Evaluate) -> Evaluate:
    return lambda scope: right(scope) if (value := left(scope)) in _FALSE else value


def _negation(value_of: Evaluate) -> Evaluate:
    return lambda scope: "true" if value_of(scope) in _FALSE else "false"


def _filtered(
    expression: Filtered, made: Callable[[Expression], Evaluate], reading: ValueReading
) -> Evaluate:
    value, arguments = expression.value, expression.arguments
    given = Arguments(
        tuple(map(made, arguments)),
        tuple(one.value if isinstance(one, Constant) else None for one in arguments),
        value.name if isinstance(value, PropertyValue) else "",
        reading,
    )
    return FILTERS[expression.filter].make(made(value), given)


def _equal(is_equal: Callable[[Scope], bool], *, negated: bool) -> Evaluate:
    return lambda scope: "true" if is_equal(scope) is not negated else "false"


def _equality(
    left: Expression, right: Expression, reading: ValueReading
) -> Callable[[Scope], bool]:
    """Return what says whether two values are equal as EQ says; empty ones are equal to none else.

    Null and the empty text are alike, as they are to conditions.
    """
    if isinstance(left, Constant) and not isinstance(right, Constant):
        left, right = right, left
    value_of, other_of = _operand(left, reading), _operand(right, reading)
    if isinstance(right, Constant) and right.value not in EMPTY:
        wanted = _written(right.value)
        question = equal_to((wanted,), reading)
        # Beside a date or time, milliseconds are one, too: as conditions see them.
        of_instant = question if isinstance(wanted, bool) else equal_to((iso(wanted),), reading)
        name = left.name if isinstance(left, PropertyValue) else ""

        def equals_constant(scope: Scope) -> bool:
            value = value_of(scope)
            asked = of_instant if name in scope.instants else question
            return value not in EMPTY and asked(value)

        return equals_constant

    def equals(scope: Scope) -> bool:
        value, other = value_of(scope), other_of(scope)
        if value in EMPTY or other in EMPTY:
            return value in EMPTY and other in EMPTY
        text, other_text = text_of(value), text_of(other)
        readings = reading_of(value, reading), reading_of(other, reading)
        return text == other_text or compare_values(text, other_text, *readings) == 0

    return equals


def _operand(expression: Expression, reading: ValueReading) -> Evaluate:
    """Return *expression* as it is compared: a date or time of a record as ISO 8601."""
    value_of = evaluator(expression, reading)
    if not isinstance(expression, PropertyValue):
        return value_of
    name = expression.name

    def value(scope: Scope) -> JsonText:
        found = value_of(scope)
        return iso_value(found) if name in scope.instants else found

    return value


def _written(value: JsonText) -> ConditionValue:
    return _WORDS.get(value, text_of(value))
