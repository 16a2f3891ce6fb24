"""Triggers of webhooks: changes, conditions and timers, as the file writes them."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from webhookd import definitions
from webhookd.config.file_form import with_fields_of
from webhookd.config.models.file_keys import Keys, Value


class Comparison(Keys):
    """A property compared with a value."""

    property: str
    operator: Literal[
        "EQ",
        "NEQ",
        "LT",
        "LTE",
        "GT",
        "GTE",
        "CONTAINS_TOKEN",
        "NOT_CONTAINS_TOKEN",
        "CONTAINS",
        "DOES_NOT_CONTAIN",
        "STARTS_WITH",
        "ENDS_WITH",
        "CHANGED_FROM",
        "CHANGED_TO",
    ]
    value: Value


class PropertyComparison(Keys):
    """A property compared with another one of its record."""

    property: str
    operator: Literal["EQ", "NEQ", "LT", "LTE", "GT", "GTE"]
    other_property: str


class Range(Keys):
    """A property between two values."""

    property: str
    operator: Literal["BETWEEN"]
    value: Value
    high_value: Value


class Membership(Keys):
    """A property among values, or not."""

    property: str
    operator: Literal[
        "IN",
        "NOT_IN",
        "IS_ANY_OF",
        "IS_NONE_OF",
        "CONTAINS_ALL",
        "DOES_NOT_CONTAIN_ALL",
        "IS_EXACTLY",
        "IS_NOT_EXACTLY",
    ]
    values: tuple[Value, ...]


class RelativeDate(Keys):
    """A property's date beside the moment at which the record was seen."""

    property: str
    operator: Literal[
        "IS_LESS_THAN_X_DAYS_AGO",
        "IS_MORE_THAN_X_DAYS_AGO",
        "IS_LESS_THAN_X_DAYS_FROM_NOW",
        "IS_MORE_THAN_X_DAYS_FROM_NOW",
    ]
    days: int


class Presence(Keys):
    """A property that has a value, has none, or changed."""

    property: str
    operator: Literal["HAS_PROPERTY", "NOT_HAS_PROPERTY", "CHANGED"]


class AnyGroup(Keys):
    """Holds when at least one part does."""

    any: tuple[When, ...]


class AllGroup(Keys):
    """Holds when every part does."""

    all: tuple[When, ...]


class NotGroup(Keys):
    """Holds when its part does not."""

    part: When = Field(alias="not")


Condition: TypeAlias = Annotated[
    Comparison | Range | Membership | RelativeDate | Presence, Field(discriminator="operator")
]
When: TypeAlias = AnyGroup | AllGroup | NotGroup | PropertyComparison | Condition


class At(Keys):
    """The timer of a date property."""

    property: str
    days: int = 0
    time: str | None = None
    zone: str | None = None
    yearly: bool = False
    offset: str | None = None
    late: str = "1d"


class Wait(Keys):
    """The timer of a change."""

    length: str = Field(alias="for")
    since: Literal["first", "last"] = "first"
    at_most: str | None = None


@with_fields_of(definitions.Trigger)
class Trigger(Keys):
    """Which changes make a delivery."""

    changes: tuple[Literal["created", "updated", "deleted"], ...] = ("created", "updated")
    changed_properties: tuple[str, ...] | None = None
    when: tuple[When, ...] | None = None
    at: At | None = None
    wait: str | Wait | None = None
    still: tuple[When, ...] | None = Field(default=None, alias="while")
