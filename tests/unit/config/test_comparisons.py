"""Conditions that are allowed and may not mean what they say are warned of."""

from __future__ import annotations

import pytest
import yaml


def told(loaded, conditions, source=None, enroll="every_change"):
    files = {"type": "drop_directory", "path": "drop", "object": "deals"}
    webhook = {
        "source": "crm",
        "object": "deals",
        "trigger": {"when": conditions, "enroll": enroll},
        "request": {"url": "https://example.com/hook"},
    }
    document = {
        "version": 1,
        "sources": {"crm": files | (source or {})},
        "webhooks": {"hook": webhook},
    }
    return [str(one) for one in loaded(yaml.safe_dump(document, sort_keys=False)).warnings]


def condition(value, operator="GT", **more):
    return {"property": "amount", "operator": operator, "value": value, **more}


@pytest.mark.parametrize(
    "value",
    [
        "1,500",
        "31.12.2026",
        "12/31/2026",
        "1500 EUR",
        "€1500",
        "EUR 5",
        "-1,5",
        "> 5",
        ".5",
        "1 500",
    ],
)
def test_what_is_compared_as_text_by_an_operator_of_order_is_warned_of(loaded, value):
    (warning,) = told(loaded, [condition(value)])

    assert "webhooks.hook.trigger.when[0].value: " in warning
    assert f"'{value}' is neither a number nor a date" in warning
    assert "the source's `csv`" in warning


@pytest.mark.parametrize(
    "value", [1500, "1500", " 1500.5 ", "1,500.00", "2026-01-31", "m", "", "high"]
)
def test_numbers_dates_and_words_are_not(loaded, value):
    assert told(loaded, [condition(value)]) == []


def test_equality_has_no_order(loaded):
    assert told(loaded, [condition("1,500", "EQ")]) == []


def test_each_end_of_a_range_and_each_group_is_looked_at(loaded):
    inner = condition("1,5", "BETWEEN", high_value="2,5")

    assert len(told(loaded, [{"any": [{"not": inner}]}])) == 2


@pytest.mark.parametrize(
    ("csv", "value"), [({"decimal": "comma"}, "1,500"), ({"dates": ["%d.%m.%Y"]}, "31.12.2026")]
)
def test_what_the_files_write_so_is_read_so(loaded, csv, value):
    assert told(loaded, [condition(value)], {"csv": csv}) == []


def test_an_option_that_is_named_twice_is_warned_of(loaded):
    twice = {"property": "langs", "operator": "IS_ANY_OF", "values": ["de", "en", "de"]}

    (warning,) = told(loaded, [twice])
    assert warning.endswith("webhooks.hook.trigger.when[0].values[2]: 'de' is in the list twice")


SOON = {"property": "renewal", "operator": "IS_LESS_THAN_X_DAYS_FROM_NOW", "days": 3}
IS_OPEN = {"property": "stage", "operator": "EQ", "value": "open"}


@pytest.mark.parametrize(
    ("conditions", "enroll", "is_warned"),
    [
        ([SOON], "every_match", True),
        ([{"any": [SOON, {"not": SOON}]}], "every_match", True),
        ([SOON, IS_OPEN], "every_match", False),
        ([SOON], "every_change", False),
    ],
)
def test_dates_that_time_alone_brings_to_match_are_warned_of(loaded, conditions, enroll, is_warned):
    found = told(loaded, conditions, enroll=enroll)

    assert [one for one in found if "time alone makes these conditions hold" in one] == found
    assert len(found) == is_warned
