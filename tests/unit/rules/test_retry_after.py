"""What a receiver asks for in Retry-After."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import processor
from webhookd.rules.retry_after import LATEST, asked_for

NOW = datetime(2026, 3, 1, 8, 30, tzinfo=UTC)
TIMES = st.integers(1, 49 * 365 * 86_400).map(lambda seconds: NOW + timedelta(seconds=seconds))


def asked(text, unit="seconds"):
    return asked_for(text, unit=unit, now=NOW)


@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("120", "seconds", timedelta(seconds=120)),
        ("  120 ", "seconds", timedelta(seconds=120)),
        ("000120", "seconds", timedelta(seconds=120)),
        ("1500", "milliseconds", timedelta(seconds=1.5)),
    ],
)
def test_a_length_counts_from_now(text, unit, expected):
    assert asked(text, unit) == NOW + expected


@given(TIMES)
def test_each_of_the_three_forms_of_a_date_is_read(at):
    assert asked(format_datetime(at, usegmt=True)) == at
    assert asked(at.strftime("%A, %d-%b-%y %H:%M:%S GMT")) == at
    assert asked(time.asctime(at.timetuple())) == at
    assert asked(format_datetime(at, usegmt=True), "milliseconds") == at


def test_a_year_of_two_digits_is_at_most_fifty_years_ahead():
    assert asked("Sunday, 06-Nov-76 08:49:37 GMT") == datetime(2076, 11, 6, 8, 49, 37, tzinfo=UTC)
    assert asked("Sunday, 06-Nov-77 08:49:37 GMT") is None
    assert asked("Sunday, 06-Nov-94 08:49:37 GMT") is None


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "0",
        "-5",
        "+5",
        "1.5",
        "1e3",
        "soon",
        "5 seconds",
        "\u0665",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 31 Feb 2027 08:49:37 GMT",
        "Sun, 06 Nov 2027 08:49:37 +0100",
        "Sun, 06 Nov 2027 08:49:60 GMT",
        "2027-11-06T08:49:37Z",
    ],
)
def test_garbage_and_the_past_ask_for_nothing(text):
    assert asked(text) is None


@pytest.mark.parametrize("unit", ["seconds", "milliseconds"])
@pytest.mark.parametrize("digits", [15, 16, 400, 4301, 60_000])
def test_a_length_beyond_the_calendar_is_its_end(unit, digits):
    assert asked("9" * digits, unit) == LATEST


@processor.at_most(10)
def test_a_hostile_header_is_read_in_no_time():
    assert asked("0" * 60_000 + "x") is None
    assert asked("0" * 60_000) is None


@given(st.text(), st.sampled_from(["seconds", "milliseconds"]))
def test_no_text_breaks_it(text, unit):
    result = asked(text, unit)

    assert result is None or result > NOW
