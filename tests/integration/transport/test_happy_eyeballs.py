"""Several addresses of one name: the first that accepts is connected to, no socket is left."""

from __future__ import annotations

import asyncio
import socket
from contextlib import ExitStack
from ipaddress import ip_network

import pytest

from tests.integration.transport.scripted import (
    LOOPBACK,
    OK,
    Blackhole,
    Receiver,
    answering,
    eventually,
    failure,
    resolve_as,
    send,
)
from webhookd.definitions import Egress
from webhookd.transport import happy_eyeballs
from webhookd.transport.happy_eyeballs import connect_first
from webhookd.transport.resolver import Address

SILENT = [f"127.0.0.{number}" for number in range(2, 11)]


def silent(stack: ExitStack, port: int) -> None:
    """Let *port* hang at every address of `SILENT`."""
    for host in SILENT:
        stack.enter_context(Blackhole(host, port))


async def test_the_next_address_is_tried_when_one_refuses(transport, monkeypatch):
    resolve_as(monkeypatch, "127.0.0.2", "::1", "127.0.0.1")
    async with Receiver(answering(OK)) as receiver:
        response = await send(transport, receiver.url("name.example"))

    assert response.content == b"ok"


async def test_a_name_of_which_every_address_refuses_is_refused(transport, monkeypatch):
    resolve_as(monkeypatch, "127.0.0.2", "127.0.0.3")

    error = await failure(transport, "http://name.example:1/")

    assert error.reason == "refused"


async def test_an_address_that_is_silent_is_overtaken_by_the_next(transport, monkeypatch):
    resolve_as(monkeypatch, "127.0.0.2", "127.0.0.1")
    with (
        Blackhole("127.0.0.2") as blackhole,
        socket.create_server(("127.0.0.1", blackhole.port)) as server,
    ):
        url = f"http://name.example:{blackhole.port}/"
        error = await failure(transport, url, timeout=happy_eyeballs.STAGGER_SECONDS * 6)

        assert "gave no answer" in error.detail
        server.setblocking(False)
        server.accept()[0].close()


async def test_a_refusal_is_not_waited_for(transport, monkeypatch):
    monkeypatch.setattr(happy_eyeballs, "STAGGER_SECONDS", 3600)
    resolve_as(monkeypatch, "::1", "127.0.0.1")
    async with Receiver(answering(OK)) as receiver:
        response = await send(transport, receiver.url("name.example"))

    assert response.content == b"ok"


async def test_nine_silent_addresses_cost_nine_delays(transport, monkeypatch):
    monkeypatch.setattr(happy_eyeballs, "STAGGER_SECONDS", 0.05)
    resolve_as(monkeypatch, *SILENT, "127.0.0.1")
    loop = asyncio.get_running_loop()
    async with Receiver(answering(OK)) as receiver:
        with ExitStack() as stack:
            silent(stack, receiver.port)
            started = loop.time()
            response = await send(transport, receiver.url("name.example"))
            seconds = loop.time() - started

    assert response.content == b"ok"
    # The loop's timers may be a millisecond early, each.
    assert 9 * 0.049 <= seconds < 10


async def test_the_connect_timeout_counts_for_all_addresses_together(transport, monkeypatch):
    monkeypatch.setattr(happy_eyeballs, "STAGGER_SECONDS", 0.05)
    resolve_as(monkeypatch, *SILENT)
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        port = stack.enter_context(Blackhole("127.0.0.1")).port
        silent(stack, port)
        started = loop.time()
        error = await failure(transport, f"http://name.example:{port}/", connect_timeout=0.2)
        seconds = loop.time() - started

    assert error.reason == "connect_timeout"
    assert seconds < 10


async def test_the_failure_of_the_first_address_is_told(transport, monkeypatch):
    """A host without a route for the first family and nobody who listens on the second."""
    resolve_as(monkeypatch, "255.255.255.255", "127.0.0.1")
    egress = Egress(allow=(*LOOPBACK.allow, ip_network("255.255.255.255/32")))

    error = await failure(transport, "http://name.example:1/", egress=egress)

    assert error.detail == "name.example:1 cannot be connected to: Network is unreachable"


async def test_cancelling_among_silent_addresses_leaves_nothing(transport, monkeypatch):
    monkeypatch.setattr(happy_eyeballs, "STAGGER_SECONDS", 0.05)
    resolve_as(monkeypatch, *SILENT)
    with ExitStack() as stack:
        port = stack.enter_context(Blackhole("127.0.0.1")).port
        silent(stack, port)
        sending = asyncio.create_task(send(transport, f"http://name.example:{port}/"))
        await eventually(lambda: len(asyncio.all_tasks()) >= 5)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


class Connected(asyncio.Protocol):
    """Notes that it was connected."""

    def __init__(self, made: asyncio.Event) -> None:
        self._made = made

    def connection_made(self, transport):
        self._transport = transport
        self._made.set()

    def abort(self):
        self._transport.abort()


@pytest.mark.parametrize("turns", range(8))
async def test_cancelling_while_the_losers_are_closed_is_not_lost(transport, monkeypatch, turns):
    """Whoever cancels at the moment of success must not get a connection instead."""
    monkeypatch.setattr(happy_eyeballs, "STAGGER_SECONDS", 0.01)
    made = asyncio.Event()
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = server.getsockname()[1]
        silent(stack, port)
        addresses = [Address(socket.AF_INET, ip, port) for ip in (*SILENT[:3], "127.0.0.1")]
        connecting = asyncio.create_task(connect_first(addresses, lambda: Connected(made)))
        await made.wait()
        for _ in range(turns):
            await asyncio.sleep(0)
        if connecting.cancel():
            with pytest.raises(asyncio.CancelledError):
                await connecting
        else:
            connecting.result().connection.abort()
