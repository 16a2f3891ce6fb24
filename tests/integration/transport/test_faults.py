"""What is made of receivers that are silent, gone, slow or rude, and of cancelling."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from ipaddress import ip_network

import httpx
import pytest

from tests.integration.transport.scripted import (
    LOOPBACK,
    OK,
    Peer,
    Receiver,
    answering,
    closing,
    eventually,
    failure,
    resetting,
    send,
    until_closed,
)
from webhookd.definitions import Egress
from webhookd.transport import SendError, pool


def a_closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


async def test_a_port_that_nobody_listens_on_refuses(transport):
    port = a_closed_port()

    error = await failure(transport, f"http://127.0.0.1:{port}/?key=CANARY")

    assert error.reason == "refused"
    assert f"127.0.0.1:{port}" in error.detail


async def test_a_failure_is_one_of_httpx_own_errors(transport):
    with pytest.raises(httpx.TransportError):
        await send(transport, f"http://127.0.0.1:{a_closed_port()}/")


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "/just/a/path", "http:///nowhere"])
async def test_a_url_that_names_no_web_server_is_refused(transport, url):
    assert (await failure(transport, url)).reason == "protocol"


async def test_a_silent_receiver_times_out(transport):
    started = time.monotonic()
    async with Receiver(until_closed) as receiver:
        error = await failure(transport, receiver.url(), timeout=0.2)

        assert 0.15 < time.monotonic() - started < 10
        assert error.reason == "timeout"
        assert "within 0.2 s" in error.detail
        await eventually(lambda: not transport._pool._all)


async def test_a_receiver_that_drips_its_headers_times_out(transport):
    async def dripping(peer: Peer) -> None:
        await peer.request()
        for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 1000:
            await peer.say(bytes([byte]))
            await asyncio.sleep(0.01)

    started = time.monotonic()
    async with Receiver(dripping) as receiver:
        error = await failure(transport, receiver.url(), timeout=0.3)

    assert time.monotonic() - started < 10
    assert error.reason == "timeout"


async def test_a_receiver_that_never_reads_times_out(transport):
    async def deaf(peer: Peer) -> None:
        peer.reader._transport.pause_reading()
        await asyncio.sleep(10)

    started = time.monotonic()
    async with Receiver(deaf) as receiver:
        error = await failure(transport, receiver.url(), timeout=0.3, body=b"x" * 20_000_000)

    assert time.monotonic() - started < 10
    assert error.reason == "timeout"


async def test_a_shorter_timeout_counts_on_a_connection_that_had_a_longer_one(transport):
    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await peer.until_closed()

    async with Receiver(once) as receiver:
        await send(transport, receiver.url(), timeout=30)
        started = time.monotonic()
        error = await failure(transport, receiver.url(), timeout=0.2)

        assert receiver.accepted == 1
    assert error.reason == "timeout"
    assert time.monotonic() - started < 10


async def test_a_longer_timeout_counts_on_a_connection_that_had_a_shorter_one(transport):
    async def slower(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await peer.request()
        await asyncio.sleep(1.5)
        await peer.say(OK)

    async with Receiver(slower) as receiver:
        await send(transport, receiver.url(), timeout=1)
        assert (await send(transport, receiver.url(), timeout=20)).content == b"ok"

        assert receiver.accepted == 1


@pytest.mark.parametrize("end", [closing, resetting], ids=["FIN", "RST"])
@pytest.mark.parametrize(
    ("begin", "when"),
    [
        (b"", "without an answer"),
        (b"HTTP/1.1 200 OK\r\nX: ", "in the middle"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "in the middle"),
    ],
)
async def test_a_connection_that_ends_before_the_headers_do_is_a_reset(transport, begin, when, end):
    async with Receiver(answering(begin, then=end)) as receiver:
        error = await failure(transport, receiver.url())

        assert error.reason == "reset"
        assert receiver.accepted == 1
    # An RST may overtake what was said before it.
    assert when in error.detail or end is resetting


async def test_a_receiver_that_resets_at_once_is_a_failure_and_not_tried_again(transport):
    async with Receiver(resetting) as receiver:
        error = await failure(transport, receiver.url())

        assert error.reason == "reset"
        assert receiver.accepted == 1


async def test_a_half_closed_receiver_can_still_have_answered(transport):
    async def half_closing(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no", b"k")
        peer.writer.write_eof()
        await peer.until_closed()

    async with Receiver(half_closing) as receiver:
        for _ in range(2):
            assert (await send(transport, receiver.url())).content == b"ok"
            await eventually(lambda: not transport._pool._all)

        assert receiver.accepted == 2


async def test_a_half_closed_receiver_without_an_answer_is_not_waited_for(transport):
    async def half_closing(peer: Peer) -> None:
        await peer.request()
        peer.writer.write_eof()
        await peer.until_closed()

    async with Receiver(half_closing) as receiver:
        error = await failure(transport, receiver.url(), timeout=30)

    assert error.reason == "reset"


@pytest.mark.parametrize("end", [closing, resetting], ids=["FIN", "RST"])
async def test_a_connection_that_died_idle_is_replaced_unnoticed(transport, end):
    async def once(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await end(peer)

    async with Receiver(once) as receiver:
        for _ in range(3):
            assert (await send(transport, receiver.url())).content == b"ok"
            await asyncio.sleep(0.02)

        assert receiver.accepted == 3


async def test_a_connection_that_died_unseen_is_replaced_unnoticed(transport):
    """The event loop gets no chance to read the FIN: only the socket can tell."""
    peers: list[Peer] = []

    async def script(peer: Peer) -> None:
        peers.append(peer)
        while await peer.request():
            await peer.say(OK)

    async with Receiver(script) as receiver:
        await send(transport, receiver.url())
        descriptor = os.dup(peers[0].writer.get_extra_info("socket").fileno())
        with socket.socket(fileno=descriptor) as receivers_end:
            receivers_end.shutdown(socket.SHUT_WR)
            assert (await send(transport, receiver.url())).content == b"ok"

        assert receiver.accepted == 2


async def test_a_request_that_may_have_been_read_is_never_sent_again(transport):
    async def second_is_lost(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await peer.request()

    async with Receiver(second_is_lost) as receiver:
        await send(transport, receiver.url())
        error = await failure(transport, receiver.url())

        assert error.reason == "reset"
        assert receiver.accepted == 1


async def test_an_idle_connection_is_closed_after_a_while(transport, monkeypatch):
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.05)
    monkeypatch.setattr(pool, "SWEEP_SECONDS", 0.05)
    async with Receiver(answering(OK)) as receiver:
        await send(transport, receiver.url())
        assert transport._pool._all

        await eventually(lambda: not transport._pool._all)
        assert not transport._pool._idle


async def test_an_idle_connection_that_is_too_old_is_not_used(transport, monkeypatch):
    monkeypatch.setattr(pool, "IDLE_SECONDS", 0.05)
    async with Receiver(answering(OK)) as receiver:
        await send(transport, receiver.url())
        await asyncio.sleep(0.1)
        await send(transport, receiver.url())

        assert receiver.accepted == 2


async def test_a_busy_connection_is_replaced_in_the_end(transport, monkeypatch):
    monkeypatch.setattr(pool, "OLDEST_SECONDS", 0.1)
    async with Receiver(answering(OK)) as receiver:
        for _ in range(10):
            await send(transport, receiver.url())
            await asyncio.sleep(0.02)

        assert 2 <= receiver.accepted < 10


async def test_only_so_many_connections_are_kept_idle(transport, monkeypatch):
    monkeypatch.setattr(transport._pool, "_most_idle", 2)

    async def slow(peer: Peer) -> None:
        while await peer.request():
            await asyncio.sleep(0.05)
            await peer.say(OK)

    async with Receiver(slow) as receiver:
        await asyncio.gather(*(send(transport, receiver.url()) for _ in range(5)))

        await eventually(lambda: len(transport._pool._all) == 2)


async def test_a_new_idle_connection_takes_the_place_of_the_oldest(transport, monkeypatch):
    monkeypatch.setattr(transport._pool, "_most_idle", 2)
    async with (
        Receiver(answering(OK)) as first,
        Receiver(answering(OK)) as second,
        Receiver(answering(OK)) as third,
    ):
        for receiver in (first, second, third, third, second, first):
            await send(transport, receiver.url())

        assert (first.accepted, second.accepted, third.accepted) == (2, 1, 1)
        await eventually(lambda: len(transport._pool._all) == 2)


async def test_the_connection_used_last_is_used_first(transport):
    numbers = []

    async def slow(peer: Peer) -> None:
        while await peer.request():
            numbers.append(peer.number)
            await asyncio.sleep(0.02 * peer.number)
            await peer.say(OK)

    async with Receiver(slow) as receiver:
        await asyncio.gather(*(send(transport, receiver.url()) for _ in range(3)))
        await send(transport, receiver.url())

    assert numbers[3] == numbers[2]


async def test_changed_egress_settings_never_use_an_old_connection(transport):
    wider = Egress(allow=(*LOOPBACK.allow, ip_network("10.0.0.0/8")))
    narrower = Egress(allow=LOOPBACK.allow, deny=(ip_network("127.0.0.1/32"),))
    async with Receiver(answering(OK)) as receiver:
        await send(transport, receiver.url())
        await send(transport, receiver.url(), egress=wider)
        assert receiver.accepted == 2

        assert (await failure(transport, receiver.url(), egress=narrower)).reason == "egress"
        assert receiver.accepted == 2


async def test_equal_egress_settings_of_another_plan_share_connections(transport):
    async with Receiver(answering(OK)) as receiver:
        await send(transport, receiver.url())
        await send(transport, receiver.url(), egress=Egress(allow=tuple(LOOPBACK.allow)))

        assert receiver.accepted == 1


async def test_cancelling_closes_the_connection(transport):
    gone = asyncio.Event()

    async def silent(peer: Peer) -> None:
        await peer.request()
        await peer.until_closed()
        gone.set()

    async with Receiver(silent) as receiver:
        sending = asyncio.create_task(send(transport, receiver.url()))
        await eventually(lambda: receiver.accepted == 1)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        async with asyncio.timeout(30):
            await gone.wait()


@pytest.mark.parametrize("turns", range(12))
async def test_cancelling_at_any_moment_leaves_nothing(transport, turns):
    async with Receiver(answering(OK)) as receiver:
        sending = asyncio.create_task(send(transport, receiver.url("localhost")))
        for _ in range(turns):
            await asyncio.sleep(0)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)


async def test_closing_fails_what_is_under_way_and_waits(transport):
    async with Receiver(until_closed) as receiver:
        sending = asyncio.create_task(send(transport, receiver.url()))
        await eventually(lambda: bool(transport._pool._all))
        await asyncio.sleep(0.02)
        await transport.aclose()

        assert not transport._pool._all
        with pytest.raises(SendError) as caught:
            await sending
        assert caught.value.reason == "reset"
        assert "given up" in caught.value.detail


async def test_a_closed_transport_keeps_no_connections(transport):
    await transport.aclose()
    async with Receiver(answering(OK)) as receiver:
        assert (await failure(transport, receiver.url())).reason == "reset"


async def test_sending_with_a_streamed_body_is_a_programming_error(transport):
    async def body():
        yield b"x"

    request = httpx.Request("POST", "http://127.0.0.1/", content=body())
    request.extensions["webhookd"] = None
    with pytest.raises((TypeError, AttributeError)):
        await transport.handle_async_request(request)


RUDE = [
    answering(b"", then=closing),
    answering(b"", then=resetting),
    resetting,
    answering(b"junk", then=closing),
    answering(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal", then=resetting),
    answering(b"HTTP/1.1 200 OK\r\n\r\nhal", then=until_closed),
    answering(OK + OK),
    answering(b"HTTP/1.1 101 S\r\n\r\n", then=until_closed),
    answering(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 70_000, then=until_closed),
    until_closed,
]
"""Many ways for a receiver to misbehave."""


async def test_500_rude_exchanges_leave_nothing_behind(transport):
    """Sockets, tasks and noise are counted after every test here."""

    async def script(peer: Peer) -> None:
        await RUDE[peer.number % len(RUDE)](peer)

    # Exchanges that wait for a place do not use up their own time, however slow the machine.
    places = asyncio.Semaphore(50)

    async def exchange() -> httpx.Response:
        async with places:
            return await send(transport, receiver.url(), timeout=2)

    async with Receiver(script) as receiver:
        results = await asyncio.gather(*(exchange() for _ in range(500)), return_exceptions=True)
        await eventually(lambda: not transport._pool._all)

    assert all(isinstance(each, httpx.Response | SendError) for each in results)
    reasons = {each.reason for each in results if isinstance(each, SendError)}
    assert reasons == {"reset", "protocol", "timeout"}
