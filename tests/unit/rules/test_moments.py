"""When a date is due; `whenever`, which reckons zones by itself, is the other opinion."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from dateutil.rrule import YEARLY, rrule
from hypothesis import example, given
from hypothesis import strategies as st
from whenever import Date, Instant, PlainDateTime, Time

from webhookd.definitions import At, ValueReading
from webhookd.rules import moments
from webhookd.rules.moments import candidates, chosen, is_missed, is_readable

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ZONES = sorted(available_timezones() - {"localtime", "Factory"})


def micros(at):
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def at_nine(zone="Europe/Warsaw", **more):
    return At("renewal_date", time=time(9), zone=ZoneInfo(zone), **more)


def compatible(local, zone):
    """Return what RFC 5545 makes of a local time, in microseconds."""
    return local.assume_tz(zone, disambiguation="compatible").timestamp(unit="nanosecond") // 1000


def only(at, value, now=NOW):
    found = candidates(at, value, micros(now))
    return [datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=one) for one in found]


def utc(text):
    return [datetime.fromisoformat(text).replace(tzinfo=UTC)]


@pytest.mark.parametrize(
    ("zone", "value", "moment"),
    [
        ("Europe/Warsaw", '"2026-12-01"', "2026-12-01 08:00"),
        ("America/New_York", '"2026-12-01"', "2026-12-01 14:00"),
        # HubSpot's dates as milliseconds: midnight in UTC is that day, west of Greenwich too.
        ("America/New_York", '"1796083200000"', "2026-12-01 14:00"),
        ("America/New_York", "1796083200000", "2026-12-01 14:00"),
        ("America/New_York", '"2026-12-01T02:00:00Z"', "2026-11-30 14:00"),
        ("Asia/Tokyo", '"2026-11-30T20:00:00Z"', "2026-12-01 00:00"),
        ("Asia/Tokyo", "1796083200001", "2026-12-01 00:00"),
        # Birthdays from before 1970, as numbers.
        ("UTC", "-315619200000", "1960-01-01 09:00"),
        ("UTC", "0", "1970-01-01 09:00"),
    ],
)
def test_a_date_is_the_day_that_is_written_and_an_instant_the_day_in_the_zone(zone, value, moment):
    assert only(at_nine(zone), value) == utc(moment)


@pytest.mark.parametrize(
    ("zone", "day", "hour", "moment"),
    [
        # The night of the spring has no 02:30: it is that much later.
        ("Europe/Warsaw", '"2027-03-28"', time(2, 30), "2027-03-28 01:30"),
        # That of the autumn has two: the first.
        ("Europe/Warsaw", '"2027-10-31"', time(2, 30), "2027-10-31 00:30"),
        # Half an hour only.
        ("Australia/Lord_Howe", '"2026-10-04"', time(2, 15), "2026-10-03 15:45"),
        # A day that the zone left out is the next.
        ("Pacific/Apia", '"2011-12-30"', time(9), "2011-12-30 19:00"),
        ("Pacific/Apia", '"2011-12-31"', time(9), "2011-12-30 19:00"),
    ],
)
def test_a_time_that_is_not_there_is_later_and_one_that_comes_twice_is_the_first(
    zone, day, hour, moment
):
    assert only(At("p", time=hour, zone=ZoneInfo(zone)), day) == utc(moment)


@given(
    day=st.dates(date(1902, 1, 1), date(2037, 12, 31)),
    days=st.integers(-3660, 3660),
    hour=st.times().map(lambda one: one.replace(microsecond=0)),
    zone=st.sampled_from(ZONES),
)
@example(date(2027, 3, 28), 0, time(2, 30), "Europe/Warsaw")
@example(date(2027, 10, 31), 0, time(2, 30), "Europe/Warsaw")
@example(date(2011, 12, 30), 0, time(9), "Pacific/Apia")
@example(date(1994, 12, 31), 0, time(9), "Pacific/Kiritimati")
@example(date(2022, 3, 27), 0, time(0, 30), "Asia/Beirut")
def test_a_moment_is_that_of_another_implementation(day, days, hour, zone):
    at = At("p", days=days, time=hour, zone=ZoneInfo(zone))

    local = Date(day).add(days=days).at(Time(hour))

    expected = (
        local.assume_tz(zone, disambiguation="compatible").timestamp(unit="nanosecond") // 1000
    )
    assert candidates(at, f'"{day.isoformat()}"', micros(NOW)) == (expected,)


@given(
    instant=st.datetimes(datetime(1902, 1, 2), datetime(2037, 12, 30)),  # noqa: DTZ001 - is UTC
    days=st.integers(-400, 400),
    hour=st.times().map(lambda one: one.replace(microsecond=0)),
    zone=st.sampled_from(ZONES),
)
def test_an_instant_is_of_the_day_that_the_zone_has_then(instant, days, hour, zone):
    written = instant.replace(microsecond=0)
    at = At("p", days=days, time=hour, zone=ZoneInfo(zone))

    there = PlainDateTime(written).assume_utc().to_tz(zone).date()

    local = there.add(days=days).at(Time(hour))
    expected = (
        local.assume_tz(zone, disambiguation="compatible").timestamp(unit="nanosecond") // 1000
    )
    assert candidates(at, f'"{written.isoformat()}Z"', micros(NOW)) == (expected,)


@given(
    instant=st.datetimes(datetime(1902, 1, 2), datetime(2037, 12, 30)),  # noqa: DTZ001 - is UTC
    offset=st.timedeltas(timedelta(days=-3650), timedelta(days=3650)),
)
def test_an_offset_is_elapsed_time(instant, offset):
    at = At("p", offset=offset)

    expected = Instant.parse_iso(f"{instant.isoformat()}Z").timestamp(unit="nanosecond") // 1000
    expected += offset // timedelta(microseconds=1)

    assert candidates(at, f'"{instant.isoformat()}Z"', micros(NOW)) == (expected,)


@pytest.mark.parametrize(
    "value",
    [
        *('"soon"', '""', "true", "null", "1.5", '{"a":1}', '"20261201"', '"2026-02-30"', "9" * 15),
        *('"9999-12-31"', '"0001-01-01"'),
    ],
)
def test_what_is_no_date_or_beyond_every_calendar_has_no_moment(value):
    at = at_nine("Pacific/Kiritimati", days=-3)
    if value == '"9999-12-31"':
        at = at_nine("Etc/GMT+12", days=3)
    assert only(at, value) == []


def test_a_date_needs_a_time_and_an_instant_does_not():
    assert only(At("p"), '"2026-12-01"') == []
    assert not is_readable(At("p"), '"2026-12-01"')
    assert only(At("p"), '"2026-12-01T10:00:00Z"') == utc("2026-12-01 10:00")
    assert is_readable(At("p"), '"2026-12-01T10:00:00Z"')
    assert is_readable(at_nine(), '"2026-12-01"')
    assert not is_readable(at_nine(), '"soon"')


def test_dates_are_read_as_the_source_writes_them():
    german = ValueReading(dates=("%d.%m.%Y", "%d.%m.%Y %H:%M"))

    assert only(at_nine("UTC", reading=german), '"01.12.2026"') == utc("2026-12-01 09:00")
    west = at_nine("America/New_York", reading=german)
    assert only(west, '"01.12.2026"') == utc("2026-12-01 14:00")
    assert only(west, '"01.12.2026 02:00"') == utc("2026-11-30 14:00")


@given(
    day=st.dates(date(1910, 1, 1), date(2040, 12, 31)).filter(
        lambda one: (one.month, one.day) != (2, 29)
    ),
    days=st.integers(-3660, 3660),
    now=st.datetimes(datetime(2000, 1, 1), datetime(2036, 1, 1)),  # noqa: DTZ001 - is UTC
)
def test_a_yearly_moment_comes_each_year(day, days, now):
    """`dateutil` knows recurring days as well, but for 29 February."""
    now = now.replace(tzinfo=UTC)
    at = At("p", days=days, time=time(9), zone=ZoneInfo("UTC"), yearly=True)

    each = rrule(YEARLY, dtstart=datetime(1970, day.month, day.day, 9, tzinfo=UTC), count=90)
    wanted = [one + timedelta(days=days) for one in each]
    assert only(at, f'"{day}"', now) == [one for one in wanted if one >= now - DAY][:2]


def test_the_29th_of_february_is_the_28th_in_other_years():
    at = at_nine("UTC", yearly=True)

    now = datetime(2027, 1, 1, tzinfo=UTC)
    assert only(at, '"2000-02-29"', now) == utc("2027-02-28 09:00") + utc("2028-02-29 09:00")


@given(
    wanted=st.lists(st.integers(0, 100), max_size=2).map(sorted),
    told=st.none() | st.integers(0, 200),
    since=st.integers(0, 100),
    late=st.integers(1, 100),
    now=st.integers(0, 100),
)
def test_what_is_chosen_was_never_told_is_not_too_late_and_not_from_before(
    wanted, told, since, late, now
):
    rule = {
        "at": At("p", late=timedelta(microseconds=late)),
        "told": told,
        "since": since,
        "now": now,
    }
    one = chosen(wanted, **rule)

    if one is not None:
        assert one in wanted
        assert one >= since
        assert one >= now - late
        assert told is None or one > min(told, now)
    elif wanted and max(wanted) > now:
        # What lies ahead is left out for two reasons only.
        assert since > max(wanted) or told == max(wanted)
    if is_missed(wanted, **rule):
        assert min(wanted) < now - late


def test_a_day_that_was_told_is_not_told_again_by_other_rules_of_its_zone():
    day, hour = 86_400_000_000, 3_600_000_000
    at, told = at_nine(), 100 * day
    now = told + hour // 2
    rule = {"at": at, "told": told, "since": told - day, "now": now}

    assert chosen([told + hour], **rule) is None
    assert not is_missed([told + hour], **{**rule, "now": told + 3 * day})
    assert is_missed([told + day], **{**rule, "now": told + 3 * day})
    assert chosen([told + 23 * hour], **rule) == told + 23 * hour
    # By another rule of the webhook's it is another moment, and so is another time.
    assert chosen([told + hour], **{**rule, "since": told + 1}) == told + hour
    assert chosen([told + hour], **{**rule, "at": At("p")}) == told + hour
    # What a wrong clock told in the future silences no other day, and does not come again.
    ahead = {**rule, "told": now + day}
    assert chosen([now + hour], **ahead) == now + hour
    assert chosen([now + day], **ahead) is None


def test_moments_are_quick_to_reckon():
    """The values of a million records are those of some thousand days."""
    at = at_nine()
    moments._only.cache_clear()
    for number in range(2_000):
        value = f'"{date(2026, 1, 1) + timedelta(days=number % 100)}"'
        assert len(candidates(at, value, micros(NOW))) == 1
    assert moments._only.cache_info().misses == 100
