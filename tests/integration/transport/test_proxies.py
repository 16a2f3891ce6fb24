"""Sending through a proxy: what it is asked, what it is told, and what its faults look like."""

from __future__ import annotations

import asyncio
import base64
import gzip
import re
import time
from contextlib import suppress
from ipaddress import ip_network

import pytest
import trustme

from tests.certificates import serving
from tests.integration.transport.scripted import (
    LOOPBACK,
    OK,
    Blackhole,
    Peer,
    Receiver,
    answering,
    closing,
    eventually,
    failure,
    open_sockets,
    resetting,
    send,
    until_closed,
)
from webhookd.definitions import Basic, Egress, Proxy
from webhookd.model import Secret
from webhookd.transport import Transport, proxy_connections
from webhookd.transport.resolver import Address


async def connecting(peer: Peer) -> None:
    """Be a proxy: connect where CONNECT says, and carry bytes both ways."""
    head = await peer.request()
    found = re.match(rb"CONNECT ([^ ]+):(\d+) HTTP/1.1\r\n", head)
    if found is None:
        return
    reader, writer = await asyncio.open_connection("127.0.0.1", int(found[2]))
    await peer.say(b"HTTP/1.1 200 Connection established\r\n\r\n")
    try:
        async with asyncio.TaskGroup() as both:
            both.create_task(carry(peer.reader, writer))
            both.create_task(carry(reader, peer.writer))
    finally:
        writer.close()


async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


def at(proxy: Receiver | Blackhole, **authentication: object) -> Proxy:
    return Proxy(f"http://127.0.0.1:{proxy.port}", **authentication)


async def test_an_https_request_goes_through_a_tunnel_and_connections_are_kept(
    transport, authority, trusted
):
    async with (
        Receiver(answering(OK), tls=serving(authority)) as receiver,
        Receiver(connecting) as proxy,
    ):
        for _ in range(3):
            response = await send(
                transport, receiver.url("localhost"), tls=trusted, proxy=at(proxy)
            )
            assert (response.status_code, response.content) == (200, b"ok")

        assert (receiver.accepted, proxy.accepted) == (1, 1)


async def test_a_plain_request_is_handed_to_the_proxy_with_its_target_as_it_was_signed(transport):
    got = []

    async def script(peer: Peer) -> None:
        got.append(await peer.request())
        await peer.say(OK)

    async with Receiver(script) as proxy:
        url = "http://receiver.invalid:81/h?a='%7E'"
        await send(
            transport, url, proxy=at(proxy), target=b"/h?a='%7E|'", headers={"X-Tenant": "acme"}
        )

    head, _, body = got[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST http://receiver.invalid:81/h?a='%7E|' HTTP/1.1"
    assert sorted(lines[1:]) == [
        b"Content-Length: 8",
        b"Host: receiver.invalid:81",
        b"X-Tenant: acme",
    ]
    assert body == b'{"a": 1}'


async def test_a_tunnel_is_asked_for_by_name_and_port_whatever_the_target_is(
    transport, authority, trusted
):
    got = []

    async def script(peer: Peer) -> None:
        got.append(await peer.request())

    async with Receiver(script) as proxy:
        await failure(
            transport, "https://receiver.invalid./", proxy=at(proxy), target=b"/h?key=CANARY"
        )

    assert got[0].startswith(b"CONNECT receiver.invalid:443 HTTP/1.1\r\n")
    assert b"CANARY" not in got[0]


async def test_the_proxy_learns_the_password_and_the_receiver_does_not(
    transport, authority, trusted
):
    told, received = [], []

    async def listening(peer: Peer) -> None:
        told.append(await peer.request())
        await connecting(Replayed(peer, told[0]))

    async def receiving(peer: Peer) -> None:
        received.append(await peer.request())
        await peer.say(OK)

    basic = Basic("user", Secret("CANARY-€"))
    async with (
        Receiver(receiving, tls=serving(authority)) as receiver,
        Receiver(listening) as proxy,
    ):
        await send(
            transport,
            receiver.url("localhost"),
            tls=trusted,
            proxy=at(proxy, authentication=basic),
        )

    expected = base64.b64encode("user:CANARY-€".encode())
    assert b"Proxy-Authorization: Basic " + expected in told[0]
    assert b"roxy" not in received[0]


class Replayed(Peer):
    """A peer whose request has been read before."""

    def __init__(self, peer: Peer, head: bytes) -> None:
        super().__init__(peer.reader, peer.writer, peer.number)
        self._head = head

    async def request(self) -> bytes:
        return self._head


async def test_the_proxy_of_the_process_is_for_requests_that_name_none(loop_factory, transport):
    async with Receiver(answering(OK)) as receiver, Receiver(answering(OK)) as proxy:
        through = Transport(at(proxy))
        try:
            await send(through, receiver.url())
            assert (receiver.accepted, proxy.accepted) == (0, 1)

            await send(through, receiver.url(), proxy="direct")
            assert (receiver.accepted, proxy.accepted) == (1, 1)
        finally:
            await through.aclose()


async def test_egress_is_asked_about_what_is_handed_to_the_proxy(transport, monkeypatch):
    """The proxy may pick any address of a name, so one that is refused is enough."""
    async with Receiver(answering(OK)) as proxy:
        for host in ("169.254.169.254", "0x7f.1", "localhost", "10.1.2.3"):
            error = await failure(
                transport, f"http://{host}/?key=CANARY", proxy=at(proxy), egress=Egress()
            )
            assert error.reason == "egress"

        async def several(_):
            return [*(await _literal("8.8.8.8")), *(await _literal("127.0.0.1"))]

        monkeypatch.setattr(transport._proxies._resolver, "addresses", several)
        error = await failure(transport, "http://name.example/", proxy=at(proxy), egress=Egress())
        assert error.reason == "egress"
        assert proxy.accepted == 0


async def _literal(host: str):
    return [Address(2, host, 80)]


async def test_deny_holds_for_what_is_handed_to_the_proxy(transport):
    egress = Egress(allow=LOOPBACK.allow, deny=(ip_network("8.8.8.0/24"),))
    async with Receiver(answering(OK)) as proxy:
        error = await failure(transport, "http://8.8.8.8/", proxy=at(proxy), egress=egress)

        assert error.reason == "egress"
        assert "egress.deny" in error.detail
        assert proxy.accepted == 0


async def test_a_name_that_only_the_proxy_can_resolve_is_left_to_it(transport):
    async with Receiver(answering(OK)) as proxy:
        response = await send(transport, "http://receiver.invalid/", proxy=at(proxy))

    assert response.content == b"ok"


async def test_an_ipv6_address_is_not_asked_of_a_proxy(transport):
    async with Receiver(answering(OK)) as proxy:
        error = await failure(transport, "https://[2001:db8::1]/", proxy=at(proxy))

        assert "use a name" in error.detail
        assert proxy.accepted == 0


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_header_with_a_line_break_never_gets_to_a_proxy(transport, scheme):
    async with Receiver(answering(OK)) as proxy:
        headers = {"x-own": "a\r\nx-other: b"}
        url = f"{scheme}://127.0.0.1:1/"
        error = await failure(transport, url, headers=headers, proxy=at(proxy))

        assert error.reason == "internal"
        assert proxy.accepted == 0


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_nobody_runs_refuses(transport, scheme):
    async with Receiver(closing) as gone:
        pass
    error = await failure(transport, f"{scheme}://receiver.invalid/", proxy=at(gone))

    assert error.reason == "refused"
    assert f"the proxy 127.0.0.1:{gone.port} refuses connections" in error.detail


async def test_a_proxy_whose_name_does_not_exist_is_a_dns_failure(transport):
    proxy = Proxy("http://proxy.invalid:3128")
    error = await failure(transport, "https://receiver.invalid/", proxy=proxy)

    assert error.reason == "dns"
    assert "proxy.invalid" in error.detail


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (b"407 Proxy Authentication Required", "proxy_authentication"),
        (b"403 Forbidden by CANARY", "its own rules"),
        (b"502 Bad Gateway", "502"),
    ],
)
async def test_a_proxy_that_does_not_connect_is_a_refusal(transport, status, hint):
    answer = b"HTTP/1.1 %b\r\nContent-Length: 2\r\n\r\nno" % status
    async with Receiver(answering(answer)) as proxy:
        error = await failure(transport, "https://receiver.invalid/", proxy=at(proxy))

    assert error.reason == "refused"
    assert hint in error.detail


async def test_a_plain_request_that_the_proxy_wants_a_password_for_is_no_answer(transport):
    answer = b"HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n"
    async with Receiver(answering(answer)) as proxy:
        error = await failure(transport, "http://receiver.invalid/", proxy=at(proxy))

    assert error.reason == "refused"


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_silent_proxy_times_out_and_is_closed(transport, scheme):
    started = time.monotonic()
    gone = asyncio.Event()

    async def silent(peer: Peer) -> None:
        await peer.until_closed()
        gone.set()

    async with Receiver(silent) as proxy:
        error = await failure(
            transport, f"{scheme}://receiver.invalid/", proxy=at(proxy), timeout=1
        )
        assert error.reason == "timeout"
        assert time.monotonic() - started < 15
        async with asyncio.timeout(30):
            await gone.wait()


@pytest.mark.parametrize("end", [closing, resetting], ids=["FIN", "RST"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_hangs_up_is_a_reset(transport, scheme, end):
    async with Receiver(answering(b"", then=end)) as proxy:
        error = await failure(transport, f"{scheme}://receiver.invalid/", proxy=at(proxy))

        assert error.reason == "reset"
        assert proxy.accepted == 1


@pytest.mark.parametrize(
    "answer",
    [b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 99 X\r\n\r\n", b"HTTP/1.1 101 S\r\n\r\n", b"\0" * 200_000],
)
async def test_what_is_not_http_is_a_broken_answer(transport, answer):
    async with Receiver(answering(answer, then=until_closed)) as proxy:
        error = await failure(transport, "http://receiver.invalid/", proxy=at(proxy))

    assert error.reason == "protocol"
    assert len(error.detail) < 300


async def test_headers_over_64_kib_are_a_broken_answer(transport):
    answer = b"HTTP/1.1 200 OK\r\n" + b"X-A: %b\r\n" % (b"x" * 1000) * 70 + OK[17:]
    async with Receiver(answering(answer, then=until_closed)) as proxy:
        error = await failure(transport, "http://receiver.invalid/", proxy=at(proxy))

    assert error.reason == "protocol"


async def test_a_body_that_never_ends_is_cut_at_64_kib(transport):
    async def endless(peer: Peer) -> None:
        while not peer.writer.is_closing():
            await peer.say(b"x" * 10_000)

    started = time.monotonic()
    async with Receiver(answering(b"HTTP/1.1 200 OK\r\n\r\n", then=endless)) as proxy:
        response = await send(transport, "http://receiver.invalid/", proxy=at(proxy), timeout=30)

    assert time.monotonic() - started < 15
    assert response.content == b"x" * 65536
    assert response.extensions["answer_cut"] is True


@pytest.mark.parametrize("then", [closing, resetting, until_closed], ids=["FIN", "RST", "silence"])
async def test_once_the_headers_are_there_a_broken_body_changes_nothing(transport, then):
    answer = b"HTTP/1.1 202 A\r\nContent-Length: 20\r\n\r\nhal"

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(answer)
        await asyncio.sleep(0.02)
        await then(peer)

    timeout = 1 if then is until_closed else 20
    async with Receiver(script) as proxy:
        url = "http://receiver.invalid/"
        response = await send(transport, url, proxy=at(proxy), timeout=timeout)

    assert (response.status_code, response.content) == (202, b"hal")
    assert response.extensions["answer_cut"] is True


async def test_a_compressed_body_stays_as_it_came(transport):
    body = gzip.compress(b"x" * 1_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with Receiver(answering(head + body)) as proxy:
        response = await send(transport, "http://receiver.invalid/", proxy=at(proxy))

    assert response.content == body


async def test_a_certificate_is_verified_through_a_proxy_too(transport, authority, trusted):
    cases = [
        (serving(trustme.CA()), "authority that is not trusted"),
        (serving(authority, "other.example"), "not for this host"),
    ]
    for context, words in cases:
        async with Receiver(answering(OK), tls=context) as receiver, Receiver(connecting) as proxy:
            url = receiver.url("localhost")
            error = await failure(transport, url, tls=trusted, proxy=at(proxy))

        assert error.reason == "tls"
        assert words in error.detail


@pytest.mark.parametrize("turns", range(0, 60, 4))
async def test_cancelling_at_any_moment_leaves_nothing(transport, authority, trusted, turns):
    async with (
        Receiver(answering(OK), tls=serving(authority)) as receiver,
        Receiver(connecting) as proxy,
    ):
        sending = asyncio.create_task(
            send(transport, receiver.url("localhost"), tls=trusted, proxy=at(proxy))
        )
        for _ in range(turns):
            await asyncio.sleep(0)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def test_connections_to_a_proxy_are_closed_when_nobody_uses_them(transport, monkeypatch):
    monkeypatch.setattr(proxy_connections, "IDLE_SECONDS", 0.05)
    gone = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await peer.until_closed()
        gone.set()

    async with Receiver(script) as proxy:
        await send(transport, "http://receiver.invalid/", proxy=at(proxy))
        async with asyncio.timeout(30):
            await gone.wait()
        await eventually(lambda: not transport._proxies._routes)


async def test_closing_fails_what_is_not_even_connected(transport):
    with Blackhole("127.0.0.1") as proxy:
        before = open_sockets()
        sending = asyncio.create_task(
            failure(transport, "http://receiver.invalid/", proxy=at(proxy))
        )
        await eventually(lambda: open_sockets() > before)
        await transport.aclose()

        assert (await sending).reason == "reset"


async def test_closing_fails_what_is_under_way_and_all_that_comes_later(transport):
    async with Receiver(until_closed) as proxy:
        sending = asyncio.create_task(
            failure(transport, "http://receiver.invalid/", proxy=at(proxy))
        )
        await eventually(lambda: proxy.accepted == 1)
        await transport.aclose()

        assert (await sending).reason == "reset"
        error = await failure(transport, "http://receiver.invalid/", proxy=at(proxy))
        assert error.reason == "reset"
