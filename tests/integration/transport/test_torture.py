"""A receiver that ends, speaks or lies at every place where one can."""

from __future__ import annotations

import asyncio
import gzip
import socket
import time

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.transport.scripted import (
    OK,
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
from tests.unit.transport.answers import MIXED
from webhookd.transport import SendError, Transport

HEAD = b"HTTP/1.1 202 Accepted\r\nX-A: 1\r\nContent-Length: 10\r\n\r\n"
LONG = HEAD + b"0123456789"


@pytest.mark.parametrize("end", [closing, resetting], ids=["FIN", "RST"])
async def test_a_connection_may_end_at_every_byte_of_an_answer(transport, end):
    """Up to the headers' end that is a failure; from there on, only the body is cut."""

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(LONG[: peer.number - 1])
        await end(peer)

    async with Receiver(script) as receiver:
        for length in range(len(LONG) + 1):
            found = await outcome(transport, receiver.url())
            assert receiver.accepted == length + 1
            if isinstance(found, str):
                # An RST may overtake what was said before it.
                assert found == "reset"
                assert length < len(HEAD) or end is resetting
                continue
            assert length >= len(HEAD)
            assert found.status_code == 202
            assert found.content == LONG[len(HEAD) : length]
            assert found.extensions["answer_cut"] is (length < len(LONG))


async def test_a_connection_may_end_at_every_byte_of_a_request(transport):
    """Nothing is sent again, and whoever answers early is heard."""

    async def script(peer: Peer) -> None:
        await peer.reader.readexactly(peer.number)
        peer.reset()

    async with Receiver(script) as receiver:
        for number in range(1, 80, 7):
            receiver.accepted = number - 1
            error = await failure(transport, receiver.url())

            assert error.reason == "reset"
            assert receiver.accepted == number


@pytest.mark.parametrize(
    ("length", "content", "is_cut"),
    [(b"1", b"o", False), (b"0", b"", False), (b"3", b"ok", True), (b"999999999999", b"ok", True)],
)
async def test_a_wrong_content_length_changes_no_status_and_costs_the_connection(
    transport, length, content, is_cut
):
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %b\r\n\r\nok" % length
    async with Receiver(answering(answer, then=closing)) as receiver:
        for _ in range(2):
            response = await send(transport, receiver.url())
            assert (response.status_code, response.content) == (200, content)
            assert response.extensions["answer_cut"] is is_cut
            await eventually(lambda: not transport._pool._all)

        assert receiver.accepted == 2


async def test_an_answer_that_was_there_before_the_request_is_none(transport):
    async def script(peer: Peer) -> None:
        await peer.say(OK)
        await peer.until_closed()

    async with Receiver(script) as receiver:
        # What has not come yet when the request goes out is taken for an early answer.
        found = [await outcome(transport, receiver.url()) for _ in range(20)]

    assert all(one == "protocol" or one.status_code == 200 for one in found)
    assert not transport._pool._idle


async def test_an_answer_before_the_request_is_seen_once_it_is_there(transport, monkeypatch):
    async def script(peer: Peer) -> None:
        await peer.say(OK)
        await peer.until_closed()

    connect = transport._connector._reach

    async def slowly(*arguments):
        connected = await connect(*arguments)
        await asyncio.sleep(0.05)
        return connected

    monkeypatch.setattr(transport._connector, "_reach", slowly)
    async with Receiver(script) as receiver:
        error = await failure(transport, receiver.url())

    assert error.reason == "protocol"
    assert "before it was asked" in error.detail


async def outcome(transport: Transport, url: str, **options: object) -> httpx.Response | str:
    """Send one request and return the response, or the reason for which there is none."""
    try:
        return await send(transport, url, **options)
    except SendError as error:
        return error.reason


async def test_a_receiver_that_does_not_take_the_request_is_told_from_one_that_does_not_answer(
    transport,
):
    async def deaf(peer: Peer) -> None:
        peer.reader._transport.pause_reading()
        await asyncio.sleep(20)

    async def mute(peer: Peer) -> None:
        await peer.request()
        await peer.say(b"HTTP/1.1 200 OK\r\n")
        await peer.until_closed()

    async with Receiver(deaf) as receiver:
        error = await failure(transport, receiver.url(), timeout=0.3, body=b"x" * 20_000_000)
        assert error.reason == "timeout"
        assert "did not take the whole request within 0.3 s" in error.detail

    async with Receiver(mute) as receiver:
        error = await failure(transport, receiver.url(), timeout=1)
        assert error.reason == "timeout"
        assert "did not finish its answer's headers within 1 s" in error.detail


async def test_an_early_answer_survives_the_reset_that_follows_it(transport):
    """A receiver that says 413 and closes has unread bytes, so its system sends an RST."""

    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")

    async with Receiver(script) as receiver:
        found = [
            await outcome(transport, receiver.url(), body=b"x" * size)
            for size in (10_000, 100_000, 1_000_000, 10_000_000)
        ]

    statuses = [one if isinstance(one, str) else one.status_code for one in found]
    assert set(statuses) <= {413, "reset"}
    assert 413 in statuses


async def test_a_gzip_bomb_is_kept_as_the_few_bytes_it_is(transport):
    bomb = gzip.compress(gzip.compress(bytes(50_000_000)))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: %d\r\n\r\n"
    started = time.monotonic()
    async with Receiver(answering(head % len(bomb) + bomb)) as receiver:
        response = await send(transport, receiver.url())

    assert await response.aread() == bomb
    assert time.monotonic() - started < 15


async def test_chunks_that_never_end_are_cut(transport):
    async def endless(peer: Peer) -> None:
        while not peer.writer.is_closing():
            await peer.say(b"1;%b\r\nx\r\n" % (b"e" * 1000) * 10)

    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with Receiver(answering(answer, then=endless)) as receiver:
        response = await send(transport, receiver.url(), timeout=30)

    assert response.extensions["answer_cut"] is True
    assert set(response.content) == {ord("x")}


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
async def test_an_ipv6_address_is_connected_to_and_named_in_brackets(transport):
    got = []

    async def script(peer: Peer) -> None:
        while request := await peer.request():
            got.append(request)
            await peer.say(OK)

    async with Receiver(script, host="::1") as receiver:
        for _ in range(2):
            await send(transport, receiver.url("[::1]"))
        assert receiver.accepted == 1
    assert b"Host: [::1]:%d\r\n" % receiver.port in got[0]

    error = await failure(transport, receiver.url("[::1]"))
    assert f"[::1]:{receiver.port} refuses" in error.detail


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(answers=st.lists(st.tuples(MIXED, st.sampled_from([closing, resetting, until_closed]))))
def test_whatever_bytes_come_the_attempt_ends_and_leaves_nothing(loop_factory, answers):
    """Real sockets: no crash, no hang, no socket left."""

    async def script(peer: Peer) -> None:
        await peer.request()
        answer, end = answers[(peer.number - 1) % len(answers)]
        await peer.say(answer)
        await end(peer)

    async def all_of_them() -> list[object]:
        async with Receiver(script) as receiver, Transport() as transport:
            sent = [send(transport, receiver.url(), timeout=0.05) for _ in answers]
            return await asyncio.gather(*sent, return_exceptions=True)

    before = open_sockets()
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        results = runner.run(asyncio.wait_for(all_of_them(), 60))
    assert open_sockets() <= before
    assert all(isinstance(each, httpx.Response | SendError) for each in results)
