"""Which changes a webhook takes: conditions and triggers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time as time_of_day
from datetime import timedelta
from enum import StrEnum
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

from webhookd.definitions.durations import Duration
from webhookd.definitions.value_reading import PLAIN, ValueReading
from webhookd.model import ChangeKind

ConditionValue: TypeAlias = str | bool


class Operator(StrEnum):
    """HubSpot's search operators, those that only its lists have, and three of the change itself.

    The names are HubSpot's: those of the search where that has one (EQ and not IS_EQUAL_TO).
    """

    EQ = "EQ"
    NEQ = "NEQ"
    LT = "LT"
    LTE = "LTE"
    GT = "GT"
    GTE = "GTE"
    BETWEEN = "BETWEEN"
    IN = "IN"
    NOT_IN = "NOT_IN"
    HAS_PROPERTY = "HAS_PROPERTY"
    NOT_HAS_PROPERTY = "NOT_HAS_PROPERTY"
    CONTAINS_TOKEN = "CONTAINS_TOKEN"  # noqa: S105 - HubSpot's name for a word
    NOT_CONTAINS_TOKEN = "NOT_CONTAINS_TOKEN"  # noqa: S105 - HubSpot's name for a word
    CONTAINS = "CONTAINS"
    DOES_NOT_CONTAIN = "DOES_NOT_CONTAIN"
    STARTS_WITH = "STARTS_WITH"
    ENDS_WITH = "ENDS_WITH"
    IS_ANY_OF = "IS_ANY_OF"
    IS_NONE_OF = "IS_NONE_OF"
    CONTAINS_ALL = "CONTAINS_ALL"
    DOES_NOT_CONTAIN_ALL = "DOES_NOT_CONTAIN_ALL"
    IS_EXACTLY = "IS_EXACTLY"
    IS_NOT_EXACTLY = "IS_NOT_EXACTLY"
    IS_LESS_THAN_X_DAYS_AGO = "IS_LESS_THAN_X_DAYS_AGO"
    IS_MORE_THAN_X_DAYS_AGO = "IS_MORE_THAN_X_DAYS_AGO"
    IS_LESS_THAN_X_DAYS_FROM_NOW = "IS_LESS_THAN_X_DAYS_FROM_NOW"
    IS_MORE_THAN_X_DAYS_FROM_NOW = "IS_MORE_THAN_X_DAYS_FROM_NOW"
    CHANGED = "CHANGED"
    CHANGED_FROM = "CHANGED_FROM"
    CHANGED_TO = "CHANGED_TO"


OF_TEXTS: Final = frozenset(
    {Operator.CONTAINS, Operator.DOES_NOT_CONTAIN, Operator.STARTS_WITH, Operator.ENDS_WITH}
)
"""Operators that look for a text in the property's value."""

OF_OPTIONS: Final = frozenset(
    {
        Operator.IS_ANY_OF,
        Operator.IS_NONE_OF,
        Operator.CONTAINS_ALL,
        Operator.DOES_NOT_CONTAIN_ALL,
        Operator.IS_EXACTLY,
        Operator.IS_NOT_EXACTLY,
    }
)
"""Operators that compare the options of a property with others."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a property.

    *values* holds nothing (HAS_PROPERTY, CHANGED, …), the one value, the low and the high
    value (BETWEEN), or the list (IN, NOT_IN, IS_ANY_OF, …); each as text, but for true and false of
    YAML, which a property's value meets in whatever way it is written. *reading*: how the source
    writes what it is compared with. *days* goes with the four operators of relative dates, whole
    and above 0. *other_property*, where it is not empty, is what EQ, NEQ, LT, LTE, GT and GTE
    compare with in place of a value.
    """

    property: str
    operator: Operator
    values: tuple[ConditionValue, ...] = ()
    reading: ValueReading = PLAIN
    days: int = 0
    other_property: str = ""


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds when every part does."""

    parts: tuple[When, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds when at least one part does."""

    parts: tuple[When, ...]


@dataclass(frozen=True, slots=True)
class NotOf:
    """Holds when its part does not."""

    part: When


When: TypeAlias = Condition | AllOf | AnyOf | NotOf


class Enroll(StrEnum):
    """How often a record that matches makes a delivery."""

    EVERY_CHANGE = "every_change"
    EVERY_MATCH = "every_match"
    ONCE = "once"


@dataclass(frozen=True, slots=True)
class At:
    """The timer of a property: its date, *days* later, at *time* in *zone*.

    Without a *time* it is the property's own time, *offset* later. *yearly*: the year of the date
    does not count. A moment that is past by more than *late* is skipped. *reading*: how the source
    writes dates.
    """

    property: str
    days: int = 0
    time: time_of_day | None = None
    zone: ZoneInfo | None = None
    yearly: bool = False
    offset: timedelta = timedelta()
    late: timedelta = timedelta(days=1)
    reading: ValueReading = PLAIN


@dataclass(frozen=True, slots=True)
class Wait:
    """The timer of a change: *length* after the first one that fires, or after the last one.

    *at_most* is how long after the first one it ends, whatever comes.
    """

    length: Duration
    since: Literal["first", "last"] = "first"
    at_most: Duration | None = None


@dataclass(frozen=True, slots=True)
class Trigger:
    """Which changes make a delivery. No *when* means that every record matches.

    With *at* nothing but the moments of that timer does. With *wait* a change makes one later, if
    the record then meets *still*.
    """

    changes: tuple[ChangeKind, ...] = (ChangeKind.CREATED, ChangeKind.UPDATED)
    changed_properties: frozenset[str] = frozenset()
    when: AllOf | None = None
    enroll: Enroll = Enroll.EVERY_CHANGE
    at: At | None = None
    wait: Wait | None = None
    still: AllOf | None = None
