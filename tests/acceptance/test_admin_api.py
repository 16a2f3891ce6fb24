"""The admin API does what its description says, whatever it is asked."""

import json
import os
import socket
from contextlib import ExitStack, closing

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.daemon import Daemon, until
from tests.openapi import DESCRIPTION, OPERATIONS, Asked, ask, problems, requests
from tests.receiver import Answer, Receiver

TOKEN = "canary-admin-token"
EXAMPLES = int(os.environ.get("WEBHOOKD_TEST_REQUESTS", "150"))
KNOWN = {
    "webhook": ["mirror", "lost"],
    "id": [],
    "ids": [],
    "source": ["export"],
    "object": ["contacts"],
    "record_id": ["1", "3"],
    "name": ["1.ndjson", "bad.ndjson", ".."],
}


class Asking:
    """A daemon, how to connect to its admin API, and what lets a request through."""

    def __init__(self, daemon, family, address, headers):
        self.daemon = daemon
        self._family = family
        self._address = address
        self.headers = headers
        ids = [one["id"] for one in daemon.deliveries()]
        self.known = KNOWN | {"id": [*ids, ids[0][:8], "0"], "ids": [ids[:1], ids]}

    def connect(self):
        connection = socket.socket(self._family, socket.SOCK_STREAM)
        connection.connect(self._address)
        return connection

    def ask(self, method, target, **more):
        headers = tuple((self.headers | {b"connection": b"close"}).items())
        return ask(self.connect, Asked(None, method, target, headers, **more))


@pytest.fixture(scope="module", params=["unix", "tcp"])
def asking(request, tmp_path_factory):
    """Return a daemon that has delivered, failed and waiting deliveries."""
    daemon = Daemon(tmp_path_factory.mktemp("daemon"))
    with ExitStack() as stack:
        stack.callback(daemon.close)
        lost = stack.enter_context(Receiver(lambda _: Answer(404)))
        busy = stack.enter_context(Receiver(lambda _: Answer(503)))
        daemon.configure({"mirror": _hook(busy.url), "lost": _hook(lost.url)})
        if request.param == "unix":
            daemon.start()
            address = socket.AF_UNIX, str(daemon.state / "admin.sock"), {b"host": b"x"}
        else:
            with closing(socket.create_server(("127.0.0.1", 0))) as free:
                port = free.getsockname()[1]
            daemon.environment["WEBHOOKD_ADMIN_TOKEN"] = TOKEN
            daemon.start("--admin-address", f"127.0.0.1:{port}")
            headers = {
                b"host": b"127.0.0.1:%d" % port,
                b"authorization": b"Bearer %s" % TOKEN.encode(),
            }
            address = socket.AF_INET, ("127.0.0.1", port), headers
        daemon.drop_rows("1.ndjson", *({"id": number} for number in range(4)))
        until(lambda: len(daemon.named("delivery.attempted")) >= 8, "attempts")
        yield Asking(daemon, *address)
        daemon.stop()


def _hook(url):
    request = {"url": url, "allow_http": True}
    return {"source": "export", "object": "contacts", "request": request}


def test_the_description_is_sound():
    for path, method in OPERATIONS:
        for response in DESCRIPTION["paths"][path][method.lower()]["responses"].values():
            for content in response["content"].values():
                Draft202012Validator.check_schema(content["schema"])


def test_whatever_is_asked_is_answered_as_described(asking):
    strategy = requests(asking.known, asking.headers)

    @settings(
        max_examples=EXAMPLES,
        database=None,
        phases=[Phase.generate],
        derandomize="WEBHOOKD_TEST_REQUESTS" not in os.environ,
    )
    @given(strategy, st.booleans())
    def run(asked, is_left_open):
        with ExitStack() as stack:
            if is_left_open:
                # Somebody who never finishes must not be in anybody's way.
                idle = stack.enter_context(closing(asking.connect()))
                idle.sendall(b"POST /v1/reload HTTP/1.1\r\nhost: x\r\ncontent-le")
            answered = ask(asking.connect, asked)
            assert problems(asked, answered) == [], f"{asked!r} -> {answered!r}"

    run()

    log = asking.daemon.log
    assert asking.ask("GET", b"/healthz").content == b"alive\n"
    assert "Traceback" not in log
    assert [
        event for event in asking.daemon.events if event["level"] in {"error", "critical"}
    ] == []


REFUSALS = {
    "a header that stands twice": (b"authorization: Bearer x\r\n", b"GET /v1/status", 400),
    "another name of a path": (b"", b"GET /v1/status/", 404),
    "a method that the path has not": (b"", b"GET /v1/deliveries/retry", 405),
    "no HTTP": (b"transfer-encoding: chunked\r\n\r\nzz\r\n", b"POST /v1/reload", 400),
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
@pytest.mark.parametrize("asking", ["tcp"], indirect=True)
def test_a_refusal_is_json_that_says_why(asking, refusal):
    more, begun, status = refusal
    headers = b"".join(b"%s: %s\r\n" % pair for pair in asking.headers.items())
    with closing(asking.connect()) as connection:
        connection.settimeout(10)
        connection.sendall(begun + b" HTTP/1.1\r\nconnection: close\r\n" + headers + more + b"\r\n")
        answer = b"".join(iter(lambda: connection.recv(65_536), b""))

    head, _, content = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(content)["error"]
