"""The trigger of a webhook, from its form in the file to the definition."""

from __future__ import annotations

import json
from datetime import time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from webhookd.config import models
from webhookd.config.file_form import made
from webhookd.config.text.scalars import json_of
from webhookd.definitions import (
    AllOf,
    AnyOf,
    At,
    Condition,
    ConditionValue,
    NotOf,
    Operator,
    Trigger,
    ValueReading,
    Wait,
    When,
    durations,
)
from webhookd.model import ChangeKind

if TYPE_CHECKING:
    from collections.abc import Iterable


def trigger(form: models.Trigger, reading: ValueReading) -> Trigger:
    """Return the trigger that *form* describes, on a source whose values have *reading*."""
    return made(
        Trigger,
        form,
        changes=_changes(form),
        changed_properties=frozenset(form.changed_properties or ()),
        when=AllOf(_parts(form.when, reading)) if form.when else None,
        at=None if form.at is None else _at(form.at, reading),
        wait=None if form.wait is None else _wait(form.wait),
        still=AllOf(_parts(form.still, reading)) if form.still else None,
    )


def _changes(form: models.Trigger) -> tuple[ChangeKind, ...]:
    if form.at is not None:
        return (ChangeKind.DUE,)
    return tuple(map(ChangeKind, form.changes))


def _at(form: models.At, reading: ValueReading) -> At:
    """Return the timer of a date; its zone is loaded here, and never looked up again."""
    return At(
        form.property,
        days=form.days,
        time=None if form.time is None else time.fromisoformat(form.time),
        zone=None if form.zone is None else ZoneInfo(form.zone),
        yearly=form.yearly,
        offset=timedelta() if form.offset is None else _offset(form.offset),
        late=durations.duration(form.late),
        reading=reading,
    )


def _offset(text: str) -> timedelta:
    length = durations.duration(text.removeprefix("-"))
    return -length if text.startswith("-") else length


def _wait(form: models.Wait | str) -> Wait:
    if isinstance(form, str):
        return Wait(durations.duration(form))
    most = None if form.at_most is None else durations.duration(form.at_most)
    return Wait(durations.duration(form.length), form.since, most)


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
