"""What the latest attempts of a webhook came to, as sums in its row of a real database."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests import postgresql
from tests.making import NOW, a_delivery, a_settlement
from webhookd.model import GivenUp, Held, RetryAt
from webhookd.storage.database.database import open_database
from webhookd.storage.deliveries import lanes
from webhookd.storage.deliveries.lanes import ConfiguredLane
from webhookd.storage.webhooks import latest_attempts
from webhookd.storage.webhooks.latest_attempts import NONE, LatestAttempts, summed

SECOND = timedelta(seconds=1)


@pytest.fixture
def connection(database):
    connection = database.connect()
    lanes.adopt(connection, [ConfiguredLane("one"), ConfiguredLane("two")], NOW)
    yield connection
    connection.close()


def attempt(after, error="503", lane=1):
    """Return an attempt that ended so many seconds after NOW: delivered where *error* is None."""
    made = a_settlement(a_delivery(), lane=lane, ended_at=NOW + after * SECOND)
    if error is None:
        return made
    made.attempt.error = error
    return replace(made, outcome=RetryAt(NOW + timedelta(hours=1), error))


def told(connection, *attempts, left=None):
    """Write attempts as one group; return what lane 1's row says then."""
    latest_attempts.write(connection, summed(attempts, left or {}))
    return latest_attempts.of_all(connection)[1]


def test_a_lane_without_attempts_is_not_failing(connection):
    assert latest_attempts.of_all(connection) == {1: NONE, 2: NONE}
    assert not NONE.is_failing
    assert latest_attempts.count_failing(connection) == 0


def test_a_group_is_summed_up_and_groups_add_up(connection):
    told(connection, attempt(1, None), attempt(2), attempt(3, "502"))

    found = told(connection, attempt(4), attempt(5, "timeout: …"))

    assert found == LatestAttempts(
        last_delivered_at=NOW + SECOND,
        last_error="timeout: …",
        last_error_at=NOW + 5 * SECOND,
        failing_since=NOW + 2 * SECOND,
        failing_attempts=4,
    )
    assert latest_attempts.of_all(connection)[2] == NONE


def test_what_is_delivered_ends_the_count_and_keeps_the_last_error(connection):
    told(connection, *(attempt(n) for n in range(7)))

    found = told(connection, attempt(8, "500"), attempt(9, None))

    assert found == LatestAttempts(NOW + 9 * SECOND, "500", NOW + 8 * SECOND)
    assert not found.is_failing


@pytest.mark.parametrize(
    ("before", "failures", "is_failing"),
    [
        ((), 1, True),  # all there were
        ((None,), 1, False),
        ((None,), 4, False),
        ((None,), 5, True),
        (("503", None), 4, False),
        (("503", None), 5, True),
    ],
)
def test_failing_is_who_delivered_none_of_the_last_five(connection, before, failures, is_failing):
    for number, error in enumerate(before):
        told(connection, attempt(number, error))
    for number in range(failures):
        found = told(connection, attempt(10 + number))

    assert found.is_failing is is_failing
    assert latest_attempts.count_failing(connection) == is_failing


@pytest.mark.parametrize("outcome", [GivenUp("404"), Held("410"), RetryAt(NOW, "503")])
def test_every_other_end_of_an_attempt_is_a_failure(connection, outcome):
    found = told(connection, replace(attempt(1, "no"), outcome=outcome))

    assert found.failing_attempts == 1


def test_a_webhook_that_is_not_in_force_is_not_counted_as_failing(connection):
    told(connection, attempt(1))
    lanes.adopt(connection, [ConfiguredLane("two")], NOW)

    assert latest_attempts.count_failing(connection) == 0


def test_a_nul_in_an_error_costs_nothing_but_itself(connection):
    assert told(connection, attempt(1, "a\0b")).last_error in (
        "a\0b",
        "a\N{REPLACEMENT CHARACTER}b",
    )


@pytest.fixture
def two_of_a_fleet():
    server = postgresql.server()
    database = open_database(server.url(server.new()))
    one, other = database.connect(), database.connect()
    lanes.adopt(one, [ConfiguredLane("one"), ConfiguredLane("two")], NOW)
    yield one, other
    one.close()
    other.close()
    database.close()


def test_a_row_that_another_daemon_has_is_left_and_added_later(two_of_a_fleet):
    one, other = two_of_a_fleet
    other.begin()
    latest_attempts.write(other, summed([attempt(1), attempt(2)], {}))
    ours = [attempt(3), attempt(4, lane=2)]

    left = latest_attempts.write(one, summed(ours, {}))
    other.commit()

    assert left == {1: NONE.after(ours[:1])}
    assert latest_attempts.of_all(one)[2].failing_attempts == 1
    assert latest_attempts.write(one, summed([attempt(5)], left)) == {}
    assert latest_attempts.of_all(one)[1] == LatestAttempts(
        None, "503", NOW + 5 * SECOND, NOW + SECOND, 4
    )


def test_failures_that_are_told_after_a_later_success_do_not_count(two_of_a_fleet):
    one, other = two_of_a_fleet
    told(one, *(attempt(n) for n in range(5)))
    told(other, attempt(9, None))

    found = told(one, *(attempt(n) for n in range(5, 9)))

    assert (found.failing_attempts, found.failing_since) == (0, None)
    assert found.last_error_at == NOW + 8 * SECOND


def test_a_success_in_the_future_does_not_keep_failures_from_counting(two_of_a_fleet):
    one, _ = two_of_a_fleet
    told(one, attempt(86_400, None))

    found = told(one, *(attempt(n) for n in range(5)))

    assert found.is_failing
