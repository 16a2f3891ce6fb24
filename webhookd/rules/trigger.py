"""Whether a change makes a delivery of a webhook.

`once` is not decided here: that a record has been reported before is remembered by the storage,
in the transaction that stores the delivery. A trigger that enrolls once fires here at each
change that matches, and the storage drops all but the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from webhookd.definitions import Enroll
from webhookd.model import ChangeKind
from webhookd.rules.conditions import has_changed, holds, matches
from webhookd.rules.findings import explain as explain_conditions
from webhookd.rules.findings import explain_match
from webhookd.rules.instants import aware, seen_by_conditions

if TYPE_CHECKING:
    from datetime import datetime

    from webhookd.definitions import Trigger
    from webhookd.model import Change
    from webhookd.rules.conditions import Incomparable
    from webhookd.rules.findings import Finding


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a change makes a delivery or not.

    *reasons* are sentences, in the order of the rules, the last of them decisive when it does
    not fire. *findings* are those of the conditions now, *findings_before* those of the state
    before, where `every_match` asks for it.
    """

    fires: bool
    reasons: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    findings_before: tuple[Finding, ...] = ()


def is_once(enroll: Enroll, kind: ChangeKind) -> bool:
    """Return whether a record is reported once only: its deletion always is."""
    return enroll is Enroll.ONCE and kind is not ChangeKind.DELETED


def fires(
    trigger: Trigger, change: Change, at: datetime, noted: list[Incomparable] | None = None
) -> bool:
    """Return whether *change*, seen *at* some moment, makes a delivery; enrollments aside.

    Values of the record that a condition could not be compared with are added to *noted*.
    """
    trigger, change = aware(trigger, change.instants), seen_by_conditions(change)
    return (
        change.kind in trigger.changes
        and _is_property_changed(trigger, change)
        and (trigger.when is None or holds(trigger.when, change, at, noted))
        and not _matched_before(trigger, change, at)
    )


def explain(trigger: Trigger, change: Change, at: datetime) -> Explanation:
    """Return whether *change*, seen *at* some moment, makes a delivery, and each rule's part."""
    trigger, change = aware(trigger, change.instants), seen_by_conditions(change)
    when, before = trigger.when, change.previous
    looks_back = _looks_back(trigger, change)
    return Explanation(
        fires=fires(trigger, change, at),
        reasons=_reasons(trigger, change, at),
        findings=() if when is None else explain_conditions(when, change, at),
        findings_before=(
            explain_match(when, before, at)
            if looks_back and when is not None and before is not None
            else ()
        ),
    )


def _is_property_changed(trigger: Trigger, change: Change) -> bool:
    """Return whether one of `changed_properties` changed, where that is asked."""
    if not trigger.changed_properties or change.kind is ChangeKind.DELETED:
        return True
    now, before = change.properties, change.previous
    return any(has_changed(name, now, before) for name in trigger.changed_properties)


def _matched_before(trigger: Trigger, change: Change, at: datetime) -> bool:
    """Return whether `every_match` stops a record that matched already."""
    return (
        _looks_back(trigger, change)
        and trigger.when is not None
        and change.previous is not None
        and matches(trigger.when, change.previous, at)
    )


def _looks_back(trigger: Trigger, change: Change) -> bool:
    return trigger.enroll is Enroll.EVERY_MATCH and change.kind is not ChangeKind.DELETED


def _reasons(trigger: Trigger, change: Change, at: datetime) -> tuple[str, ...]:
    reasons: list[str] = []
    for rule in (_kind_rule, _changed_rule, _when_rule, _enroll_rule):
        is_passed, reason = rule(trigger, change, at)
        if reason:
            reasons.append(reason)
        if not is_passed:
            break
    return tuple(reasons)


def _kind_rule(trigger: Trigger, change: Change, _at: datetime) -> tuple[bool, str]:
    wanted = ", ".join(kind for kind in ChangeKind if kind in trigger.changes)
    if change.kind in trigger.changes:
        return True, f"the record was {change.kind}, one of the trigger's changes ({wanted})"
    return False, f"the record was {change.kind}, none of the trigger's changes ({wanted})"


def _changed_rule(trigger: Trigger, change: Change, _at: datetime) -> tuple[bool, str]:
    if not trigger.changed_properties:
        return True, ""
    if change.kind is ChangeKind.DELETED:
        return True, "changed_properties does not apply to a deleted record"
    met = sorted(trigger.changed_properties & change.changed)
    if met:
        return True, f"of changed_properties, there changed: {', '.join(met)}"
    wanted = ", ".join(sorted(trigger.changed_properties))
    return False, f"none of changed_properties changed ({wanted})"


def _when_rule(trigger: Trigger, change: Change, at: datetime) -> tuple[bool, str]:
    if trigger.when is None:
        return True, "there are no conditions: every record matches"
    if holds(trigger.when, change, at):
        return True, "the conditions hold"
    return False, "the conditions do not hold"


def _enroll_rule(trigger: Trigger, change: Change, at: datetime) -> tuple[bool, str]:
    if change.kind is ChangeKind.DELETED:
        return True, ""
    match trigger.enroll:
        case Enroll.EVERY_CHANGE:
            return True, ""
        case Enroll.ONCE:
            return True, "enroll once: fires unless the record was reported before"
        case Enroll.EVERY_MATCH if change.previous is None:
            return True, "enroll every_match: there was no state before"
        case Enroll.EVERY_MATCH if _matched_before(trigger, change, at):
            return False, "enroll every_match: the record matched before already"
        case Enroll.EVERY_MATCH:
            return True, "enroll every_match: the record did not match before"
