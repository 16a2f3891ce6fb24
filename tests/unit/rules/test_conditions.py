"""Whether a record meets conditions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.making import NOW
from webhookd.definitions import AllOf, AnyOf, Condition, NotOf, Operator
from webhookd.model import Change, ChangeKind
from webhookd.rules import conditions

NEGATIVE = {
    Operator.NEQ,
    Operator.NOT_IN,
    Operator.NOT_HAS_PROPERTY,
    Operator.NOT_CONTAINS_TOKEN,
    Operator.DOES_NOT_CONTAIN,
    Operator.IS_NONE_OF,
    Operator.DOES_NOT_CONTAIN_ALL,
    Operator.IS_NOT_EXACTLY,
}
LOOKS_BACK = {Operator.CHANGED, Operator.CHANGED_FROM, Operator.CHANGED_TO}
TRUE = Condition("p", Operator.HAS_PROPERTY)
FALSE = Condition("p", Operator.NOT_HAS_PROPERTY)


def change(now, before=None, kind=ChangeKind.UPDATED):
    return Change(kind, "crm", "deals", "1", now, before, datetime(2026, 1, 1, tzinfo=UTC))


def holds(when, change, noted=None):
    return conditions.holds(when, change, NOW, noted)


def matches(when, properties):
    return conditions.matches(when, properties, NOW)


def met(operator, values, value):
    return matches(Condition("p", operator, values), {"p": value})


@pytest.mark.parametrize(
    ("operator", "values", "value"),
    [
        (Operator.EQ, ("customer",), '"customer"'),
        (Operator.EQ, ("1.10",), "1.1"),
        (Operator.EQ, ("5",), '"5"'),
        (Operator.EQ, ("true",), "true"),
        (Operator.EQ, ("2026-03-01",), '"2026-03-01T01:00:00+01:00"'),
        (Operator.EQ, ('a"b\u00e9',), '"a\\"b\\u00e9"'),
        (Operator.EQ, ('{"a":1}',), '{"a":1}'),
        (Operator.NEQ, ("123",), '"00123"'),
        (Operator.NEQ, ("customer",), '"Customer"'),
        (Operator.LT, ("10",), "9"),
        (Operator.LTE, ("10",), "10.0"),
        (Operator.GT, ("2026-03-01T00:00:00+02:00",), '"2026-03-01"'),
        (Operator.GTE, ("b",), '"b"'),
        (Operator.BETWEEN, ("1", "10"), "10"),
        (Operator.BETWEEN, ("1", "10"), "1"),
        (Operator.IN, ("a", "2", "2026-01-01"), '"2026-01-01T00:00:00Z"'),
        (Operator.IN, ("a", "b"), '"b"'),
        (Operator.NOT_IN, ("a", "2"), "3"),
        (Operator.HAS_PROPERTY, (), "0"),
        (Operator.HAS_PROPERTY, (), '" "'),
        (Operator.CONTAINS_TOKEN, ("gmbh",), '"Acme GmbH"'),
        (Operator.NOT_CONTAINS_TOKEN, ("gmbh",), '"Acme AG"'),
    ],
)
def test_an_operator_holds(operator, values, value):
    assert met(operator, values, value)


@pytest.mark.parametrize(
    ("operator", "values", "value"),
    [
        (Operator.EQ, ("123",), '"00123"'),
        (Operator.NEQ, ("1.10",), "1.1"),
        (Operator.LT, ("10",), "10"),
        (Operator.LTE, ("10",), "11"),
        (Operator.GT, ("10",), "9"),
        (Operator.GTE, ("10",), "9.999"),
        (Operator.BETWEEN, ("1", "10"), "10.001"),
        (Operator.BETWEEN, ("1", "10"), "0"),
        (Operator.IN, ("a", "2"), '"b"'),
        (Operator.NOT_IN, ("a", "2"), "2.0"),
        (Operator.NOT_HAS_PROPERTY, (), "false"),
        (Operator.CONTAINS_TOKEN, ("gm",), '"GmbH"'),
        (Operator.NOT_CONTAINS_TOKEN, ("gmbh",), '"Acme GmbH"'),
    ],
)
def test_an_operator_does_not_hold(operator, values, value):
    assert not met(operator, values, value)


@pytest.mark.parametrize("operator", [each for each in Operator if each not in LOOKS_BACK])
@pytest.mark.parametrize("properties", [{}, {"p": '""'}])
def test_a_missing_or_empty_property_satisfies_only_the_negatives(operator, properties):
    condition = Condition("p", operator, ("", "~"))

    assert matches(condition, properties) == (operator in NEGATIVE)


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        (Operator.CHANGED, (), True),
        (Operator.CHANGED_FROM, ("lead",), True),
        (Operator.CHANGED_FROM, ("customer",), False),
        (Operator.CHANGED_TO, ("customer",), True),
        (Operator.CHANGED_TO, ("lead",), False),
    ],
)
def test_the_change_itself_can_be_asked_for(operator, values, expected):
    seen = change({"p": '"customer"', "q": "1"}, {"p": '"lead"', "q": "1"})

    assert holds(Condition("p", operator, values), seen) is expected
    assert not holds(Condition("q", operator, ("1",)), seen)


def test_a_property_that_vanished_changed_from_its_value():
    seen = change({}, {"p": '"lead"'})

    assert holds(Condition("p", Operator.CHANGED), seen)
    assert holds(Condition("p", Operator.CHANGED_FROM, ("lead",)), seen)
    assert not holds(Condition("p", Operator.CHANGED_TO, ("lead",)), seen)


def test_on_a_created_record_each_value_changed_and_came_from_nothing():
    seen = change({"p": '"lead"'}, None, ChangeKind.CREATED)

    assert holds(Condition("p", Operator.CHANGED), seen)
    assert holds(Condition("p", Operator.CHANGED_TO, ("lead",)), seen)
    assert not holds(Condition("p", Operator.CHANGED_FROM, ("lead",)), seen)
    assert not holds(Condition("q", Operator.CHANGED), seen)


def test_on_a_deleted_record_the_last_values_count_and_none_changed():
    last = {"p": '"lead"'}
    seen = change(last, last, ChangeKind.DELETED)

    assert holds(Condition("p", Operator.EQ, ("lead",)), seen)
    assert not holds(Condition("p", Operator.CHANGED), seen)


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        (AllOf((TRUE, TRUE)), True),
        (AllOf((TRUE, FALSE)), False),
        (AnyOf((FALSE, TRUE)), True),
        (AnyOf((FALSE, FALSE)), False),
        (NotOf(FALSE), True),
        (NotOf(AllOf((TRUE, AnyOf((FALSE, NotOf(FALSE)))))), False),
    ],
)
def test_conditions_nest(when, expected):
    assert matches(when, {"p": "1"}) is expected


def test_every_operator_is_known():
    for operator in Operator:
        assert matches(Condition("p", operator, ("1", "2")), {}) in {True, False}


def test_an_object_is_prepared_once_and_never_taken_for_another():
    for number in range(conditions._MOST_CHECKS + 10):
        condition = Condition("p", Operator.EQ, (str(number),))
        assert matches(condition, {"p": str(number)})
        assert conditions.prepared(condition) is conditions.prepared(condition)
    assert len(conditions._checks) <= conditions._MOST_CHECKS


POSITIVE = {
    Operator.NEQ: Operator.EQ,
    Operator.DOES_NOT_CONTAIN: Operator.CONTAINS,
    Operator.IS_NONE_OF: Operator.IS_ANY_OF,
    Operator.DOES_NOT_CONTAIN_ALL: Operator.CONTAINS_ALL,
    Operator.IS_NOT_EXACTLY: Operator.IS_EXACTLY,
}


@given(st.sampled_from(sorted(NEGATIVE)), st.text(), st.text())
def test_a_negative_is_the_opposite_of_its_positive(operator, wanted, value):
    positive = POSITIVE.get(operator) or Operator(operator.value.removeprefix("NOT_"))
    properties = {"p": '"x' + "".join(c for c in value if c.isalnum()) + '"'}

    assert matches(Condition("p", operator, (wanted,)), properties) != matches(
        Condition("p", positive, (wanted,)), properties
    )


ORDERS = (Operator.LT, Operator.LTE, Operator.GT, Operator.GTE)
BELOW_AND_ABOVE = (Operator.BETWEEN, ("0", "999999"))


@pytest.mark.parametrize("value", ['"900,00"', '"9 %"', '"n/a"', '"1,500.00"', "true", '" "'])
@pytest.mark.parametrize(
    ("operator", "values"), [*((one, ("1000",)) for one in ORDERS), BELOW_AND_ABOVE]
)
def test_what_is_no_number_satisfies_no_operator_of_order_and_is_noted(operator, values, value):
    noted = []

    assert not holds(Condition("p", operator, values), change({"p": value}), noted)

    assert {(one.property, one.kind) for one in noted} == {("p", "number")}
    assert noted[0].value == value.strip('"')


@pytest.mark.parametrize("operator", ORDERS)
def test_what_is_no_date_satisfies_no_operator_of_order_and_is_noted(operator):
    noted = []

    assert not holds(Condition("p", operator, ("2026-01-01",)), change({"p": '"01/05/26"'}), noted)

    assert [(one.value, one.kind) for one in noted] == [("01/05/26", "date")]


def test_blanks_around_a_number_do_not_matter():
    assert met(Operator.GT, ("1000",), '" 1500"')
    assert met(Operator.EQ, ("1500",), '"1500.0\\u00a0"')


@pytest.mark.parametrize("value", ["true", '"true"', '"TRUE"', '"True"', '" true "', "1", '"1"'])
def test_yamls_true_is_met_however_it_is_written(value):
    assert met(Operator.EQ, (True,), value)
    assert met(Operator.IN, ("maybe", True), value)
    assert not met(Operator.EQ, (False,), value)
    assert not met(Operator.NEQ, (True,), value)


@pytest.mark.parametrize("value", ["false", '"FALSE"', '"False"', "0", '"0"'])
def test_yamls_false_is_met_however_it_is_written(value):
    assert met(Operator.EQ, (False,), value)
    assert not met(Operator.EQ, (True,), value)


@pytest.mark.parametrize("value", ['"yes"', '"truely"', "2", '"1.5"', "null", '"x"'])
def test_nothing_else_is_true_or_false(value):
    assert not met(Operator.EQ, (True,), value)
    assert not met(Operator.EQ, (False,), value)


def test_what_was_before_is_not_noted_and_a_missing_value_neither():
    noted = []
    condition = Condition("p", Operator.GT, ("1",))

    holds(condition, change({"p": "2"}, {"p": '"n/a"'}), noted)
    holds(condition, change({}), noted)

    assert noted == []
