"""Lengths of time and rates."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhookd.definitions import RateLimit, durations


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("500ms", timedelta(milliseconds=500)),
        ("30s", timedelta(seconds=30)),
        ("5m", timedelta(minutes=5)),
        ("8h", timedelta(hours=8)),
        ("3d", timedelta(days=3)),
    ],
)
def test_a_length_has_a_unit(text, length):
    assert durations.duration(text) == length


@pytest.mark.parametrize(
    "text", ["", "30", "0s", "-1s", "1.5h", "1h30m", "5 s", "5S", "1w", "٣s", "5s\n"]
)
def test_what_is_no_length_is_refused(text):
    with pytest.raises(ValueError, match="is not a duration; write"):
        durations.duration(text)


def test_ten_years_are_the_longest_so_that_no_sum_of_times_overflows():
    assert durations.duration("3650d") == durations.LONGEST
    with pytest.raises(ValueError, match="longer than the maximum of 3650d"):
        durations.duration("999999999d")


@given(st.integers(1, 10**9).map(lambda number: timedelta(milliseconds=number)))
def test_a_length_that_was_written_is_read_as_the_same(length):
    assert durations.unbounded(durations.written(length)) == length


@pytest.mark.parametrize(("text", "per"), [("20/s", 1), ("20/m", 60), ("20/h", 3600)])
def test_a_rate_is_so_many_starts_in_a_length_of_time(text, per):
    found = durations.rate(text)

    assert found == RateLimit(20, timedelta(seconds=per))
    assert durations.rate_written(found) == text


@pytest.mark.parametrize("text", ["20", "0/s", "20/d", "20/ s", "-1/s", "1.5/s"])
def test_what_is_no_rate_is_refused(text):
    with pytest.raises(ValueError, match="is not a rate; write"):
        durations.rate(text)
