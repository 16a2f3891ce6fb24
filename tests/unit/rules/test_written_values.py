"""Numbers and dates as files write them: what conditions compare them as."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import processor
from tests.making import NOW, a_change
from webhookd.definitions import AllOf, Condition, Operator, Trigger, ValueReading
from webhookd.rules import trigger
from webhookd.rules.comparison import Equals, moment_of, number_of, operand
from webhookd.rules.written_values import flaw_of_date

POINT, COMMA, CLEAR = ValueReading("point"), ValueReading("comma"), ValueReading("clear")
GERMAN = ValueReading("comma", ("%d.%m.%Y", "%d.%m.%Y %H:%M"))


@pytest.mark.parametrize(
    ("text", "point", "comma", "clear"),
    [
        ("1500", "1500", "1500", "1500"),
        (" -1500 ", "-1500", "-1500", "-1500"),
        ("+1500", "1500", "1500", None),
        ("1500.5", "1500.5", None, "1500.5"),
        ("1500,5", None, "1500.5", None),
        ("900,00", None, "900.00", None),
        ("1,500.00", "1500.00", None, "1500.00"),
        ("1,500", "1500", "1.500", None),
        ("1.500", "1.500", "1500", "1.500"),
        ("1.500,00", None, "1500.00", None),
        ("12,345,678", "12345678", None, "12345678"),
        ("12.345.678", None, "12345678", None),
        ("1 500", "1500", "1500", None),
        ("1\u00a0500,25", None, "1500.25", None),
        ("1\u202f500\u202f000", "1500000", "1500000", None),
        ("1'500.50", "1500.50", None, None),
        ("1\u2019500,50", None, "1500.50", None),
        ("1 500.000,5", None, None, None),
        ("1,50,000", None, None, None),
        ("15,00.5", None, None, None),
        ("0,500.5", None, None, None),
        ("0,5", None, "0.5", None),
        ("1,5E+3", None, "1.5E+3", None),
        ("007", None, None, None),
        ("9 %", None, None, None),
        ("1,", None, None, None),
        (",5", None, None, None),
        ("1..500", None, None, None),
        ("n/a", None, None, None),
        ("", None, None, None),
        ("\u0661", None, None, None),
    ],
)
def test_the_decimal_mark_decides_what_a_text_is_as_a_number(text, point, comma, clear):
    expected = [None if one is None else Decimal(one) for one in (point, comma, clear)]

    assert [number_of(text, reading) for reading in (POINT, COMMA, CLEAR)] == expected


@given(st.decimals(allow_nan=False, allow_infinity=False, places=2))
def test_grouped_numbers_are_what_was_grouped(number):
    american = f"{number:,}"
    german = american.translate(str.maketrans(",.", ".,"))

    assert number_of(american, POINT) == number_of(german, COMMA) == number
    assert number_of(american, CLEAR) == number


@processor.at_most(10)
@pytest.mark.parametrize("text", ["9" * 300_000, "1,234" * 60_000, "1" + ",234" * 60_000 + ","])
@pytest.mark.parametrize("reading", [POINT, COMMA, CLEAR])
def test_long_texts_take_time_in_proportion(text, reading):
    number_of(text, reading)
    moment_of(text, GERMAN)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("05.01.2026", "2026-01-05"),
        (" 5.1.2026 ", "2026-01-05"),
        ("05.01.2026 14:30", "2026-01-05T14:30"),
        ("2026-01-05", "2026-01-05"),
        ("2026-01-05T14:30:00.25Z", "2026-01-05T14:30:00.250"),
    ],
)
def test_what_matches_a_format_is_that_date_and_iso_8601_is_always_one(text, iso):
    assert moment_of(text, GERMAN) == moment_of(iso)


@pytest.mark.parametrize("text", ["13/05/2026", "05.13.2026", "5.1.26", "05.01.2026 25:00", "x"])
def test_what_matches_no_format_is_no_date(text):
    assert moment_of(text, GERMAN) is None


@pytest.mark.parametrize(
    ("form", "text", "iso"),
    [
        ("%m/%d/%Y %I:%M %p", "1/5/2026 2:30 pm", "2026-01-05T14:30"),
        ("%Y%m%d", "20260105", "2026-01-05"),
        ("%d %b %Y", "05 Jan 2026", "2026-01-05"),
        ("%Y-%m-%d %H:%M:%S.%f%z", "2026-01-05 14:30:00.5+0200", "2026-01-05T12:30:00.5"),
        ("%d.%m.%y", "05.01.26", "2026-01-05"),
        ("%-d/%-m/%Y", "5/1/2026", "2026-01-05"),
        ("%F %T", "2026-01-05 14:30:01", "2026-01-05T14:30:01"),
    ],
)
def test_formats_are_those_of_strftime(form, text, iso):
    assert flaw_of_date(form) is None
    assert moment_of(text, ValueReading(dates=(form,))) == moment_of(iso)


@pytest.mark.parametrize(
    ("form", "flaw"),
    [
        ("%d.%m.", "a day of a year"),
        ("%H:%M", "a day of a year"),
        ("DD.MM.YYYY", "a day of a year"),
        ("%Y-%m-%d %d", "one thing twice"),
        ("%Q", "%Q cannot be read"),
        ("%Y-%m-%d %", "cannot be read"),
        ("%s", "cannot be read"),
    ],
)
def test_a_format_that_cannot_be_read_says_why(form, flaw):
    assert flaw in (flaw_of_date(form) or "")


def test_equality_is_that_of_numbers_and_dates_too():
    assert Equals(["1500"], COMMA).is_met("1.500,0", COMMA)
    assert Equals(["2026-01-05"], GERMAN).is_met("05.01.2026", GERMAN)
    assert Equals(["20260105"], ValueReading(dates=("%Y%m%d",))).is_met("20260105")
    assert not Equals(["1.5"], COMMA).is_met("1.5", COMMA)


def test_a_configured_value_may_be_written_as_the_source_writes_it():
    assert operand("900,00", COMMA).number == 900
    assert operand("05.01.2026", GERMAN).kind == "date"
    assert operand("1.5", COMMA).number == Decimal("1.5")


@pytest.mark.parametrize(
    ("value", "fires"),
    [('"1.500,00"', True), ('"999,99"', False), ("1500.5", True), ("1.5", False)],
)
def test_a_number_of_json_is_what_it_is_however_texts_are_written(value, fires):
    when = AllOf((Condition("amount", Operator.GT, ("1000",), COMMA),))

    assert trigger.fires(Trigger(when=when), a_change(properties={"amount": value}), NOW) is fires
