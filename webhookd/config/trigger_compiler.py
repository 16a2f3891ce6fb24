"""The trigger of a webhook, from its model to the definition."""

from __future__ import annotations

import json

from webhookd.config import models
from webhookd.config.text.scalars import json_of
from webhookd.definitions import AllOf, AnyOf, Condition, NotOf, Operator, Trigger, When


def trigger(model: models.Trigger) -> Trigger:
    """Return the trigger that *model* describes."""
    return Trigger(
        changes=frozenset(model.changes),
        changed_properties=frozenset(model.changed_properties or ()),
        when=AllOf(tuple(map(_when, model.when))) if model.when else None,
        enroll=model.enroll,
    )


def _when(model: models.When) -> When:
    values: tuple[models.Value, ...]
    match model:
        case models.AnyGroup():
            return AnyOf(tuple(map(_when, model.any)))
        case models.AllGroup():
            return AllOf(tuple(map(_when, model.all)))
        case models.NotGroup():
            return NotOf(_when(model.part))
        case models.Comparison():
            values = (model.value,)
        case models.Range():
            values = (model.value, model.high_value)
        case models.Membership():
            values = model.values
        case models.Presence():
            values = ()
    return Condition(model.property, Operator(model.operator), tuple(map(_text, values)))


def _text(value: models.Value) -> str:
    written = json_of(value)
    return str(json.loads(written)) if written.startswith('"') else written
