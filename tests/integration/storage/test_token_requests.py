"""How many tokens were asked for lately, in a real database."""

from datetime import timedelta

from tests.making import NOW
from webhookd.storage.token_requests import MOST, WINDOW, admit

SECOND = timedelta(seconds=1)


def asked(connection, seconds, client="one", most=MOST):
    return admit(connection, client=client, at=NOW + seconds * SECOND, most=most)


def test_ten_requests_are_admitted_within_ten_minutes(connection):
    assert [asked(connection, second) for second in range(MOST)] == [None] * MOST

    assert asked(connection, 30) == NOW + WINDOW
    assert asked(connection, WINDOW.total_seconds() - 0.001) == NOW + WINDOW
    assert asked(connection, WINDOW.total_seconds()) is None
    assert asked(connection, WINDOW.total_seconds()) == NOW + WINDOW + SECOND


def test_what_is_refused_does_not_count(connection):
    for second in range(100):
        asked(connection, second)

    assert asked(connection, 101) == NOW + WINDOW


def test_each_client_is_counted_by_itself(connection):
    for _ in range(MOST):
        asked(connection, 0)

    assert asked(connection, 0, client="other") is None


def test_a_part_of_the_requests_can_be_left_for_later(connection):
    assert [asked(connection, 0, most=2) for _ in range(3)] == [None, None, NOW + WINDOW]
    assert asked(connection, 0) is None


def test_a_clock_that_was_far_ahead_locks_nobody_out(connection):
    for _ in range(MOST):
        asked(connection, 86_400)

    assert asked(connection, 0) is None
