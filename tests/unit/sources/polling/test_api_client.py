"""Requests to an API, and whoever authorizes them."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.credentials import ScriptedCredentials
from tests.making import LOOPBACK
from tests.polls import VirtualTime
from webhookd.authentication.credentials import Fixed
from webhookd.definitions import ApiKey, Bearer
from webhookd.model import Secret
from webhookd.sources.dependencies import Clocks
from webhookd.sources.polling.api_client import ApiClient
from webhookd.sources.polling.refusals import PollError
from webhookd.sources.polling.request_budget import Budget, Burst


class Api:
    """Answers 401 until a request brings the *good* token; *seen* are its requests."""

    def __init__(self, good):
        self._good = good
        self.seen = []

    def __call__(self, request):
        self.seen.append(request)
        is_good = request.headers.get("authorization") == f"Bearer {self._good}"
        return httpx.Response(200 if is_good else 401, json={})


def called(api, credentials):
    time = VirtualTime()
    client = ApiClient(
        "https://api.example.com",
        credentials,
        transport=httpx.MockTransport(api),
        egress=lambda: LOOPBACK,
        budget=Budget(Burst(90, 10.0), monotonic=time.monotonic, sleep=time.sleep),
        clocks=Clocks(time.now, time.monotonic, lambda: 0.0, time.sleep),
        count=lambda _: None,
    )
    return asyncio.run(client.call("GET", "/things?limit=1"))


def test_a_request_whose_token_was_refused_is_made_again_with_another():
    api, credentials = Api(good=2), ScriptedCredentials(last=2)

    assert called(api, credentials).content == {}
    assert credentials.heard == [(1, 401), (2, 200)]


@pytest.mark.parametrize(
    ("credentials", "requests"),
    [(Fixed(Bearer(Secret("old"))), 1), (ScriptedCredentials(last=2), 2)],
    ids=["fixed", "no third"],
)
def test_where_there_is_no_other_token_the_refusal_stands(credentials, requests):
    api = Api(good="new")

    with pytest.raises(PollError, match="401") as raised:
        called(api, credentials)

    assert raised.value.refusal.concerns == "source"
    assert len(api.seen) == requests


def test_a_key_in_the_query_is_its_end():
    api = Api(good=None)

    with pytest.raises(PollError):
        called(api, Fixed(ApiKey("key", "query", Secret("k&1"))))

    assert str(api.seen[0].url) == "https://api.example.com/things?limit=1&key=k%261"
