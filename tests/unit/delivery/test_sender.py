"""What a sender takes and gives."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path

import httpx
import pytest

from tests.making import LOOPBACK, NOW, a_delivery, a_webhook
from webhookd.authentication.credentials import Authorization
from webhookd.definitions import Basic, Proxy, Request, Tls
from webhookd.delivery.prepared_webhook import prepare
from webhookd.delivery.sender import LocalSender
from webhookd.model import Response, Secret, Unreachable
from webhookd.transport import SendError

REQUEST = Request(
    "POST",
    "https://example.com/in?a=1#part",
    Basic("ada", Secret("pw1")),
    tls=Tls(Path("/ca.pem"), "fingerprint"),
    proxy=Proxy("http://proxy.example.com:3128"),
)


def a_request():
    prepared = prepare(a_webhook(request=REQUEST), LOOPBACK)
    return prepared.template.fill(a_delivery(id="one"), Authorization(), at=NOW), prepared


def sent(answer):
    request, prepared = a_request()
    sender = LocalSender(httpx.MockTransport(answer))
    return asyncio.run(sender.send(request, prepared.options))


@pytest.mark.parametrize(
    "reply", [Response(500, "5", b"no", is_cut=True), Unreachable("connect", "refused")]
)
def test_what_a_sender_takes_and_gives_may_go_to_another_process(reply):
    """But for secrets among the options, which whoever passes them on must reveal on purpose."""
    request, prepared = a_request()
    exchange = (request, prepared.options, reply)

    assert pickle.loads(pickle.dumps(exchange)) == exchange  # noqa: S301 - of our own making


def test_a_response_comes_back_as_a_value():
    def answer(request):
        assert request.extensions["target"] == b"/in?a=1"
        return httpx.Response(
            503, headers={"Retry-After": "7"}, content=b"busy", extensions={"answer_cut": True}
        )

    assert sent(answer) == Response(503, "7", b"busy", is_cut=True)


def test_what_the_network_did_comes_back_as_a_value():
    def answer(_request):
        raise SendError("dns", "no such host")

    assert sent(answer) == Unreachable("dns", "no such host")
