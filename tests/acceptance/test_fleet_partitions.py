"""A daemon of a fleet that hears nothing of the database, and does not know why."""

import signal

import pytest

from tests import postgresql
from tests.daemon import until
from tests.fleet import Fleet
from tests.receiver import Receiver
from tests.wire_process import WireProcess

GRACE_SECONDS = 2
ENDS_WITHIN_SECONDS = GRACE_SECONDS + 25


@pytest.fixture
def cut(tmp_path):
    """Yield a wire, a daemon that has it to the database, and the receiver of its webhook."""
    server = postgresql.server()
    name = server.empty()
    settings = {"WEBHOOKD_SHUTDOWN_TIMEOUT": f"{GRACE_SECONDS}s"}
    with (
        WireProcess(server.port) as wire,
        Receiver() as receiver,
        Fleet(tmp_path, server.url_with_password(name, port=wire.port), 1, settings) as fleet,
    ):
        request = {"url": receiver.url, "allow_http": True}
        fleet.configure({"mirror": {"source": "export", "object": "contacts", "request": request}})
        fleet.start()
        yield wire, fleet.daemons[0], receiver


def test_it_ends_when_it_is_told_to(cut):
    wire, daemon, receiver = cut
    daemon.drop_rows("1.ndjson", {"id": "1"})
    until(lambda: receiver.received, "a delivery")
    wire.stop()
    daemon.drop_rows("2.ndjson", {"id": "2"})
    daemon.signal(signal.SIGTERM)
    until(lambda: daemon.has_ended, "its end", ENDS_WITHIN_SECONDS)

    assert daemon.wait() in (0, 1)
    assert "Traceback" not in daemon.log


def test_it_goes_on_when_it_hears_again(cut):
    wire, daemon, receiver = cut
    wire.stop()
    daemon.drop_rows("1.ndjson", {"id": "1"})
    assert not receiver.received
    wire.go_on()
    until(lambda: receiver.received, "a delivery")
    assert daemon.stop() == 0
    assert len(receiver.received) == 1
