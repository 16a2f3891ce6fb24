"""A link into the console works once, and for ten minutes."""

from hypothesis import given
from hypothesis import strategies as st

from webhookd.console.access import invitations
from webhookd.console.access.invitations import Invitations
from webhookd.console.access.sessions import IDLE_SECONDS, LONGEST_SECONDS, MOST_SESSIONS, Sessions

KEY = b"k" * 32
NOW = 1_800_000_000.0


def test_a_token_is_taken_once():
    known, token = Invitations(KEY), invitations.token(KEY, NOW)

    assert [known.take(token, NOW + 1), known.take(token, NOW + 2)] == [True, False]


def test_a_token_ends():
    token = invitations.token(KEY, NOW)

    assert Invitations(KEY).take(token, NOW + 599)
    assert not Invitations(KEY).take(token, NOW + 601)


def test_a_token_of_another_console_is_refused():
    assert not Invitations(b"x" * 32).take(invitations.token(KEY, NOW), NOW)


@given(st.text())
def test_no_text_is_a_token_by_chance(text):
    assert not Invitations(KEY).take(text, NOW)


@given(st.integers(0, 71), st.integers(1, 255))
def test_a_token_that_was_changed_is_refused(place, by):
    token = invitations.token(KEY, NOW)
    changed = bytearray(invitations.base64.urlsafe_b64decode(token))
    changed[place] ^= by

    again = invitations.base64.urlsafe_b64encode(changed).decode().rstrip("=")

    assert not Invitations(KEY).take(again, NOW)


def test_a_session_ends_when_it_is_idle_and_at_last():
    sessions = Sessions(8377)
    value = sessions.begin(0.0)
    cookies = [b"webhookd-8377=" + value.encode()]

    assert sessions.find(cookies, IDLE_SECONDS) is not None
    assert sessions.find(cookies, 2 * IDLE_SECONDS + 1) is None
    value, now = sessions.begin(0.0), 0.0
    cookies = [b"other=1; webhookd-8377=wrong; webhookd-8377=" + value.encode()]
    while now < LONGEST_SECONDS:
        assert sessions.find(cookies, now) is not None
        now += IDLE_SECONDS
    assert sessions.find(cookies, LONGEST_SECONDS + 1) is None


def test_many_sessions_end_the_one_that_was_seen_the_longest_ago():
    sessions = Sessions(1)
    first, second = sessions.begin(0.0), sessions.begin(1.0)
    sessions.find([f"webhookd-1={first}".encode()], 2.0)
    for number in range(MOST_SESSIONS - 1):
        sessions.begin(3.0 + number)

    assert sessions.find([f"webhookd-1={second}".encode()], 200.0) is None
    assert sessions.find([f"webhookd-1={first}".encode()], 200.0) is not None
