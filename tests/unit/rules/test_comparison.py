"""How two values compare: as numbers, as instants, or as text."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import processor
from webhookd.rules.comparison import Equals, Moment, moment_of, number_of, operand

DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=6)
ZONES = st.integers(-23 * 60, 23 * 60).map(lambda m: timezone(timedelta(minutes=m)))
MOMENTS = st.datetimes(timezones=ZONES)
HOSTILE = [
    "1e999999999999",
    "-1e999999999999",
    "1e-999999999999",
    "1e" + "9" * 5000,
    "-1e" + "9" * 5000,
    "1e-" + "9" * 5000,
    "-1E-" + "9" * 5000,
    "0e" + "9" * 5000,
    "0.000e-" + "9" * 5000,
    "9" * 100_000,
]


def compare(left, right):
    return operand(right).compare(left)


def equal(left, right):
    return Equals([right]).is_met(left)


@pytest.mark.parametrize("text", ["0", "-0", "1.10", "1e3", "1E+3", "-1.5e-7", "9" * 50])
def test_json_numbers_are_numbers(text):
    assert number_of(text) == Decimal(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00123",
        "+1",
        ".5",
        "1.",
        "1e",
        "0x1",
        "1_000",
        "1 000",
        "1,500.00",
        "900,00",
        "9 %",
        "NaN",
        "Infinity",
        "\u0661",
        "-",
    ],
)
def test_what_jsons_grammar_refuses_is_text(text):
    assert number_of(text) is None
    assert operand(text).kind == "text"


@given(st.fractions(max_denominator=10**6), st.fractions(max_denominator=10**6))
def test_numbers_compare_exactly(left, right):
    scale = 10**12
    texts = [f"{math.floor(n * scale)}e-12" for n in (left, right)]
    exact = [Fraction(math.floor(n * scale), scale) for n in (left, right)]

    assert compare(*texts) == (exact[0] > exact[1]) - (exact[0] < exact[1])


def test_numbers_beyond_any_float_compare_exactly():
    assert compare("0.1", "0.10000000000000000000000000000000000000001") == -1
    assert compare("9007199254740993", "9007199254740992") == 1
    assert compare("1e400", "1e401") == -1
    assert compare("1.10", "1.1") == 0
    assert compare("-0", "0") == 0


@processor.at_most(10)
@pytest.mark.parametrize("left", HOSTILE)
@pytest.mark.parametrize("right", [*HOSTILE, "1", "-1", "0"])
def test_hostile_exponents_neither_raise_nor_hang(left, right):
    assert compare(left, right) == -compare(right, left)
    assert equal(left, right) == (compare(left, right) == 0)


def test_huge_exponents_keep_their_order():
    ordered = [HOSTILE[4], "-1", HOSTILE[6], "0", HOSTILE[5], "1", HOSTILE[0], HOSTILE[3]]

    assert [compare(left, "0") for left in ordered] == [-1, -1, -1, 0, 1, 1, 1, 1]
    assert all(compare(a, b) == -1 for a, b in pairwise(ordered))
    assert compare(HOSTILE[7], "0") == 0


@given(MOMENTS, MOMENTS)
def test_instants_compare_across_zones(left, right):
    expected = (left > right) - (left < right)

    assert compare(left.isoformat(), right.isoformat()) == expected


@given(st.datetimes())
def test_an_instant_without_zone_is_in_utc(at):
    assert compare(at.isoformat(), at.replace(tzinfo=UTC).isoformat()) == 0


@given(st.dates())
def test_a_date_is_its_midnight_in_utc(day):
    midnight = datetime.combine(day, datetime.min.time(), UTC)

    assert compare(day.isoformat(), midnight.isoformat()) == 0


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("2026-03-01T12:00:00Z", "2026-03-01T13:00:00+01:00", 0),
        ("2026-03-01T12:00Z", "2026-03-01T07-0500", 0),
        ("2026-03-01T12:00:00,5Z", "2026-03-01T12:00:00.500Z", 0),
        ("2026-03-01T12:00:00.1234567Z", "2026-03-01T12:00:00.1234568Z", -1),
        ("2026-03-01T23:59:59-01:00", "2026-03-02", 1),
        ("0001-01-01T00:00:00+23:59", "0001-01-01", -1),
        ("9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59Z", 1),
    ],
)
def test_instants_in_their_forms(left, right, expected):
    assert compare(left, right) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",
        "2026-13-01",
        "0000-01-01",
        "2026-3-1",
        "20260301",
        "2026-03-01T24:00:00Z",
        "2026-03-01T10:60Z",
        "2026-03-01T10:00:00+24:00",
        "2026-03-01T10:00:00Zulu",
        "\u0662\u0660\u0662\u0666-\u0660\u0663-\u0660\u0661",
        "-",
    ],
)
def test_what_is_no_instant_is_none(text):
    assert moment_of(text) is None


def test_blanks_around_a_number_or_an_instant_do_not_matter():
    assert compare(" 1500", "1000") == compare("1500\n", "1000") == 1
    assert compare("\u00a01500\u202f", "1500") == 0
    assert equal(" 1.0 ", "1")
    assert compare(" 2026-01-02 ", "2026-01-01") == 1


def test_texts_compare_by_their_characters():
    assert compare("10", "9x") == -1
    assert compare("b", "a") == 1
    assert compare("123", "00123") == 1


@pytest.mark.parametrize("value", ["900,00", "9 %", "n/a", "1,500.00", "x", "", "2026-01-01"])
def test_what_is_no_number_has_no_order_beside_one(value):
    assert compare(value, "1000") is None


@pytest.mark.parametrize("value", ["01/05/2026", "20260105", "5 Jan 2026", "n/a", "2026", ""])
def test_what_is_no_date_has_no_order_beside_one(value):
    assert compare(value, "2026-01-01") is None


def test_equal_is_what_compares_equal():
    assert equal("1.0", "1")
    assert equal("2026-01-01", "2026-01-01T00:00:00Z")
    assert moment_of("2026-01-01") == Moment(date(2026, 1, 1).toordinal() * 86_400, "")
    assert not equal("00123", "123")


TEXTS = st.text() | st.text("0123456789-T:. e") | st.integers().map(str) | st.dates().map(str)


@given(TEXTS, TEXTS)
def test_any_two_values_of_a_kind_compare_the_same_both_ways_round(left, right):
    if operand(left).kind != operand(right).kind:
        assert not equal(left, right)
        return
    assert compare(left, right) == -compare(right, left)
    assert (compare(left, right) == 0) == equal(left, right)
