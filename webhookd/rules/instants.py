"""Dates and times of properties that are known to hold such: epoch milliseconds count too.

HubSpot gives the same instant as ISO 8601 here and as milliseconds since 1970 there. Where a
source says that a property is a date or time, conditions see both as ISO 8601; what is sent
stays as it was written.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from webhookd.definitions import AllOf, AnyOf, Condition, NotOf, Operator
from webhookd.definitions.triggers import OF_TEXTS

if TYPE_CHECKING:
    from webhookd.definitions import Trigger, When
    from webhookd.model import Change, JsonText, Properties

_MILLISECONDS = re.compile(r"-?[0-9]{1,15}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXTUAL = OF_TEXTS | {Operator.CONTAINS_TOKEN, Operator.NOT_CONTAINS_TOKEN}
_MOST_TRIGGERS = 10_000
_triggers: dict[tuple[int, frozenset[str]], tuple[Trigger, Trigger]] = {}


def seen_by_conditions(change: Change) -> Change:
    """Return *change* as conditions compare it: every date and time as ISO 8601."""
    names = change.instants
    if not names:
        return change
    before = change.previous
    return replace(
        change,
        properties=_with_iso(change.properties, names),
        previous=None if before is None else _with_iso(before, names),
    )


def aware(trigger: Trigger, instants: frozenset[str]) -> Trigger:
    """Return *trigger* with the times that it compares *instants* with as ISO 8601."""
    if not instants or trigger.when is None:
        return trigger
    # By identity, as conditions are prepared: the entry keeps both alive.
    key = (id(trigger), instants)
    entry = _triggers.get(key)
    if entry is None:
        if len(_triggers) >= _MOST_TRIGGERS:
            _triggers.clear()
        when = AllOf(tuple(_aware(part, instants) for part in trigger.when.parts))
        entry = _triggers[key] = (trigger, replace(trigger, when=when))
    return entry[1]


def iso(text: str) -> str:
    """Return the instant that *text* gives in milliseconds as ISO 8601; other text as it is."""
    if not _MILLISECONDS.fullmatch(text):
        return text
    try:
        return (_EPOCH + timedelta(milliseconds=int(text))).isoformat(timespec="milliseconds")
    except OverflowError:
        return text


def iso_value(value: JsonText) -> JsonText:
    """Return the instant that *value* gives in milliseconds as ISO 8601; another value as it is."""
    text = value[1:-1] if value.startswith('"') else value
    told = iso(text)
    return value if told is text else f'"{told}"'


def _aware(when: When, instants: frozenset[str]) -> When:
    match when:
        case AllOf(parts):
            return AllOf(tuple(_aware(part, instants) for part in parts))
        case AnyOf(parts):
            return AnyOf(tuple(_aware(part, instants) for part in parts))
        case NotOf(part):
            return NotOf(_aware(part, instants))
        case Condition(name, operator, values):
            if name not in instants or operator in _TEXTUAL:
                return when
            told = tuple(value if isinstance(value, bool) else iso(value) for value in values)
            return replace(when, values=told)


def _with_iso(properties: Properties, names: frozenset[str]) -> Properties:
    changed = {name: iso_value(properties[name]) for name in names & properties.keys()}
    return {**properties, **changed}
