"""What is made of the bytes that a receiver answers with."""

from __future__ import annotations

import asyncio
import gzip
import os
import time

import pytest

from tests.integration.transport.scripted import (
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

KIBIBYTE = 1024


async def test_two_requests_share_a_connection(transport):
    async with Receiver(answering(OK)) as receiver:
        for _ in range(3):
            response = await send(transport, receiver.url())
            assert (response.status_code, response.content) == (200, b"ok")
            assert response.extensions["answer_cut"] is False

        assert receiver.accepted == 1


async def test_the_request_goes_out_as_it_was_given(transport):
    got = []

    async def script(peer: Peer) -> None:
        got.append(await peer.request())
        await peer.say(OK)

    async with Receiver(script) as receiver:
        url = f"http://127.0.0.1:{receiver.port}/a%20b?x='(1)'&y=%27"
        await send(transport, url, headers={"X-Tenant": "acme"}, body=b"\x00\xff")

    head, _, body = got[0].partition(b"\r\n\r\n")
    assert body == b"\x00\xff"
    lines = head.split(b"\r\n")
    assert lines[0].startswith(b"POST /a%20b?x=")
    assert sorted(lines[1:]) == [
        b"Content-Length: 2",
        b"Host: 127.0.0.1:%d" % receiver.port,
        b"X-Tenant: acme",
    ]


async def test_a_target_given_as_bytes_is_not_rewritten(transport):
    got = []

    async def script(peer: Peer) -> None:
        got.append(await peer.request())
        await peer.say(OK)

    async with Receiver(script) as receiver:
        await send(transport, receiver.url(), target=b"/h?a='%7E|\"^`{}")

    assert got[0].startswith(b"POST /h?a='%7E|\"^`{} HTTP/1.1\r\n")


async def test_a_get_has_no_content_length(transport):
    got = []

    async def script(peer: Peer) -> None:
        got.append(await peer.request())
        await peer.say(OK)

    async with Receiver(script) as receiver:
        await send(transport, receiver.url(), method="GET", body=b"")

    assert b"ontent-" not in got[0]


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"X-A": "1\r\nX-B: 2"}},
        {"headers": {"X-A": "1\nX-B: 2"}},
        {"headers": {"X-A": "1\r"}},
        {"headers": {"X-A": "\0"}},
        {"target": b"/ HTTP/1.1\r\nX-B: 2"},
    ],
)
async def test_a_value_cannot_write_headers(transport, options):
    async with Receiver(answering(OK)) as receiver:
        error = await failure(transport, receiver.url(), **options)

    assert error.reason == "internal"
    assert receiver.accepted == 0


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nX-T: 1\r\n\r\n",
        b"HTTP/1.1 200\r\nContent-Length:2\r\n\r\nok",
        b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
        b"HTTP/1.1 100 Continue\r\n\r\n" + OK,
        b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK,
    ],
    ids=["chunked", "no reason", "bare line feeds", "100", "103 and 100"],
)
@pytest.mark.parametrize("step", [1, 7, 1000])
async def test_an_answer_is_the_same_in_whatever_pieces_it_comes(transport, answer, step):
    pieces = [answer[start : start + step] for start in range(0, len(answer), step)]

    async def script(peer: Peer) -> None:
        while await peer.request():
            for piece in pieces:
                await peer.say(piece)

    async with Receiver(script) as receiver:
        for _ in range(2):
            response = await send(transport, receiver.url())
            assert (response.status_code, response.content) == (200, b"ok")
            assert not response.extensions["answer_cut"]
            assert not {b"X-T", b"Link"}.intersection(dict(response.headers.raw))
        assert receiver.accepted == 1


async def test_a_body_may_end_with_the_connection(transport):
    answer = b"HTTP/1.1 200 OK\r\n\r\nall of it"
    async with Receiver(answering(answer, then=closing)) as receiver:
        for _ in range(2):
            response = await send(transport, receiver.url())
            assert response.content == b"all of it"
            assert not response.extensions["answer_cut"]

        assert receiver.accepted == 2


@pytest.mark.parametrize("status", [204, 304])
async def test_an_answer_without_a_body_is_complete_at_once(transport, status):
    answer = b"HTTP/1.1 %d X\r\n\r\n" % status
    async with Receiver(answering(answer)) as receiver:
        for _ in range(2):
            assert (await send(transport, receiver.url())).status_code == status

        assert receiver.accepted == 1


async def test_an_answer_to_head_has_no_body_whatever_its_length_says(transport):
    async with Receiver(answering(OK[:-2], then=until_closed)) as receiver:
        response = await send(transport, receiver.url(), method="HEAD", body=b"")

    assert response.content == b""


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nkeep-alive: max=100, timeout=0\r\nContent-Length: 2\r\n\r\nok",
    ],
)
async def test_a_connection_is_closed_when_the_receiver_says_so(transport, answer):
    async with Receiver(answering(answer)) as receiver:
        for _ in range(2):
            assert (await send(transport, receiver.url())).content == b"ok"

        assert receiver.accepted == 2


@pytest.mark.parametrize(
    ("answer", "then"),
    [
        (b"HTTP/1.1 202 A\r\nContent-Length: 20\r\n\r\nhal", closing),
        (b"HTTP/1.1 202 A\r\nContent-Length: 20\r\n\r\nhal", resetting),
        (b"HTTP/1.1 202 A\r\n\r\nhal", resetting),
        (b"HTTP/1.1 202 A\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhal\r\n", closing),
        (b"HTTP/1.1 202 A\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhal\r\nzz\r\n", until_closed),
        (b"HTTP/1.1 202 A\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhalX\r\n", until_closed),
    ],
)
async def test_once_the_headers_are_there_a_broken_body_changes_nothing(transport, answer, then):
    async with Receiver(answering(answer, then=then)) as receiver:
        response = await send(transport, receiver.url())
        assert (response.status_code, response.content) == (202, b"hal")
        assert response.extensions["answer_cut"] is True

        await send(transport, receiver.url())
        assert receiver.accepted == 2


async def test_a_body_that_never_ends_is_cut_at_64_kib_and_closed(transport):
    async def endless(peer: Peer) -> None:
        while not peer.writer.is_closing():
            await peer.say(b"x" * 10_000)

    answer = b"HTTP/1.1 200 OK\r\n\r\n"
    async with Receiver(answering(answer, then=endless)) as receiver:
        response = await send(transport, receiver.url())

    assert response.content == b"x" * 64 * KIBIBYTE
    assert response.extensions["answer_cut"] is True


@pytest.mark.parametrize(("size", "is_cut"), [(64 * KIBIBYTE, False), (64 * KIBIBYTE + 1, True)])
async def test_exactly_64_kib_of_body_are_not_cut(transport, size, is_cut):
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size
    async with Receiver(answering(answer)) as receiver:
        response = await send(transport, receiver.url())

    assert len(response.content) == 64 * KIBIBYTE
    assert response.extensions["answer_cut"] is is_cut


@pytest.mark.parametrize(
    "filler", [b"X-T: %b\r\n" % (b"x" * 9000), b"x" * 9000], ids=["many", "one"]
)
async def test_trailers_that_never_end_are_cut(transport, filler):
    async def endless(peer: Peer) -> None:
        while not peer.writer.is_closing():
            await peer.say(filler)

    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-A: "
    started = time.monotonic()
    async with Receiver(answering(answer, then=endless)) as receiver:
        response = await send(transport, receiver.url(), timeout=30)

    assert time.monotonic() - started < 10
    assert response.content == b"ok"
    assert response.extensions["answer_cut"] is True


async def test_a_dripping_body_is_waited_for_only_until_the_deadline(transport):
    async def dripping(peer: Peer) -> None:
        while not peer.writer.is_closing():
            await peer.say(b"x")
            await asyncio.sleep(0.01)

    answer = b"HTTP/1.1 200 OK\r\n\r\n"
    started = time.monotonic()
    async with Receiver(answering(answer, then=dripping)) as receiver:
        response = await send(transport, receiver.url(), timeout=1)

    assert 0.95 < time.monotonic() - started < 10
    assert response.status_code == 200
    assert response.content.startswith(b"xx")
    assert response.extensions["answer_cut"] is True


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"<html>hello</html>",
        b"\x16\x03\x01\x02\x00\x01",
        b"HTTP/0.9 200 OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"RTSP/1.0 200 OK\r\n\r\n",
        b"ICE/1.0 200 OK\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\n\r\n",
        b"HTTP/1.1 099 OK\r\n\r\n",
        b"HTTP/1.1 200\0OK\r\n\r\n",
        b"HTTP/1.1 103 Early\r\nno colon\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"junk" + OK,
    ],
)
async def test_what_is_not_http_1_is_a_broken_answer(transport, answer):
    async with Receiver(answering(answer, then=until_closed)) as receiver:
        error = await failure(transport, receiver.url())

    assert error.reason == "protocol"
    assert f"127.0.0.1:{receiver.port}" in error.detail


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 100 Continue\r\nX: 1\r\n\r\n"])
@pytest.mark.parametrize("status", [200, 204, 410, 503])
@pytest.mark.parametrize(
    "headers",
    [
        b"no colon\r\n\r\n",
        b"X: a\0b\r\n\r\n",
        b"X-A: 1\r\n folded\r\n\r\nok",
        b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"Content-Length: -1\r\n\r\nok",
        b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        b"X Y: 1\r\n\r\n",
        b": empty\r\n\r\n",
    ],
)
async def test_the_status_line_decides_whatever_is_wrong_with_the_headers(
    transport, begin, status, headers
):
    answer = b"%bHTTP/1.1 %d Whatever\r\n%b" % (begin, status, headers)
    async with Receiver(answering(answer, then=until_closed)) as receiver:
        for _ in range(2):
            response = await send(transport, receiver.url())
            assert response.status_code == status
        assert receiver.accepted == 2


@pytest.mark.parametrize(
    "filler", [b"X-A: %b\r\n" % (b"x" * 1000), b"x" * 1000], ids=["many headers", "one header"]
)
async def test_headers_that_never_end_after_a_status_line_are_cut(transport, filler):
    async def endless(peer: Peer) -> None:
        while not peer.writer.is_closing():
            await peer.say(filler)

    async with Receiver(answering(b"HTTP/1.1 202 Accepted\r\nX-A: ", then=endless)) as receiver:
        response = await send(transport, receiver.url())

    assert response.status_code == 202
    assert response.extensions["answer_cut"] is True


@pytest.mark.parametrize(
    ("begin", "filler"),
    [
        (b"HTTP/1.1 200 ", b"x" * 1000),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100),
        (b"", b"\r\n" * 500),
    ],
    ids=["reason", "1xx", "empty lines"],
)
async def test_headers_that_never_end_are_a_broken_answer(transport, begin, filler):
    async def endless(peer: Peer) -> None:
        while not peer.writer.is_closing():
            await peer.say(filler)

    async with Receiver(answering(begin, then=endless)) as receiver:
        error = await failure(transport, receiver.url())

    assert error.reason == "protocol"
    assert "longer than 65536 bytes" in error.detail


@pytest.mark.parametrize("headers", [b"", b"Connection: upgrade\r\nUpgrade: x\r\n"])
async def test_switching_protocols_is_a_broken_answer(transport, headers):
    answer = b"HTTP/1.1 101 Switching Protocols\r\n" + headers + b"\r\nok"
    async with Receiver(answering(answer, then=until_closed)) as receiver:
        error = await failure(transport, receiver.url())

    assert error.reason == "protocol"
    assert "switches protocols (101)" in error.detail


async def test_headers_over_64_kib_are_dropped_even_in_one_piece(transport):
    answer = b"HTTP/1.1 200 OK\r\n" + b"X-A: %b\r\n" % (b"x" * 1000) * 66 + OK[17:]
    async with Receiver(answering(answer, then=until_closed)) as receiver:
        response = await send(transport, receiver.url())

    assert (response.status_code, len(response.headers)) == (200, 0)


async def test_a_second_answer_is_never_that_of_the_next_request(transport):
    impostor = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"
    async with Receiver(answering(OK + impostor)) as receiver:
        for _ in range(3):
            assert (await send(transport, receiver.url())).status_code == 200

        assert receiver.accepted == 3


@pytest.mark.parametrize("surplus", [b"H", b"HTTP/1.1 500 No\r\n", b"junk", b"\0"])
async def test_surplus_bytes_behind_an_answer_cost_the_connection(transport, surplus):
    async with Receiver(answering(OK + surplus)) as receiver:
        for _ in range(2):
            assert (await send(transport, receiver.url())).content == b"ok"

        assert receiver.accepted == 2


async def test_bytes_on_an_idle_connection_cost_it(transport):
    said = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.say(OK)
        await asyncio.sleep(0.02)
        await peer.say(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
        said.set()
        await peer.until_closed()

    async with Receiver(script) as receiver:
        assert (await send(transport, receiver.url())).status_code == 200
        await said.wait()
        assert (await send(transport, receiver.url())).status_code == 200

        assert receiver.accepted == 2


async def test_bytes_that_the_event_loop_has_not_read_yet_cost_the_connection(transport):
    """The loop is kept from looking, so only the socket itself can tell."""
    peers: list[Peer] = []

    async def script(peer: Peer) -> None:
        peers.append(peer)
        while await peer.request():
            await peer.say(OK)

    async with Receiver(script) as receiver:
        assert (await send(transport, receiver.url())).status_code == 200
        # Nothing is awaited between the stray answer's arrival and the next request.
        descriptor = peers[0].writer.get_extra_info("socket").fileno()
        os.write(descriptor, b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
        assert (await send(transport, receiver.url())).status_code == 200

        assert receiver.accepted == 2


async def test_a_redirect_is_an_answer_like_any_other(transport):
    async with Receiver(answering(OK)) as elsewhere:
        location = elsewhere.url().encode()
        answer = b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % location
        async with Receiver(answering(answer)) as receiver:
            response = await send(transport, receiver.url())

        assert response.status_code == 302
        assert response.headers["location"] == elsewhere.url()
        assert elsewhere.accepted == 0


async def test_cookies_are_not_kept(transport):
    got = []

    async def script(peer: Peer) -> None:
        while request := await peer.request():
            got.append(request)
            await peer.say(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")

    async with Receiver(script) as receiver:
        for _ in range(2):
            await send(transport, receiver.url())

    assert b"ookie" not in got[1]


@pytest.mark.parametrize("body", [gzip.compress(b"x" * 1000, mtime=0), b"not gzip at all"])
async def test_a_compressed_body_stays_as_it_came(transport, body):
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with Receiver(answering(head + body)) as receiver:
        response = await send(transport, receiver.url())

    assert response.content == body
    assert response.headers["content-encoding"] == "gzip"


async def test_an_early_answer_to_a_large_request_is_heard(transport):
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        await peer.say(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        peer.reader._transport.pause_reading()
        await asyncio.sleep(0.05)

    async with Receiver(script) as receiver:
        response = await send(transport, receiver.url(), body=b"x" * 20_000_000)
        assert response.status_code == 413

        assert not transport._pool._idle
        await eventually(lambda: not transport._pool._all)


async def test_a_large_request_arrives_whole(transport):
    sizes = []

    async def script(peer: Peer) -> None:
        sizes.append(len((await peer.request()).partition(b"\r\n\r\n")[2]))
        await peer.say(OK)

    async with Receiver(script) as receiver:
        await send(transport, receiver.url(), body=b"x" * 5_000_000)

    assert sizes == [5_000_000]
