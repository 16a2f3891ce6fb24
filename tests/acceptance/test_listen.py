"""`webhookd listen` as people use it: passing on to a desk, answering as told, in JSON."""

import json
import re
import signal
from contextlib import contextmanager

import httpx
import pytest

from tests.daemon import SECRET
from tests.receiver import Answer, Receiver
from webhookd import clock
from webhookd.definitions import Scheme
from webhookd.model import Secret
from webhookd.rules.signing import hubspot_v2
from webhookd.rules.verification import Verified, verify

SIGNED = {"X-HubSpot-Signature-Version": "v2"}


@contextmanager
def listening(daemon, *arguments):
    """Run `listen`; give its URL and a list that holds what it printed, at the end."""
    process = daemon.begin("listen", "--port", "0", *arguments)
    printed = []
    # With --json, what is printed is for programs alone.
    first = (process.stderr if "--json" in arguments else process.stdout).readline()
    try:
        yield re.search(r"http://127\.0\.0\.1:\d+/", first)[0], printed
    finally:
        process.send_signal(signal.SIGINT)
        rest = "".join(process.communicate(timeout=30))
        printed.append(rest)
    assert process.returncode == 0, rest


def test_a_request_is_passed_on_with_all_but_the_headers_of_its_connection(daemon):
    daemon.environment |= {"LISTEN_SECRET": SECRET}

    def answer(_):
        return Answer(202, {"X-Desk": "yes", "Content-Type": "text/x-desk"}, b"taken")

    with Receiver(answer) as desk:
        to = f"{desk.url}/api/in?own=1"
        with listening(daemon, "--forward-to", to, "--secret-env", "LISTEN_SECRET") as (url, told):
            came, body = url + "hook?a=b%2Fc", b"\xff{}"
            signature = hubspot_v2(SECRET, "PUT", came, body)
            headers = SIGNED | {"X-HubSpot-Signature": signature, "X-Own": "kept", "Cookie": "c=d"}
            answered = httpx.put(came, headers=headers, content=body)

    received = desk.received[0]
    at_the_desk = f"{to}&a=b%2Fc"
    assert (received.method, received.body) == ("PUT", body)
    assert received.target == "/api/in?own=1&a=b%2Fc"
    assert received.headers["x-own"] == "kept"
    assert received.headers["cookie"] == "c=d"
    assert received.headers["host"] == desk.url.removeprefix("http://")
    assert received.headers["content-length"] == str(len(body))
    verified = verify(
        method="PUT",
        url=at_the_desk,
        headers=received.headers,
        body=body,
        secrets=[Secret(SECRET)],
        now=clock.now(),
    )
    assert verified == Verified(Scheme.HUBSPOT_V2)
    assert (answered.status_code, answered.content) == (202, b"taken")
    assert answered.headers["x-desk"] == "yes"
    assert answered.headers["content-type"] == "text/x-desk"
    assert "signature verified (hubspot_v2)" in told[0]
    assert f"-> {at_the_desk}  answered 202 Accepted in " in told[0]
    assert "x-own: kept" in told[0]
    assert "taken" in told[0]


def test_the_path_is_kept_where_the_desk_has_none(daemon):
    with Receiver() as desk, listening(daemon, "--forward-to", desk.url) as (url, _):
        httpx.get(url + "a/b%20c?d=e")
        httpx.get(url)

    assert [one.target for one in desk.received] == ["/a/b%20c?d=e", "/"]


def test_a_signature_that_cannot_be_made_anew_is_told(daemon):
    with Receiver() as desk, listening(daemon, "--forward-to", desk.url) as (url, told):
        httpx.post(url, headers=SIGNED | {"X-HubSpot-Signature": "0" * 64}, content=b"{}")

    assert desk.received[0].headers["x-hubspot-signature"] == "0" * 64
    assert "its signature (hubspot_v2) covers the URL and is not valid for the one" in told[0]


def test_a_desk_that_is_away_is_a_502_and_said(daemon):
    with Receiver() as desk:
        away = desk.url
    with listening(daemon, "--forward-to", away) as (url, told):
        answered = httpx.post(url, content=b"{}")

    assert answered.status_code == 502
    assert "no answer (refused:" in told[0]
    assert "Traceback" not in told[0]


def test_the_first_requests_fail_and_later_ones_reach_the_desk(daemon):
    arguments = ("--fail", "503", "--times", "1")
    with Receiver() as desk, listening(daemon, "--forward-to", desk.url, *arguments) as (url, _):
        statuses = [httpx.post(url).status_code for _ in range(2)]

    assert statuses == [503, 200]
    assert len(desk.received) == 1


def test_it_answers_as_it_is_told_after_a_while_and_tells_it_in_json(daemon):
    with listening(daemon, "--answer", "418:teapot", "--delay", "300ms", "--json") as (url, told):
        began = clock.monotonic()
        answered = httpx.post(
            url + "in?a=1", headers={"Authorization": "Bearer canary"}, content="ä"
        )
        seconds = clock.monotonic() - began

    assert (answered.status_code, answered.text) == (418, "teapot")
    assert seconds >= 0.3
    lines = [json.loads(line) for line in told[0].splitlines() if line.startswith("{")]
    assert len(lines) == 1
    assert lines[0] | {"at": "", "headers": {}} == {
        "at": "",
        "method": "POST",
        "url": url + "in?a=1",
        "headers": {},
        "body": "ä",
        "signature": {"verified": None, "scheme": None, "why": "not signed"},
        "answered": 418,
    }
    assert lines[0]["headers"]["authorization"] == "Bearer ***"


def test_json_tells_what_the_desk_was_sent_and_said(daemon):
    with (
        Receiver(lambda _: Answer(200, {"X-Desk": "yes"}, b"\xff")) as desk,
        listening(daemon, "--forward-to", desk.url, "--json") as (url, told),
    ):
        httpx.post(url + "in", content=b"{}")

    found = json.loads(next(line for line in told[0].splitlines() if line.startswith("{")))
    passed = found["passed_on"]
    assert passed["url"] == desk.url + "/in"
    assert passed["status"] == found["answered"] == 200
    assert passed["answer_headers"]["x-desk"] == "yes"
    assert passed["answer_base64"] == "/w=="
    assert passed["error"] is None
    assert "host" not in passed["headers"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--forward-to", "localhost:3000"), 1, "this is not a URL; it begins with https://"),
        (("--forward-to", "http://example.com/x"), 1, "plain http to example.com can be read"),
        (("--forward-to", "http://10.0.0.7/x"), 1, "inside egress.allow of the configuration"),
        (("--forward-to", "http://u:p@localhost/x"), 1, "a URL holds no user name"),
        (("--forward-to", "http://localhost:99999/"), 1, "port is not a number"),
        (("--forward-to", "http://localhost/\x1b[2J"), 1, "the character"),
        (("--forward-to", "http://localhost/", "--answer", "204"), 2, "the desk answers"),
        (("--forward-to", "http://localhost/", "--fail", "500"), 2, "say to how many"),
        (("--answer", "99"), 2, "is not STATUS or STATUS:BODY"),
        (("--answer", "418teapot"), 2, "is not STATUS or STATUS:BODY"),
        (("--delay", "soon"), 2, "is no length of time"),
        (("--delay", "3d"), 2, "it is longer than 1:00:00"),
    ],
)
def test_what_makes_no_sense_is_said_in_a_line(daemon, arguments, code, says):
    done = daemon.command("listen", "--port", "0", *arguments)

    assert done.returncode == code
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_stop_does_not_wait_for_a_long_delay(daemon):
    with listening(daemon, "--delay", "1h") as (url, told):
        with pytest.raises(httpx.TimeoutException):
            httpx.post(url, timeout=0.5)
        began = clock.monotonic()

    assert clock.monotonic() - began < 20
    assert "Traceback" not in told[0]
