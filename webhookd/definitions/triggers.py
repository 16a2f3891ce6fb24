"""Which changes a webhook takes: conditions and triggers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from webhookd.definitions.value_reading import PLAIN, ValueReading
from webhookd.model import ChangeKind

ConditionValue: TypeAlias = str | bool


class Operator(StrEnum):
    """HubSpot's search operators, and three that look at the change itself."""

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
    CHANGED = "CHANGED"
    CHANGED_FROM = "CHANGED_FROM"
    CHANGED_TO = "CHANGED_TO"


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a property.

    *values* holds nothing (HAS_PROPERTY, CHANGED, …), the one value, the low and the high
    value (BETWEEN), or the list (IN, NOT_IN); each as text, but for true and false of YAML, which
    a property's value meets in whatever way it is written. *reading*: how the source writes what
    it is compared with.
    """

    property: str
    operator: Operator
    values: tuple[ConditionValue, ...] = ()
    reading: ValueReading = PLAIN


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
class Trigger:
    """Which changes make a delivery. No *when* means that every record matches."""

    changes: tuple[ChangeKind, ...] = (ChangeKind.CREATED, ChangeKind.UPDATED)
    changed_properties: frozenset[str] = frozenset()
    when: AllOf | None = None
    enroll: Enroll = Enroll.EVERY_CHANGE
