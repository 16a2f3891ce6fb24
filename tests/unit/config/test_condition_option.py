"""Conditions told on the command line: the words and checks of a file's `when`."""

import pytest

from webhookd.config.condition_option import conditions
from webhookd.definitions import AllOf, AnyOf, Condition, HubspotObject, HubspotSource, Operator
from webhookd.errors import ConfigError
from webhookd.model import Secret

READ = HubspotObject("contacts", ("stage", "amount"))
SOURCE = HubspotSource("crm", "https://api.example", Secret("x"), (READ,))
CUSTOMER = "{property: stage, operator: EQ, value: customer}"


def test_all_that_is_said_must_hold_and_numbers_stay_as_written():
    listed = '[{"property": "amount", "operator": "GT", "value": 1.10}]'

    found = conditions([CUSTOMER, listed, f"any: [{CUSTOMER}]"], SOURCE, "contacts")

    customer = Condition("stage", Operator.EQ, ("customer",))
    amount = Condition("amount", Operator.GT, ("1.10",))
    assert found == AllOf((customer, amount, AnyOf((customer,))))
    assert conditions([], SOURCE, "contacts") is None


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{property: stage, operator: EQQ, value: 1}", "--where:1:29: when[0].operator: 'EQQ' is"),
        ("{property: stge, operator: HAS_PROPERTY}", "does not read the property 'stge'"),
        ("{property: stage, operator: CHANGED}", "CHANGED looks at a change"),
        ("{property: stage, operator: EQ, value: 010}", "010 is ambiguous"),
        ("{property: stage, operator: EQ, value: \ud83d}", "a value is expected here"),
        ("customer", "this is no condition; write {property"),
        ("", "this is no condition"),
        ("[]", "this is no condition"),
        ("[7]", "expected keys and values, found the number 7"),
        ("{property: stage", "a ',' or '}' is missing here"),
        ("[" * 100_000, "nested deeper than 64"),
        (f"{CUSTOMER}\n---\n{CUSTOMER}", "a second document"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_what_to_do(written, told):
    with pytest.raises(ConfigError, match="--where:") as caught:
        conditions([written], SOURCE, "contacts")

    assert told in str(caught.value)


def test_several_are_told_apart_and_all_problems_come_at_once():
    with pytest.raises(ConfigError) as caught:
        conditions(["x", CUSTOMER, "y"], SOURCE, "contacts")

    assert [one.file for one in caught.value.problems] == ["--where #1", "--where #3"]
