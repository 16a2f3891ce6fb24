"""Health and metrics at an address of their own: for kubelet and Prometheus, and nothing else."""

import http.client
import signal
import socket
import sqlite3
import threading
from contextlib import closing

import pytest

from tests.daemon import until
from tests.receiver import Answer, Receiver

TOKEN = "an-admin-token-of-the-tests"
PATHS = ("/healthz", "/readyz", "/metrics")


class Probe:
    """Asks the listener of a daemon."""

    def __init__(self, daemon):
        (listening,) = daemon.named("metrics.listening")
        self.address = listening["address"]
        self.host, _, port = self.address.rpartition(":")
        self.port = int(port)

    def ask(self, path, method="GET", **headers):
        connection = http.client.HTTPConnection(self.host.strip("[]"), self.port, timeout=30)
        with closing(connection):
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), dict(answer.getheaders())

    def ready(self):
        status, text, _ = self.ask("/readyz")
        return status, text


@pytest.fixture
def started(daemon):
    """Return what starts a daemon whose receiver answers so."""
    receivers = []

    def start(answer=lambda _: Answer(), at="127.0.0.1:0", *more):
        receiver = Receiver(answer)
        receiver.__enter__()
        receivers.append(receiver)
        request = {"url": receiver.url, "allow_http": True}
        daemon.configure({"mirror": {"source": "export", "object": "contacts", "request": request}})
        daemon.environment["WEBHOOKD_METRICS_ADDRESS"] = at
        daemon.start(*more)
        return Probe(daemon), receiver

    yield start
    for receiver in receivers:
        receiver.__exit__()


def test_the_three_are_answered_and_nothing_else(started, daemon):
    probe, _ = started()
    assert probe.ready() == (200, "ready\n")
    assert probe.ask("/healthz")[:2] == (200, "alive\n")
    status, text, headers = probe.ask("/metrics")
    assert (status, "webhookd_build_info" in text) == (200, True)
    assert headers["content-type"].startswith("text/plain; version=")
    for path in PATHS:
        status, text, headers = probe.ask(path, "HEAD")
        assert (status, text) == (200, "")
        assert int(headers["content-length"]) > 0
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            status, _, headers = probe.ask(path, method)
            assert (status, headers["allow"]) == (405, "GET, HEAD")
    for path in ("/", "/v1/status", "/v1/reload", "/metrics/", "//metrics", "/v1/openapi.json"):
        for given in ({}, {"authorization": f"Bearer {TOKEN}"}):
            for method in ("GET", "POST"):
                assert probe.ask(path, method, **given)[0] == 404
    # Whatever name the pod is asked by.
    assert probe.ask("/readyz", host="10.0.0.7:9464")[0] == 200
    assert daemon.stop() == 0


def test_it_is_reached_at_every_address_where_that_is_asked_for(started, daemon):
    probe, _ = started(at="0.0.0.0:0")
    probe.host = "127.0.0.2"
    assert probe.ready() == (200, "ready\n")
    assert daemon.stop() == 0


def test_while_attempts_may_end_it_is_not_ready(started, daemon):
    goes_on = threading.Event()

    def answer(_):
        return Answer(delay=0 if goes_on.is_set() else 3)

    probe, receiver = started(answer, "127.0.0.1:0", "--shutdown-timeout", "60s")
    daemon.drop_rows("1.ndjson", {"id": 1})
    until(lambda: receiver.received, "a request")
    daemon.signal(signal.SIGTERM)
    until(lambda: daemon.named("daemon.stopping"), "the stop")

    assert probe.ready() == (503, "not ready: it is stopping\n")
    assert probe.ask("/healthz")[0] == 200
    assert "webhookd_build_info" in probe.ask("/metrics")[1]
    goes_on.set()
    assert daemon.wait() == 0


def test_while_the_database_refuses_it_is_not_ready(started, daemon):
    probe, receiver = started()
    with closing(sqlite3.connect(daemon.state / "webhookd.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        daemon.drop_rows("1.ndjson", {"id": 1})
        said = []
        until(lambda: said.append(probe.ready()) or said[-1][0] == 503, "not ready")
        assert "the database" in said[-1][1]
        # It does not come and go while that lasts.
        for _ in range(10):
            threading.Event().wait(1)
            assert probe.ready()[0] == 503
        other.execute("ROLLBACK")
    until(lambda: probe.ready() == (200, "ready\n"), "ready again")
    until(lambda: receiver.received, "the delivery")
    assert daemon.stop() == 0


def test_who_connects_and_says_nothing_is_in_nobody_s_way_for_long(started, daemon):
    probe, _ = started()
    idle = [socket.create_connection((probe.host, probe.port)) for _ in range(40)]
    try:
        until(lambda: probe.ready()[0] in {200, 503}, "an answer")
        # The first 32 may stay for ten seconds.
        until(lambda: probe.ready() == (200, "ready\n"), "ready", 60)
    finally:
        for one in idle:
            one.close()
    assert daemon.stop() == 0


@pytest.mark.parametrize("address", ["here", "127.0.0.1", "127.0.0.1:99999", ":9464", "host:1"])
def test_a_wrong_address_ends_with_78_and_is_named(daemon, address):
    daemon.configure({})
    done = daemon.command("run", "--config", str(daemon.config), f"--metrics-address={address}")

    assert done.returncode == 78
    assert "WEBHOOKD_METRICS_ADDRESS" in done.stderr or "--metrics-address" in done.stderr
    assert address in done.stderr
    assert "Traceback" not in done.stderr


def test_each_listener_has_an_address_of_its_own(daemon):
    daemon.configure({})
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    run = ("run", "--config", str(daemon.config), f"--metrics-address=127.0.0.1:{port}")
    done = daemon.command(*run, f"--admin-address=localhost:{port}")
    assert (done.returncode, "the admin API listens there" in done.stderr) == (78, True)
    done = daemon.command(*run, f"--inbound-address=127.0.0.1:{port}")
    assert (done.returncode, "wakes come in there" in done.stderr) == (78, True)
