"""The receiver of the crash stories counts what is open as whoever sends it would."""

import json
import os
import signal
import socket

import pytest

from tests.crash.account import Notes
from tests.crash.stage import ReceiverProcess
from tests.daemon import until

AT_ONCE = 4


@pytest.fixture
def receiver(tmp_path):
    running = ReceiverProcess(tmp_path / "notes", {"/slow": {"delay": 0.05}}, 1)
    running.start()
    yield running
    running.kill()


def sent(port, number):
    """Send a request, and return its connection."""
    body = json.dumps({"objectId": str(number), "properties": {"value": 1}})
    connection = socket.create_connection(("127.0.0.1", port))
    head = f"POST /slow HTTP/1.1\r\nwebhook-id: {number}\r\ncontent-length: {len(body)}\r\n\r\n"
    connection.sendall((head + body).encode())
    return connection


def test_requests_that_were_given_up_while_the_receiver_stood_still_are_not_open(
    receiver, tmp_path
):
    os.kill(receiver.pid, signal.SIGSTOP)
    for number in range(AT_ONCE):
        sent(receiver.port, number).close()
    waiting = [sent(receiver.port, AT_ONCE + number) for number in range(AT_ONCE)]
    os.kill(receiver.pid, signal.SIGCONT)

    notes = Notes(tmp_path / "notes")
    until(lambda: len(notes.read()) == 2 * AT_ONCE, "all are noted")
    for connection in waiting:
        connection.close()

    assert max(note.at_once for note in notes.read()) <= AT_ONCE
