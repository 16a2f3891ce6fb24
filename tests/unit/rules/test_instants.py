"""Dates and times that are known to be such: milliseconds and ISO 8601 are the same."""

from dataclasses import replace

import pytest

from tests.making import NOW
from webhookd.definitions import AllOf, AnyOf, Condition, NotOf, Operator, Trigger
from webhookd.model import Change, ChangeKind
from webhookd.rules import trigger
from webhookd.rules.instants import iso

MS = "1767225600000"
CHANGE = Change(
    ChangeKind.UPDATED,
    "crm",
    "deals",
    "1",
    {"closedate": f'"{MS}"', "amount": f'"{MS}"'},
    {"closedate": '"2025-01-01T00:00:00Z"'},
    NOW,
    instants=frozenset({"closedate"}),
)


def fires(condition, change=CHANGE):
    return trigger.fires(Trigger(when=AllOf((condition,))), change, NOW)


@pytest.mark.parametrize(
    ("operator", "values"),
    [
        (Operator.EQ, ("2026-01-01",)),
        (Operator.EQ, (MS,)),
        (Operator.GT, ("2025-12-31T23:59:59.999Z",)),
        (Operator.LTE, ("2026-01-01T01:00:00+01:00",)),
        (Operator.BETWEEN, ("2025-06-01", "1767225600001")),
        (Operator.IN, ("1", MS)),
        (Operator.CHANGED_TO, ("2026-01-01",)),
        (Operator.CHANGED_FROM, ("1735689600000",)),
    ],
)
def test_milliseconds_of_a_datetime_property_are_an_instant(operator, values):
    assert fires(Condition("closedate", operator, values))


def test_milliseconds_of_another_property_are_a_number():
    assert not fires(Condition("amount", Operator.EQ, ("2026-01-01",)))
    assert fires(Condition("amount", Operator.EQ, ("1767225600000.0",)))


def test_the_rule_holds_in_every_group_and_in_the_explanation():
    inner = Condition("closedate", Operator.LT, ("2026-01-01",))
    tree = NotOf(AnyOf((inner, AllOf((inner,)))))

    assert fires(tree)
    assert trigger.explain(Trigger(when=AllOf((tree,))), CHANGE, NOW).fires


def test_without_types_nothing_is_an_instant():
    plain = replace(CHANGE, instants=frozenset())

    assert not fires(Condition("closedate", Operator.EQ, ("2026-01-01",)), plain)


@pytest.mark.parametrize("text", ["", "x", "1.5", "999999999999999", "2026-01-01", "1" * 5000])
def test_what_is_no_time_in_milliseconds_stays_as_it_is(text):
    assert iso(text) == text


def test_a_time_before_1970_is_one_too():
    assert iso("-1000") == "1969-12-31T23:59:59.000+00:00"
