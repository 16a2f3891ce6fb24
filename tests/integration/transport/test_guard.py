"""Names, addresses and the guard: what is connected to is what was checked."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from ipaddress import ip_network

import pytest

from tests.integration.transport.scripted import (
    OK,
    Blackhole,
    Receiver,
    answering,
    failure,
    resolve_as,
    send,
)
from webhookd.definitions import Egress

NOTHING_ALLOWED = Egress()
FIRST_ONLY = Egress(allow=(ip_network("127.0.0.1/32"),))


async def test_a_name_that_does_not_exist_is_a_dns_failure(transport):
    error = await failure(transport, "http://nonexistent.invalid/?key=CANARY")

    assert error.reason == "dns"
    assert "nonexistent.invalid" in error.detail


@pytest.mark.parametrize(
    "host", ["a" * 64 + ".invalid", "-.invalid", "xn--zzzzzz.invalid", "%41%00"]
)
async def test_a_name_that_cannot_exist_is_a_dns_failure(transport, host):
    assert (await failure(transport, f"http://{host}/")).reason == "dns"


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "017700000001",
        "localhost",
        "LOCALHOST",
        "0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "169.254.169.254",
        "10.1.2.3",
        "[fd00::1]",
        "[64:ff9b::127.0.0.1]",
    ],
)
async def test_a_private_address_is_refused_in_whatever_form_it_is_written(transport, host):
    async with Receiver(answering(OK)) as receiver:
        error = await failure(
            transport, f"http://{host}:{receiver.port}/?key=CANARY", egress=NOTHING_ALLOWED
        )

        assert error.reason == "egress"
        assert "egress.allow" in error.detail
        assert receiver.accepted == 0


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "2130706433", "017700000001", "localhost"])
async def test_an_allowed_address_is_reached_in_whatever_form_it_is_written(transport, host):
    async with Receiver(answering(OK)) as receiver:
        assert (await send(transport, receiver.url(host), egress=FIRST_ONLY)).content == b"ok"


async def test_deny_is_named_in_the_refusal(transport):
    egress = Egress(allow=FIRST_ONLY.allow, deny=(ip_network("127.0.0.0/8"),))

    error = await failure(transport, "http://127.0.0.1:1/", egress=egress)

    assert error.reason == "egress"
    assert "127.0.0.0/8" in error.detail
    assert "egress.deny" in error.detail


async def test_only_the_allowed_addresses_of_a_name_are_connected_to(transport, monkeypatch):
    resolve_as(monkeypatch, "127.0.0.2", "10.0.0.1", "127.0.0.1")
    async with Receiver(answering(OK), host="127.0.0.2") as refused:
        with socket.create_server(("127.0.0.1", refused.port)) as allowed:
            allowed.setblocking(False)
            error = await failure(
                transport, refused.url("name.example"), egress=FIRST_ONLY, timeout=1
            )

            assert error.reason == "timeout"
            allowed.accept()[0].close()
        assert refused.accepted == 0


async def test_a_name_of_which_no_address_is_allowed_says_why_for_each(transport, monkeypatch):
    resolve_as(monkeypatch, "10.0.0.1", "fd00::1", "10.0.0.1")

    error = await failure(transport, "http://name.example/?key=CANARY")

    assert error.reason == "egress"
    assert error.detail.count("10.0.0.1 is a private address") == 1
    assert "fd00::1" in error.detail
    assert "name.example:80" in error.detail


async def test_a_name_is_looked_up_once_for_each_connection(transport, monkeypatch):
    """A second look-up might give another address than the one that was checked."""
    asked = resolve_as(monkeypatch, "127.0.0.1")
    async with Receiver(answering(OK)) as receiver:
        for _ in range(3):
            await send(transport, receiver.url("name.example"))

    assert asked == ["name.example"]


async def test_many_requests_wait_for_the_same_look_up(transport, monkeypatch):
    asked = resolve_as(monkeypatch, "127.0.0.1")
    async with Receiver(answering(OK)) as receiver:
        await asyncio.gather(*(send(transport, receiver.url("name.example")) for _ in range(20)))

    assert asked == ["name.example"]


async def test_a_silent_name_server_costs_only_its_own_requests(transport, monkeypatch):
    released = threading.Event()
    real = socket.getaddrinfo

    def fake(host, port, *, type, flags):  # noqa: A002 - the real one's name
        if host.startswith(b"silent") and not flags:
            released.wait(10)
        return (
            real(b"127.0.0.1", port, type=type, flags=flags)
            if not flags
            else real(host, port, type=type, flags=flags)
        )

    monkeypatch.setattr(socket, "getaddrinfo", fake)
    try:
        async with Receiver(answering(OK)) as receiver:
            silent = [
                asyncio.create_task(
                    failure(transport, receiver.url(f"silent{number}.example"), timeout=0.5)
                )
                for number in range(50)
            ]
            await asyncio.sleep(0)
            started = time.monotonic()
            assert (await send(transport, receiver.url("quick.example"))).content == b"ok"
            assert time.monotonic() - started < 5
            errors = await asyncio.gather(*silent)
    finally:
        released.set()

    assert {error.reason for error in errors} == {"timeout"}
    assert "was not resolved" in errors[0].detail


async def test_connecting_has_its_own_timeout(transport):
    with Blackhole("127.0.0.2") as blackhole:
        started = time.monotonic()
        error = await failure(
            transport, f"http://127.0.0.2:{blackhole.port}/", timeout=30, connect_timeout=0.2
        )

    assert time.monotonic() - started < 10
    assert error.reason == "connect_timeout"
    assert "within 0.2 s" in error.detail


async def test_the_whole_timeout_covers_connecting(transport):
    with Blackhole("127.0.0.2") as blackhole:
        error = await failure(
            transport, f"http://127.0.0.2:{blackhole.port}/", timeout=0.2, connect_timeout=30
        )

    assert error.reason == "timeout"
