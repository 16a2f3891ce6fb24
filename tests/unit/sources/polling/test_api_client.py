"""Requests to any API: repeated where that may help, and nowhere but to its base URL."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.credentials import ScriptedCredentials
from tests.making import LOOPBACK
from tests.virtual_time import VirtualTime
from webhookd.authentication.credentials import Fixed
from webhookd.definitions import Bearer
from webhookd.errors import TokenError
from webhookd.model import Secret
from webhookd.rules.redaction import Redactor
from webhookd.sources.polling.api_client import ApiClient
from webhookd.sources.polling.refusals import PollError
from webhookd.sources.polling.request_budget import Budget, Burst
from webhookd.telemetry import logs


@pytest.fixture
def call():
    """Return what makes one call that is answered by *answers* in turn."""

    def run(*answers, credentials=None):
        time, left, seen, statuses = VirtualTime(), list(answers), [], []
        budget = Budget(Burst(90, 10.0), clock=time.clock)

        def answer(request):
            seen.append((time.seconds, str(request.url), request.headers.get("authorization")))
            return left.pop(0)

        client = ApiClient(
            "https://api.example",
            credentials or Fixed(Bearer(Secret("a-token"))),
            transport=httpx.MockTransport(answer),
            egress=lambda: LOOPBACK,
            budget=budget,
            clock=time.clock,
            count=statuses.append,
        )
        try:
            result = asyncio.run(client.call("GET", "/books?after=1"))
        except PollError as error:
            result = error.refusal
        return result, seen, statuses

    return run


def test_what_may_pass_is_asked_again_at_growing_distances(call):
    result, seen, statuses = call(
        httpx.Response(503), httpx.Response(500), httpx.Response(200, json={"books": []})
    )

    assert result.content == {"books": []}
    assert [at for at, *_ in seen] == pytest.approx([0, 0.5, 1.5])
    assert set(seen[0][1:]) == {"https://api.example/books?after=1", "Bearer a-token"}
    assert statuses == ["503", "500", "200"]


def test_after_three_tries_the_poll_has_failed(call):
    result, seen, _ = call(*[httpx.Response(503, json={"message": "later"})] * 3)

    assert (result.why, result.concerns) == ("the API answered 503: later", "request")
    assert len(seen) == 3


def test_a_limit_is_a_pause_for_all_that_the_token_does(call):
    result, seen, _ = call(
        httpx.Response(429, headers={"retry-after": "7"}), httpx.Response(200, json={})
    )

    assert result.content == {}
    assert seen[1][0] == pytest.approx(7, abs=0.01)


@pytest.mark.parametrize(
    ("answer", "concerns"),
    [
        (httpx.Response(401), "source"),
        (httpx.Response(403, json={"message": "no scope"}), "object"),
        (httpx.Response(404, json={"message": "no such thing"}), "object"),
        (httpx.Response(403, text="<html>Forbidden</html>"), "poll"),
        (httpx.Response(404, text="<html>Not found</html>"), "poll"),
        (httpx.Response(403), "poll"),
        (httpx.Response(302, headers={"location": "https://evil.example"}), "poll"),
        (httpx.Response(400), "poll"),
        (httpx.Response(200, text="[1, 2]"), "poll"),
        (httpx.Response(200, text='{"a": '), "poll"),
        (httpx.Response(200, text="{} {}"), "poll"),
    ],
)
def test_what_will_not_pass_is_asked_once(call, answer, concerns):
    result, seen, _ = call(answer)

    assert (result.concerns, len(seen)) == (concerns, 1)


@pytest.mark.parametrize("before", range(185, 203))
@pytest.mark.parametrize("secret", ["t0k3n-5f2c8e7a9b", "t0k3n-\u00fc\n5f2c8e"])
def test_no_part_of_a_secret_is_shown_that_an_api_repeats(call, before, secret, monkeypatch):
    monkeypatch.setattr(logs, "_redact", Redactor([Secret(secret)]).text)
    told = {"message": "x" * before + secret}

    result, *_ = call(httpx.Response(400, json=told))

    assert result.why.count("x") >= min(before, 200)
    assert "t0k" not in result.why


@pytest.mark.parametrize(
    "date",
    [
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Fri, 31 Dec 9999 23:59:59 -0500",
        "Mon, 01 Jan 0100 00:00:00 GMT",
        "Mon, 01 Jan 0100 00:00:00 +0500",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "Thu, 01 Jan 2026 00:00:00 +99999999999999999999",
        "Thu, 01 Jan 99999999999 00:00:00 GMT",
        "Thu, 32 Jan 2026 25:61:00 GMT",
        "soon",
        "",
    ],
)
def test_a_date_that_nobody_can_reckon_with_is_none(call, date):
    result, *_ = call(httpx.Response(200, json={}, headers={"date": date}))

    assert result.date is None


def test_a_refused_token_is_replaced_once_and_the_request_made_again(call):
    credentials = ScriptedCredentials(last=2)

    result, seen, _ = call(
        httpx.Response(401), httpx.Response(200, json={"books": []}), credentials=credentials
    )

    assert result.content == {"books": []}
    assert [token for *_, token in seen] == ["Bearer 1", "Bearer 2"]
    assert credentials.heard == [(1, 401), (2, 200)]


@pytest.mark.parametrize("last", [1, 9], ids=["there is no other", "it was never accepted"])
def test_a_refused_token_without_hope_is_a_refused_source(call, last):
    credentials = ScriptedCredentials(last=last, renewal="later")

    result, seen, _ = call(httpx.Response(401), credentials=credentials)

    assert (result.concerns, len(seen)) == ("source", 1)


def test_without_a_token_nothing_is_asked_and_the_poll_has_failed(call):
    class Without(ScriptedCredentials):
        async def authorize(self, _at):
            raise TokenError("no token from login.example.com: it answered 500")

    result, seen, statuses = call(credentials=Without(last=1))

    assert result.why == "no token from login.example.com: it answered 500"
    assert (result.concerns, seen, statuses) == ("poll", [], ["token"])
