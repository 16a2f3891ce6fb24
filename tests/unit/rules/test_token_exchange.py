"""What token servers answer."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.making import NOW
from webhookd.definitions import OAuth2
from webhookd.model import Secret
from webhookd.rules.token_exchange import Grant, NoGrant, form, meaning, pause, renew_after

TOKEN = {"access_token": "abc.def", "token_type": "Bearer", "expires_in": 3600}


def answered(status=200, content=b"", *, is_cut=False, retry_after=None, hide=str, **sent):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return meaning(status, body, is_cut=is_cut, retry_after=retry_after, now=NOW, hide=hide, **sent)


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "BEARER", None])
def test_a_token_has_what_its_answer_says(kind):
    assert answered(content=TOKEN | {"token_type": kind}) == Grant(Secret("abc.def"), 3600.0)


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (3600, 3600.0),
        (0.5, 0.5),
        ("3599", 3599.0),
        ("59.5", 59.5),
        (10**300, 1e300),
    ],
)
def test_a_life_that_can_be_read_is_read(written, seconds):
    assert answered(content=TOKEN | {"expires_in": written}).lifetime == seconds


@pytest.mark.parametrize(
    "written",
    [0, -1, "soon", "", "-5", "1e3", "٣", None, True, [], {}, 10**400, float("nan"), float("inf")],
)
def test_a_token_whose_life_cannot_be_read_is_used_until_it_is_refused(written):
    assert answered(content=TOKEN | {"expires_in": written}) == Grant(Secret("abc.def"), None)


def test_a_missing_life_is_no_error():
    assert answered(content={"access_token": "t"}) == Grant(Secret("t"), None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>hello</html>", "what is no JSON object"),
        (b"", "what is no JSON object"),
        (b'["access_token"]', "what is no JSON object"),
        (b"[" * 60_000, "what is no JSON object"),
        (b"1" * 60_000, "what is no JSON object"),
        (b"\xff\xfe\xfa", "what is no JSON object"),
        ({"token_type": "Bearer"}, "no access_token"),
        (TOKEN | {"access_token": None}, "no access_token"),
        (TOKEN | {"access_token": ""}, "no access_token"),
        (TOKEN | {"access_token": 5}, "no access_token"),
        (TOKEN | {"token_type": "mac"}, "another type than Bearer"),
        (TOKEN | {"token_type": 1}, "another type than Bearer"),
        (TOKEN | {"access_token": "a\r\nx: y"}, "a header cannot carry"),
        (TOKEN | {"access_token": " a"}, "a header cannot carry"),
        (TOKEN | {"access_token": "ä"}, "a header cannot carry"),
        (TOKEN | {"access_token": "a\ud800"}, "a header cannot carry"),
        (TOKEN | {"access_token": "a" * 8_193}, "a header cannot carry"),
    ],
)
def test_what_is_no_token_is_named(content, words):
    found = answered(content=content)

    assert isinstance(found, NoGrant)
    assert found.failure == "unusable"
    assert words in found.why


def test_an_answer_that_is_cut_is_none():
    assert "64 KiB" in answered(content=TOKEN, is_cut=True).why


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("invalid_client", "'client_secret'"),
        ("invalid_scope", "'scope'"),
        ("unauthorized_client", "this 'grant'"),
        ("invalid_grant", "'refresh_token'"),
    ],
)
def test_an_error_says_what_to_do(code, remedy):
    found = answered(401, {"error": code, "error_description": "No such\nclient"})

    assert found.failure == "refused"
    assert found.why.startswith(f"it answered 401: {code} (No such\\nclient); ")
    assert remedy in found.why


def test_an_error_may_come_as_a_success():
    assert answered(200, {"error": "bad_thing"}) == NoGrant("it answered 200: bad_thing", "refused")


@pytest.mark.parametrize("content", [b"<html>", b"[]", {"error": 5}, {"error": ["x"]}, b"\0"])
def test_an_error_in_another_shape_is_its_status(content):
    assert answered(500, content) == NoGrant("it answered 500", "refused")


def test_secrets_are_hidden_before_words_are_shortened():
    found = answered(
        400,
        {"error": "a s3cret", "error_description": "x" * 196 + "s3cret and more"},
        hide=lambda text: text.replace("s3cret", "***"),
    )

    assert found.why == f"it answered 400: a *** ({'x' * 196}*** …)"


def test_a_redirect_is_not_followed():
    assert "not followed" in answered(302).why


@pytest.mark.parametrize(
    ("retry_after", "seconds"), [("7", 7.0), (None, 0.0), ("soon", 0.0), ("9" * 30, 86_400.0)]
)
def test_a_server_may_ask_for_time(retry_after, seconds):
    assert answered(429, retry_after=retry_after).asked_wait == seconds


def test_pauses_double_up_to_a_minute_and_are_never_shorter_than_asked_for():
    assert [pause(count, 0.0) for count in (1, 2, 3, 6, 7, 8, 10_000)] == [1, 2, 4, 32, 60, 60, 60]
    assert pause(1, 90.0) == 90.0


def test_a_fifth_of_the_life_is_left_when_a_token_is_renewed():
    assert renew_after(3600.0) == pytest.approx(2880.0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
ANSWERS = st.dictionaries(
    st.sampled_from(["access_token", "token_type", "expires_in", "error", "error_description"]),
    JSON | st.sampled_from(["Bearer", "abc", 3600]),
).map(lambda found: json.dumps(found).encode())


@given(
    status=st.integers(100, 999),
    content=st.binary() | ANSWERS,
    is_cut=st.booleans(),
    retry_after=st.none() | st.text(),
)
def test_whatever_is_answered_is_a_token_that_can_travel_or_one_printable_line(
    status, content, is_cut, retry_after
):
    found = answered(status, content, is_cut=is_cut, retry_after=retry_after)

    if isinstance(found, NoGrant):
        assert found.why.isprintable()
        assert len(found.why) < 1_000
        assert 0 <= found.asked_wait <= 86_400
    else:
        assert found.token.reveal().isascii()
        assert found.token.reveal().isprintable()
        assert found.lifetime is None or found.lifetime > 0
        assert 200 <= status < 300


REFRESHED = OAuth2(
    "https://t.example",
    "erp",
    Secret("the secret"),
    grant="refresh_token",
    client_authentication="post",
    refresh_token=Secret("r&1"),
)


def test_a_refresh_token_is_sent_with_its_grant():
    assert dict(parse_qsl(form(REFRESHED).decode())) == {
        "grant_type": "refresh_token",
        "client_id": "erp",
        "client_secret": "the secret",
        "refresh_token": "r&1",
    }


@pytest.mark.parametrize("given", [None, "", "r&1"])
def test_a_refresh_token_that_stays_the_same_is_used_on(given):
    told = TOKEN | ({} if given is None else {"refresh_token": given or "r&1"})

    assert isinstance(answered(content=told, refresh_token=Secret("r&1")), Grant)
    assert isinstance(answered(content=told | {"refresh_token": "r&2"}), Grant)


def test_another_refresh_token_is_an_error_that_says_so():
    found = answered(content=TOKEN | {"refresh_token": "r&2"}, refresh_token=Secret("r&1"))

    assert isinstance(found, NoGrant)
    assert "another refresh token" in found.why
    assert "r&" not in found.why
