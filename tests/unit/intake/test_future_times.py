"""Times in the future: clamped to now, so that a record is not frozen, and warned of once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from webhookd.intake.future_times import FutureTimes
from webhookd.model import Observation
from webhookd.telemetry import logs

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _told_logs(_quiet_logs):
    logs.configure("console", "INFO")


def modified(ahead):
    return Observation("contacts", "7", {}, modified_at=NOW + timedelta(seconds=ahead))


@pytest.mark.parametrize(
    ("ahead", "kept", "warnings"),
    [(-86_400, -86_400, 0), (0, 0, 0), (10, 0, 0), (61, 0, 1), (10**9, 0, 1)],
)
def test_a_time_in_the_future_is_now(ahead, kept, warnings):
    with capture_logs() as logged:
        seen = FutureTimes().clamped("crm", modified(ahead), NOW)

    assert seen == modified(kept)
    assert len(logged) == warnings


def test_one_warning_an_hour_is_enough_for_a_source():
    times = FutureTimes()
    with capture_logs() as logged:
        for minutes in range(0, 180, 10):
            now = NOW + timedelta(minutes=minutes)
            times.clamped("crm", modified(86_400), now)
            times.clamped("other", modified(86_400), now)

    assert [one["source"] for one in logged] == ["crm", "other"] * 3


def test_an_observation_without_a_time_stays_as_it_is():
    seen = Observation("contacts", "7", {})

    assert FutureTimes().clamped("crm", seen, NOW) is seen
