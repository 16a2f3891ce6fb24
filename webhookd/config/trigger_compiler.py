"""The trigger of a webhook, from its form in the file to the definition."""

from __future__ import annotations

import json

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
    When,
)


def trigger(form: models.Trigger) -> Trigger:
    """Return the trigger that *form* describes."""
    return made(
        Trigger,
        form,
        changed_properties=frozenset(form.changed_properties or ()),
        when=AllOf(tuple(map(_when, form.when))) if form.when else None,
    )


def _when(form: models.When) -> When:
    values: tuple[models.Value, ...]
    match form:
        case models.AnyGroup():
            return AnyOf(tuple(map(_when, form.any)))
        case models.AllGroup():
            return AllOf(tuple(map(_when, form.all)))
        case models.NotGroup():
            return NotOf(_when(form.part))
        case models.Comparison():
            values = (form.value,)
        case models.Range():
            values = (form.value, form.high_value)
        case models.Membership():
            values = form.values
        case models.Presence():
            values = ()
    return Condition(form.property, Operator(form.operator), tuple(map(_value, values)))


def _value(value: models.Value) -> ConditionValue:
    if isinstance(value, bool):
        return value
    written = json_of(value)
    return str(json.loads(written)) if written.startswith('"') else written
