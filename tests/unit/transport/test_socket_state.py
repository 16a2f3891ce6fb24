"""What a socket knows before anybody reads it, by real sockets."""

from __future__ import annotations

import select
import socket
import struct
import time

import pytest

from webhookd.transport.socket_state import HUNG_UP, SocketState


@pytest.fixture
def pair():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as ours,
    ):
        theirs, _ = server.accept()
        with theirs:
            yield ours, theirs


def happened(ours):
    """Return the events of a socket, when there are some."""
    state = SocketState(ours.fileno())
    end = time.monotonic() + 5
    while state.is_quiet() and time.monotonic() < end:
        time.sleep(0.001)
    return state.events()


def test_a_connection_on_which_nothing_was_said_is_quiet(pair):
    state = SocketState(pair[0].fileno())

    assert state.is_quiet()
    assert state.events() == 0


def test_bytes_that_nobody_asked_for_are_seen(pair):
    pair[1].send(b"x")

    assert happened(pair[0]) == select.POLLIN


def test_a_fin_is_seen(pair):
    pair[1].shutdown(socket.SHUT_WR)

    assert happened(pair[0]) & HUNG_UP


def test_a_reset_is_seen(pair):
    pair[1].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    pair[1].close()

    assert happened(pair[0]) & HUNG_UP
