"""Whether a change makes a delivery."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.making import NOW
from webhookd.definitions import AllOf, Condition, Enroll, Operator, Trigger
from webhookd.model import OBSERVED, Change, ChangeKind
from webhookd.rules import trigger as rule

CREATED, UPDATED, DELETED = OBSERVED
IS_CUSTOMER = AllOf((Condition("stage", Operator.EQ, ("customer",)),))
LEAD, CUSTOMER = {"stage": '"lead"'}, {"stage": '"customer"'}
RICH_CUSTOMER = {"stage": '"customer"', "amount": "9"}


def fires(trigger, change):
    return rule.fires(trigger, change, NOW)


def explain(trigger, change):
    return rule.explain(trigger, change, NOW)


def change(kind, now, before=None):
    return Change(kind, "crm", "contacts", "7", now, before, datetime(2026, 1, 1, tzinfo=UTC))


def created(now):
    return change(CREATED, now)


def updated(before, now):
    return change(UPDATED, now, before)


def deleted(last):
    return change(DELETED, last, last)


def test_only_the_chosen_changes_fire():
    trigger = Trigger(changes=(UPDATED,))

    assert fires(trigger, updated(LEAD, CUSTOMER))
    assert not fires(trigger, created(CUSTOMER))
    assert not fires(trigger, deleted(CUSTOMER))


def test_a_deletion_fires_only_when_asked_for():
    assert not fires(Trigger(), deleted(LEAD))
    assert fires(Trigger(changes=(DELETED,)), deleted(LEAD))


def test_conditions_must_hold_now():
    trigger = Trigger(when=IS_CUSTOMER)

    assert fires(trigger, updated(LEAD, CUSTOMER))
    assert fires(trigger, updated(CUSTOMER, RICH_CUSTOMER))
    assert not fires(trigger, updated(CUSTOMER, LEAD))


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (updated(CUSTOMER, RICH_CUSTOMER), True),
        (updated(RICH_CUSTOMER, CUSTOMER), True),
        (updated(LEAD, CUSTOMER), False),
        (created(RICH_CUSTOMER), True),
        (created(CUSTOMER), False),
        (deleted(CUSTOMER), True),
    ],
)
def test_changed_properties_look_at_what_changed_but_not_on_deleted(seen, expected):
    trigger = Trigger(changes=tuple(ChangeKind), changed_properties=frozenset({"amount"}))

    assert fires(trigger, seen) is expected


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (created(CUSTOMER), True),
        (created(LEAD), False),
        (updated(LEAD, CUSTOMER), True),
        (updated({}, CUSTOMER), True),
        (updated(CUSTOMER, RICH_CUSTOMER), False),
        (updated(CUSTOMER, LEAD), False),
        (deleted(CUSTOMER), True),
        (deleted(LEAD), False),
    ],
)
def test_every_match_fires_when_a_record_comes_to_match(seen, expected):
    trigger = Trigger(tuple(ChangeKind), when=IS_CUSTOMER, enroll=Enroll.EVERY_MATCH)

    assert fires(trigger, seen) is expected


def test_once_ignores_earlier_enrollments_and_says_so():
    trigger = Trigger(when=IS_CUSTOMER, enroll=Enroll.ONCE)

    explanation = explain(trigger, updated(CUSTOMER, RICH_CUSTOMER))

    assert explanation.fires
    assert explanation.reasons[-1] == "enroll once: fires unless the record was reported before"


def test_the_reasons_name_the_rule_that_stopped_a_change():
    trigger = Trigger((UPDATED,), frozenset({"stage"}), IS_CUSTOMER, Enroll.EVERY_MATCH)

    assert explain(trigger, created(CUSTOMER)).reasons == (
        "the record was created, none of the trigger's changes (updated)",
    )
    assert explain(trigger, updated(CUSTOMER, RICH_CUSTOMER)).reasons[-1] == (
        "none of changed_properties changed (stage)"
    )
    assert explain(trigger, updated(CUSTOMER, LEAD)).reasons[-1] == "the conditions do not hold"
    assert explain(trigger, updated({"stage": '"customer "'}, CUSTOMER)).reasons == (
        "the record was updated, one of the trigger's changes (updated)",
        "of changed_properties, there changed: stage",
        "the conditions hold",
        "enroll every_match: the record did not match before",
    )


def test_every_match_explains_the_state_before_as_well():
    trigger = Trigger(when=IS_CUSTOMER, enroll=Enroll.EVERY_MATCH)

    explanation = explain(trigger, updated(LEAD, CUSTOMER))

    assert [finding.holds for finding in explanation.findings] == [True, True]
    assert [finding.met for finding in explanation.findings_before] == [None, '"lead"']


STATES = st.sampled_from([{}, LEAD, CUSTOMER, RICH_CUSTOMER])
CHANGES = st.one_of(
    STATES.map(created), STATES.map(deleted), st.tuples(STATES, STATES).map(lambda s: updated(*s))
)
TRIGGERS = st.builds(
    Trigger,
    changes=st.frozensets(st.sampled_from(OBSERVED), min_size=1),
    changed_properties=st.frozensets(st.sampled_from(["amount", "stage"])),
    when=st.sampled_from([None, IS_CUSTOMER]),
    enroll=st.sampled_from(Enroll),
)
STOPPED = ("none of", "the conditions do not hold", "matched before already")


@given(TRIGGERS, CHANGES)
def test_the_reasons_and_the_verdict_agree(trigger, seen):
    explanation = explain(trigger, seen)

    assert explanation.fires == fires(trigger, seen)
    is_stopped = [any(words in reason for words in STOPPED) for reason in explanation.reasons]
    assert is_stopped == [False] * (len(is_stopped) - 1) + [not explanation.fires]
