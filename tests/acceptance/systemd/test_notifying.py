"""The daemon as a process that systemd would have started: what it says, and in which order."""

import signal

import pytest

from tests.daemon import until
from tests.receiver import Answer, Receiver
from tests.supervisor import Supervisor


@pytest.fixture
def supervisor(tmp_path):
    with Supervisor(tmp_path / "notify") as listening:
        yield listening


def hook(url):
    return {"source": "export", "object": "contacts", "request": {"url": url, "allow_http": True}}


def test_ready_status_watchdog_and_stopping_come_in_this_order(supervisor, another):
    daemon = another("supervised", environment=supervisor.environment | {"WATCHDOG_USEC": "200000"})
    with Receiver(lambda _: Answer(delay=1.0)) as receiver:
        daemon.configure({"mirror": hook(receiver.url)})
        daemon.start(is_awaited=False)
        until(lambda: "READY=1" in supervisor.states, "ready")
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: receiver.received, "a request: who says ready reads files")
        before = supervisor.states.count("WATCHDOG=1")
        until(lambda: supervisor.states.count("WATCHDOG=1") > before + 2, "beats")
        assert daemon.stop() == 0

    states = supervisor.states
    status = next(state for state in states if state.startswith("STATUS="))
    assert supervisor.messages[0] == ["READY=1"]
    assert status == "STATUS=1 webhook, 0 failing; 0 deliveries pending"
    order = ["READY=1", status, "STOPPING=1", "EXTEND_TIMEOUT_USEC=15000000"]
    assert sorted(order, key=states.index) == order
    assert states.index("WATCHDOG=1") < states.index("STOPPING=1")
    assert daemon.named("delivery.attempted")[0]["outcome"] == "delivered"


def test_a_daemon_that_is_refused_is_never_ready(supervisor, another):
    daemon = another("refused", environment=supervisor.environment)
    daemon.config.write_text("nonsense: 1\n")
    daemon.start(is_awaited=False)

    assert daemon.wait() == 78
    assert supervisor.states == []


def test_an_abort_by_the_watchdog_shows_what_every_thread_did(daemon):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver.url)})
        daemon.start()
        daemon.signal(signal.SIGABRT)

        assert daemon.wait() == -signal.SIGABRT

    assert "Current thread" in daemon.log
    assert "webhookd/storage/database/writer.py" in daemon.log
