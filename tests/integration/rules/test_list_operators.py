"""The operators that only HubSpot's lists have: options, texts, relative dates, other properties.

PostgreSQL says what they mean, where it has the same: arrays, positions of texts, intervals.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from operator import eq, ge, gt, le, lt, ne

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import postgresql
from tests.making import NOW
from webhookd.definitions import AllOf, Condition, Enroll, Operator, Trigger, ValueReading
from webhookd.model import Change, ChangeKind
from webhookd.rules import conditions, trigger, usage
from webhookd.rules.findings import describe, explain_match

OPPOSITES = {
    Operator.IS_ANY_OF: Operator.IS_NONE_OF,
    Operator.CONTAINS_ALL: Operator.DOES_NOT_CONTAIN_ALL,
    Operator.IS_EXACTLY: Operator.IS_NOT_EXACTLY,
    Operator.CONTAINS: Operator.DOES_NOT_CONTAIN,
}
OPTIONS = ("de", "en", "new", "new_customer", "De", "ß")


@pytest.fixture(scope="module")
def database():
    server = postgresql.server()
    with psycopg.connect(server.url(server.new()), autocommit=True) as connection:
        yield connection


def met(operator, value, *values, **more):
    condition = Condition("p", operator, values, **more)
    return conditions.matches(condition, {"p": value}, NOW)


@pytest.mark.parametrize(
    ("operator", "values", "value", "expected"),
    [
        (Operator.IS_ANY_OF, ("de",), '"de;en"', True),
        (Operator.IS_ANY_OF, ("de",), '"; en ; de "', True),
        (Operator.IS_ANY_OF, ("new",), '"new_customer"', False),
        (Operator.IS_ANY_OF, ("de",), '"DE"', False),
        (Operator.IS_ANY_OF, ("de", "fr"), '["en","de"]', True),
        (Operator.IS_ANY_OF, ("1.10",), "[1.10,2]", True),
        (Operator.IS_ANY_OF, ("7",), "7", True),
        (Operator.CONTAINS_ALL, ("de", "en"), '"en;fr;de"', True),
        (Operator.CONTAINS_ALL, ("de", "en"), '"en;fr"', False),
        (Operator.IS_EXACTLY, ("de", "en"), '"en;de"', True),
        (Operator.IS_EXACTLY, ("de", "en"), '"en;de;fr"', False),
        (Operator.CONTAINS, ("GMBH",), '"Acme Gmbh & Co"', True),
        (Operator.CONTAINS, ("*mb",), '"Acme GmbH"', False),
        (Operator.CONTAINS, ("%",), '"9 %"', True),
        (Operator.CONTAINS, ("strasse",), '"Hauptstra\u00dfe"', True),
        (Operator.STARTS_WITH, ("\u00e9t",), '"E\u0301T\u00c9"', True),
        (Operator.STARTS_WITH, ("cme",), '"Acme"', False),
        (Operator.ENDS_WITH, ("@EXAMPLE.com",), '"ada@example.com"', True),
        (Operator.ENDS_WITH, ("2",), "12", True),
    ],
)
def test_an_operator_means_what_hubspot_s_lists_mean(operator, values, value, expected):
    assert met(operator, value, *values) is expected
    if operator in OPPOSITES:
        assert met(OPPOSITES[operator], value, *values) is not expected


@pytest.mark.parametrize("properties", [{}, {"p": '""'}, {"p": "null"}])
@pytest.mark.parametrize("operator", [*OPPOSITES, *OPPOSITES.values(), Operator.STARTS_WITH])
def test_what_is_missing_meets_the_negative_ones_alone(operator, properties):
    condition = Condition("p", operator, ("a",))
    seen = {name: value for name, value in properties.items() if value != "null"}

    assert conditions.matches(condition, seen, NOW) is (operator in OPPOSITES.values())


@given(st.lists(st.sampled_from(OPTIONS)), st.lists(st.sampled_from(OPTIONS), min_size=1))
def test_options_are_sets_as_postgresql_has_them(database, has, wanted):
    value = json.dumps(";".join(has))
    found = database.execute(
        "SELECT v && w, v @> w, v @> w AND w @> v FROM"
        " (SELECT string_to_array(%s, ';') v, %s::text[] w) s",
        (";".join(has), wanted),
    ).fetchone()
    asked = Operator.IS_ANY_OF, Operator.CONTAINS_ALL, Operator.IS_EXACTLY

    for operator, expected in zip(asked, found, strict=True):
        assert met(operator, value, *wanted) is (expected and bool(has))
        assert met(OPPOSITES[operator], value, *wanted) is not (expected and bool(has))


ASCII = st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1)


@given(ASCII, ASCII)
def test_texts_are_found_without_case_as_postgresql_finds_them(database, text, sought):
    found = database.execute(
        "SELECT position(lower(s) in lower(t)) > 0, starts_with(lower(t), lower(s)),"
        " right(lower(t), length(s)) = lower(s) FROM (SELECT %s::text t, %s::text s) x",
        (text, sought),
    ).fetchone()
    asked = Operator.CONTAINS, Operator.STARTS_WITH, Operator.ENDS_WITH

    assert tuple(met(operator, json.dumps(text), sought) for operator in asked) == found


RELATIVE = (
    (Operator.IS_LESS_THAN_X_DAYS_AGO, "t > n - d AND t <= n"),
    (Operator.IS_MORE_THAN_X_DAYS_AGO, "t < n - d"),
    (Operator.IS_LESS_THAN_X_DAYS_FROM_NOW, "t >= n AND t < n + d"),
    (Operator.IS_MORE_THAN_X_DAYS_FROM_NOW, "t > n + d"),
)
MOMENTS = st.one_of(
    st.builds(
        lambda days, micros: NOW + timedelta(days=days, microseconds=micros),
        st.integers(-4, 4),
        st.sampled_from([-1, 0, 1]),
    ),
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001
)


@given(MOMENTS, st.integers(1, 36_500))
def test_relative_dates_are_regions_as_postgresql_reckons_them(database, at, days):
    told = ", ".join(region for _, region in RELATIVE)
    found = database.execute(
        f"SELECT {told} FROM (SELECT %s::timestamptz t, %s::timestamptz n,"  # noqa: S608 - constant
        " %s * interval '24 hours' d) s",
        (at, NOW, days),
    ).fetchone()

    value = json.dumps(at.isoformat())
    assert tuple(met(operator, value, days=days) for operator, _ in RELATIVE) == found


@pytest.mark.parametrize("operator", [one for one, _ in RELATIVE])
@pytest.mark.parametrize("value", ['"soon"', "12", '"2026-13-01"', "true", "[]"])
def test_what_is_no_date_is_nowhere_and_noted(operator, value):
    noted = []
    condition = Condition("p", operator, days=3)
    change = Change(ChangeKind.UPDATED, "crm", "deals", "1", {"p": value}, {}, NOW)

    assert not conditions.holds(condition, change, NOW, noted)
    assert [one.kind for one in noted] == ["date"]


def test_dates_are_read_as_the_source_writes_them():
    reading = ValueReading(dates=("%d.%m.%Y",))
    yesterday = json.dumps((NOW - timedelta(days=1)).strftime("%d.%m.%Y"))

    assert met(Operator.IS_LESS_THAN_X_DAYS_AGO, yesterday, days=3, reading=reading)


ORDERS = {
    Operator.EQ: eq,
    Operator.NEQ: ne,
    Operator.LT: lt,
    Operator.LTE: le,
    Operator.GT: gt,
    Operator.GTE: ge,
}


@pytest.mark.parametrize("operator", ORDERS)
@given(first=st.integers(-3, 3), second=st.integers(-3, 3))
def test_another_property_is_a_value(operator, first, second):
    condition = Condition("p", operator, other_property="q")
    for one, other in ((str(first), str(second)), (f'" {first}.0"', f'"{second}"')):
        expected = ORDERS[operator](first, second)
        assert conditions.matches(condition, {"p": one, "q": other}, NOW) is expected


@pytest.mark.parametrize("operator", ORDERS)
@pytest.mark.parametrize("properties", [{"p": "1"}, {"q": "1"}, {}, {"p": '""', "q": '""'}])
def test_beside_an_empty_property_only_neq_holds(operator, properties):
    condition = Condition("p", operator, other_property="q")

    assert conditions.matches(condition, properties, NOW) is (operator is Operator.NEQ)


def test_a_number_beside_a_text_has_no_order_and_is_noted():
    noted = []
    condition = Condition("p", Operator.GT, other_property="q")
    now = {"p": '"n/a"', "q": "12"}
    change = Change(ChangeKind.UPDATED, "crm", "deals", "1", now, {}, NOW)

    assert not conditions.holds(condition, change, NOW, noted)
    assert [(one.value, one.kind) for one in noted] == [("n/a", "number")]


def test_dates_of_two_properties_compare_as_instants():
    condition = Condition("p", Operator.LT, other_property="q")
    now = {"p": '"2026-03-01T01:00:00+02:00"', "q": '"2026-03-01"'}

    assert conditions.matches(condition, now, NOW)


def test_every_operator_is_told_in_words():
    told = {describe(Condition("p", operator, ("a", "b"))) for operator in Operator}

    assert len(told) == len(Operator)
    assert describe(Condition("p", Operator.GT, other_property="q")) == "p GT the property q"
    relative = Condition("p", Operator.IS_MORE_THAN_X_DAYS_AGO, days=1)
    assert describe(relative) == "p IS_MORE_THAN_X_DAYS_AGO 1 day"
    (finding,) = explain_match(
        Condition("p", Operator.GT, other_property="q"), {"p": "1", "q": "2"}, NOW
    )
    assert (finding.met, finding.holds) == ("1, q 2", False)


def test_the_other_property_is_one_that_the_webhook_speaks_of():
    when = AllOf((Condition("p", Operator.GT, other_property="q"),))

    assert set(usage.of_trigger(Trigger(when=when))) == {"p", "q"}


def test_a_date_that_only_time_moves_never_begins_to_match_by_itself():
    """The state before is looked at from the same moment: webhookd sees a record at its changes."""
    when = AllOf((Condition("p", Operator.IS_MORE_THAN_X_DAYS_AGO, days=1),))
    every_match = Trigger(when=when, enroll=Enroll.EVERY_MATCH)
    old = json.dumps((NOW - timedelta(days=9)).isoformat())
    change = Change(
        ChangeKind.UPDATED, "crm", "deals", "1", {"p": old, "x": "2"}, {"p": old, "x": "1"}, NOW
    )

    assert not trigger.fires(every_match, change, NOW)
