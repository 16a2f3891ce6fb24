"""A request goes out as the bytes that httpx's seam would send, and its answer is read alike."""

from __future__ import annotations

import asyncio

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.making import LOOPBACK
from tests.receiver import Answer, Receiver
from webhookd.definitions import DIRECT, Proxy, Tls
from webhookd.delivery.sender import LocalSender
from webhookd.delivery.signed_request import SignedRequest, head_of
from webhookd.transport import PreparedRequest, SendError, SendOptions, Transport
from webhookd.transport.payload import payload

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,20}", fullmatch=True).filter(
    lambda name: name.lower() not in {"host", "content-length"}
)
VALUES = st.text(st.characters(codec="latin-1"), max_size=40)
OPTIONS = SendOptions(10, 3, Tls(), LOOPBACK)


def a_request(url="http://127.0.0.1:9/", method="POST", headers=(), body=b"{}", target="/a?b=c"):
    length = (("content-length", str(len(body))),) if body else ()
    head, lines = head_of(method, target, [("host", "h"), *headers, *length])
    return SignedRequest(method, url, target, url, head, lines, body)


def by_the_seam(request):
    """Return the bytes that httpx's seam sends of *request*."""
    prepared = PreparedRequest(
        request.method,
        httpx.URL(request.url),
        request.raw_headers(),
        request.body,
        {"target": request.target.encode()},
    )
    return payload(prepared)


@given(
    st.sampled_from(["POST", "PUT", "PATCH"]),
    st.lists(st.tuples(NAMES, VALUES), max_size=4),
    st.binary(min_size=1, max_size=60),
    st.from_regex(r"/[!-~]{0,30}", fullmatch=True),
)
def test_what_is_written_is_what_the_seam_would_send(method, headers, body, target):
    request = a_request(method=method, headers=tuple(headers), body=body, target=target)
    if any(control in value for _, value in headers for control in "\r\n\0"):
        for refused in (by_the_seam, SignedRequest.written):
            with pytest.raises(SendError, match="control character"):
                refused(request)
    else:
        assert request.written() == by_the_seam(request)
        assert request.headers[1:-1] == tuple(headers)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_request_without_a_body_says_nothing_of_one(method):
    request = a_request(method=method, body=b"")

    assert (
        request.written()
        == by_the_seam(request)
        == (method.encode() + b" /a?b=c HTTP/1.1\r\nhost: h\r\n\r\n")
    )


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nb", "a\rb", "a\0b"])
def test_no_value_writes_headers(value):
    with pytest.raises(SendError, match="control character"):
        a_request(headers=(("x-name", value),)).written()


class Seam(httpx.AsyncBaseTransport):
    """A transport that is asked as httpx would ask it."""

    def __init__(self, transport):
        self.handle_async_request = transport.handle_async_request


@pytest.mark.parametrize(
    "answer",
    [
        Answer(204),
        Answer(200, {"x-other": "1"}, b"thank you"),
        Answer(429, {"Retry-After": "30"}, b"later"),
        Answer(302, {"Location": "https://other.example/x"}),
        Answer(304, {"Location": "https://other.example/x"}),
        Answer(503, {"RETRY-AFTER": "Wed, 21 Oct 2037 07:28:00 GMT"}, b"x" * 70_000),
    ],
)
def test_an_answer_is_read_alike(answer):
    async def both(url):
        request = a_request(url)
        async with Transport() as transport:
            return [
                await LocalSender(one).send(request, OPTIONS)
                for one in (transport, Seam(transport))
            ]

    with Receiver(lambda _: answer) as receiver:
        direct, seam = asyncio.run(both(f"{receiver.url}/"))

    assert direct == seam
    assert direct.status == answer.status


def test_nobody_there_is_told_alike():
    async def both():
        async with Transport() as transport:
            return [
                await LocalSender(one).send(a_request("http://127.0.0.1:9/"), OPTIONS)
                for one in (transport, Seam(transport))
            ]

    direct, seam = asyncio.run(both())

    assert direct == seam
    assert direct.reason == "refused"


@pytest.mark.parametrize(
    ("of_process", "of_request", "is_direct"),
    [
        (None, None, True),
        (Proxy("http://proxy:1"), None, False),
        (Proxy("http://proxy:1"), DIRECT, True),
        (None, Proxy("http://proxy:1"), False),
    ],
)
def test_no_proxy_is_passed_by(of_process, of_request, is_direct):
    options = SendOptions(10, 3, Tls(), LOOPBACK, of_request)

    assert Transport(of_process).is_direct(options) is is_direct
