"""The trigger of a webhook, from its form in the file to the definition."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from webhookd.config import models
from webhookd.config.file_form import made
from webhookd.config.text.scalars import json_of
from webhookd.definitions import (
    AllOf,
    AnyOf,
    Condition,
    ConditionValue,
    NotOf,
    Operator,
    Trigger,
    ValueReading,
    When,
)
from webhookd.model import ChangeKind

if TYPE_CHECKING:
    from collections.abc import Iterable


def trigger(form: models.Trigger, reading: ValueReading) -> Trigger:
    """Return the trigger that *form* describes, on a source whose values have *reading*."""
    return made(
        Trigger,
        form,
        changes=tuple(map(ChangeKind, form.changes)),
        changed_properties=frozenset(form.changed_properties or ()),
        when=AllOf(_parts(form.when, reading)) if form.when else None,
    )


def _parts(forms: Iterable[models.When], reading: ValueReading) -> tuple[When, ...]:
    return tuple(_when(form, reading) for form in forms)


def _when(form: models.When, reading: ValueReading) -> When:
    match form:
        case models.AnyGroup():
            return AnyOf(_parts(form.any, reading))
        case models.AllGroup():
            return AllOf(_parts(form.all, reading))
        case models.NotGroup():
            return NotOf(_when(form.part, reading))
        case _:
            return _condition(form, reading)


def _condition(
    form: models.Condition | models.PropertyComparison, reading: ValueReading
) -> Condition:
    values: tuple[models.Value, ...] = ()
    days, other_property = 0, ""
    match form:
        case models.PropertyComparison():
            other_property = form.other_property
        case models.Comparison():
            values = (form.value,)
        case models.Range():
            values = (form.value, form.high_value)
        case models.Membership():
            values = form.values
        case models.RelativeDate():
            days = form.days
        case models.Presence():
            pass
    told = tuple(map(_value, values))
    return Condition(form.property, Operator(form.operator), told, reading, days, other_property)


def _value(value: models.Value) -> ConditionValue:
    if isinstance(value, bool):
        return value
    written = json_of(value)
    return str(json.loads(written)) if written.startswith('"') else written
