"""A text of a zone's rules, which is another one when they change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from webhookd.rules.zone_rules import _offsets, fingerprint


def test_it_names_each_change_to_the_second():
    found = list(_offsets(ZoneInfo("Europe/Warsaw"), 2026))

    assert len(found) == 1 + 2 * 3
    assert found[1] == (datetime(2026, 3, 29, 1, tzinfo=UTC), timedelta(hours=2))
    assert found[2] == (datetime(2026, 10, 25, 1, tzinfo=UTC), timedelta(hours=1))


@pytest.mark.parametrize(
    ("zone", "other"),
    [("Europe/Warsaw", "Europe/London"), ("Africa/Cairo", "Europe/Athens"), ("UTC", "Asia/Tokyo")],
)
def test_other_rules_are_another_text(zone, other):
    assert fingerprint(ZoneInfo(zone), 2026) != fingerprint(ZoneInfo(other), 2026)


def test_the_same_rules_are_the_same_text_and_each_year_has_its_own():
    assert fingerprint(ZoneInfo("Europe/Warsaw"), 2026) == fingerprint(
        ZoneInfo.no_cache("Europe/Warsaw"), 2026
    )
    assert fingerprint(ZoneInfo("UTC"), 2026) != fingerprint(ZoneInfo("UTC"), 2027)
