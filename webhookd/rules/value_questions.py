"""What a condition asks of one value: whether it is equal, holds a text, or has options."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from webhookd.definitions import PLAIN, Operator
from webhookd.model import text_of
from webhookd.rules import text_questions
from webhookd.rules.comparison import Equals
from webhookd.rules.text_questions import options_of
from webhookd.rules.tokens import containing

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.definitions import ConditionValue, ValueReading
    from webhookd.model import JsonText

Question: TypeAlias = "Callable[[JsonText], bool]"
"""Asked of one value that is there and not empty."""

Questioner: TypeAlias = "Callable[[tuple[ConditionValue, ...], ValueReading], Question]"
"""Makes a question of a condition's values."""

_WORDS = {True: ("true", "1"), False: ("false", "0")}


def reading_of(value: JsonText, reading: ValueReading) -> ValueReading:
    """Return how *value* is read: a number of JSON as what it is, a text by *reading*."""
    return reading if value.startswith('"') else PLAIN


def equal_to(values: tuple[ConditionValue, ...], reading: ValueReading) -> Question:
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
        return is_met(text, reading_of(value, reading)) or (
            bool(words) and text.strip().lower() in words
        )

    return question


def text_of_value(value: ConditionValue) -> str:
    """Return a condition's value as text; true and false as JSON has them."""
    return value if isinstance(value, str) else "true" if value else "false"


def _has_value(_values: tuple[ConditionValue, ...], _reading: ValueReading) -> Question:
    return lambda _value: True


def _of_text(make: Callable[[str], Callable[[str], bool]]) -> Questioner:
    """Return how a question of texts is made of a condition's value."""

    def question(values: tuple[ConditionValue, ...], _reading: ValueReading) -> Question:
        is_met = make(text_of_value(values[0]))
        return lambda value: is_met(text_of(value))

    return question


def _of_options(compare: Callable[[frozenset[str], frozenset[str]], bool]) -> Questioner:
    """Return how a question of options, and which of them are wanted, is made of values."""

    def question(values: tuple[ConditionValue, ...], _reading: ValueReading) -> Question:
        wanted = frozenset(map(text_of_value, values))
        return lambda value: compare(options_of(value), wanted)

    return question


QUESTIONS: dict[Operator, Questioner] = {
    Operator.EQ: equal_to,
    Operator.IN: equal_to,
    Operator.HAS_PROPERTY: _has_value,
    Operator.CONTAINS_TOKEN: _of_text(containing),
    Operator.CONTAINS: _of_text(text_questions.holding),
    Operator.STARTS_WITH: _of_text(text_questions.starting),
    Operator.ENDS_WITH: _of_text(text_questions.ending),
    Operator.IS_ANY_OF: _of_options(lambda options, wanted: not options.isdisjoint(wanted)),
    Operator.CONTAINS_ALL: _of_options(lambda options, wanted: options >= wanted),
    Operator.IS_EXACTLY: _of_options(lambda options, wanted: options == wanted),
}
