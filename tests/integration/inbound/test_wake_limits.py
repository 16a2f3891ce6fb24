"""The listener of wakes beside hostile senders: sizes, times, connections, and what is no HTTP."""

from __future__ import annotations

import socket
import time
from contextlib import closing

import httpx
import pytest

from tests.wakes import RAW, Listener, exchange, held, statuses
from webhookd.definitions import (
    Bearer,
    Wake,
)
from webhookd.inbound.wake_application import LARGEST_BODY
from webhookd.model import Secret
from webhookd.serving import ConnectionLimits


def test_a_body_of_256_kib_is_read_and_a_larger_one_is_not():
    listener = Listener(held(crm=Wake(authentication=Bearer(Secret("t")))))
    headers = {"Authorization": "Bearer t"}

    assert listener.post(body=b"x" * LARGEST_BODY, headers=headers).status_code == 202
    assert listener.post(body=b"x" * (300 * 1024), headers=headers).status_code == 413
    assert listener.woken == ["crm"]


def test_a_larger_body_in_chunks_is_refused_too():
    listener = Listener(held(crm=Wake(authentication=Bearer(Secret("t")))))

    def work(running):
        chunks = (b"x" * 10_000 for _ in range(40))
        url = f"http://127.0.0.1:{running.port}/sources/crm/wake"
        return httpx.post(url, content=chunks, headers={"Authorization": "Bearer t"})

    assert listener.ask(work).status_code == 413
    assert listener.woken == []


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (RAW + b"Content-Length: nonsense\r\n\r\n", 400),
        (RAW + b"Content-Length: -1\r\n\r\n", 400),
        (RAW + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (RAW + b"Content-Length: " + b"9" * 30 + b"\r\n\r\n", 400),
        (RAW + b"Content-Length: 99999999999\r\n\r\n", 413),
        (RAW + b"Transfer-Encoding: gzip\r\n\r\n", 400),
        (RAW + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (RAW + b"X: " + b"y" * 20_000, 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", 400),
        (b"POST /sources/crm/wake HTTP/1.1\r\n\r\n", 400),
        (RAW.replace(b"crm/wake", b"crm/../crm/wake") + b"Connection: close\r\n\r\n", 404),
        (b"POST http://x/sources/crm/wake HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 404),
    ],
)
def test_what_is_not_http_as_it_should_be_is_refused(request_, status):
    limits = ConnectionLimits(32, 1.0)
    listener = Listener(held(crm=Wake(authentication=Bearer(Secret("t")))), limits=limits)

    answer = listener.ask(lambda running: exchange(running.port, request_))

    assert statuses(answer)[0] == status
    assert listener.woken == []


def test_pipelined_requests_are_answered_in_their_order():
    listener = Listener(held(crm=Wake(authentication=Bearer(Secret("t")))))
    one = RAW + b"Content-Length: 2\r\n\r\n{}"
    wrong = one.replace(b"Bearer t", b"Bearer u")
    last = one.replace(b"Host", b"Connection: close\r\nHost")

    answer = listener.ask(lambda running: exchange(running.port, one + wrong + one + last))

    assert statuses(answer) == [202, 401, 202, 202]
    assert listener.woken == ["crm"] * 3


def test_a_request_that_drips_is_ended_in_time():
    limits = ConnectionLimits(32, 0.5)
    listener = Listener(held(crm=Wake(authentication=Bearer(Secret("t")))), limits=limits)

    def drip(running):
        began = time.monotonic()
        with closing(socket.create_connection(("127.0.0.1", running.port), timeout=30)) as raw:
            raw.settimeout(0.05)
            for byte in RAW * 50:
                try:
                    raw.sendall(bytes([byte]))
                    answer = raw.recv(65536)
                except TimeoutError:
                    continue
                except OSError:
                    return [], time.monotonic() - began
                return statuses(answer), time.monotonic() - began
        raise AssertionError("it was never ended")

    status, seconds = listener.ask(drip)

    assert status == [408]
    assert 0.4 < seconds < 20


def test_beyond_32_connections_others_are_told_so_and_those_within_are_served():
    listener = Listener(held(crm=Wake(authentication=Bearer(Secret("t")))))

    def work(running):
        opened = [
            socket.create_connection(("127.0.0.1", running.port), timeout=30) for _ in range(100)
        ]
        last = RAW.replace(b"Host", b"Connection: close\r\nHost") + b"Content-Length: 0\r\n\r\n"
        found = []
        for one in opened:
            try:
                one.sendall(last)
                found += statuses(one.recv(65536))
            except OSError:
                # The answer was there before we asked, and the connection closed behind it.
                found.append(503)
            one.close()
        return found, exchange(running.port, last)

    found, again = listener.ask(work)

    assert found.count(202) == 32
    assert found.count(503) == 68
    assert statuses(again) == [202]


def test_a_connection_is_kept_for_five_seconds():
    listener = Listener(held(crm=Wake(authentication=Bearer(Secret("t")))))

    def work(running):
        began = time.monotonic()
        answer = exchange(running.port, RAW + b"Content-Length: 0\r\n\r\n")
        return statuses(answer), time.monotonic() - began

    status, seconds = listener.ask(work)

    assert status == [202]
    assert 4 < seconds < 30
