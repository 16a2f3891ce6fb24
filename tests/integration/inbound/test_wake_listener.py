"""The listener of wakes over real sockets: who is let in, who is not, and what hostility costs."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import re
import socket
import ssl
import time
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime

import httpx
import pytest
import standardwebhooks
import stripe
import trustme
from hubspot.utils.signature import Signature as HubspotSignature

from tests.virtual_time import VirtualTime
from webhookd import clock, telemetry
from webhookd.definitions import (
    ApiKey,
    Basic,
    Bearer,
    Definitions,
    Egress,
    Hmac,
    HubspotSource,
    OwnEventsSource,
    Scheme,
    Signature,
    Wake,
)
from webhookd.inbound.refused_wakes import RefusedWakes
from webhookd.inbound.served_certificate import ServedCertificate
from webhookd.inbound.wake_application import LARGEST_BODY, WakeApplication
from webhookd.listen_address import ListenAddress
from webhookd.listener import listening
from webhookd.model import Secret
from webhookd.process.descriptors import PUBLIC_LIMITS
from webhookd.serving import ConnectionLimits, serving
from webhookd.telemetry import metrics
from webhookd.telemetry.reporter import Reporter

APP_SECRET, OLD_SECRET = "a-secret-of-the-app", "what-it-had-before"
WHSEC = "whsec_" + base64.b64encode(b"k" * 32).decode()
PUBLIC = "https://hooks.example.com/in"


def signed(scheme, secret=APP_SECRET, **more):
    return Wake((Signature("1234567", scheme, Secret(secret), **more),))


def held(**wakes):
    """Return definitions of HubSpot sources by name, each with its wake."""
    sources = {
        name: HubspotSource(name, "https://api.example.com", Secret("t"), (), wake=wake)
        for name, wake in wakes.items()
    }
    sources["self"] = OwnEventsSource("self")
    return Definitions("hash", Egress(), sources, {})


class Listener:
    """The listener in a loop of its own; *woken* are the sources it woke."""

    def __init__(self, definitions, *, limits=PUBLIC_LIMITS, tls=None, url=PUBLIC, at=None):
        self.definitions, self.limits, self.tls, self.url, self.at = (
            definitions,
            limits,
            tls,
            url,
            at,
        )
        self.woken = []
        self.time = clock.SYSTEM

    @asynccontextmanager
    async def running(self):
        application = WakeApplication(
            lambda: self.definitions,
            self.woken.append,
            RefusedWakes(self.time),
            self.time,
            self.url,
        )
        with listening(self.at or ListenAddress(None, "127.0.0.1", 0)) as listener:
            if self.at is None:
                self.port = listener.getsockname()[1]
            async with serving(application, listener, self.limits, self.tls):
                yield self

    def ask(self, work):
        """Run *work*, which gets this listener, while it runs; on a thread if it is a function."""

        async def run():
            async with self.running():
                if asyncio.iscoroutinefunction(work):
                    return await work(self)
                return await asyncio.to_thread(work, self)

        return asyncio.run(run())

    def post(self, path="/sources/crm/wake", body=b"{}", headers=(), method="POST"):
        def work(listener):
            url = f"http://127.0.0.1:{listener.port}{path}"
            return httpx.request(method, url, content=body, headers=dict(headers), timeout=30)

        return self.ask(work)


def hubspot_v3(body, at, secret=APP_SECRET, url=f"{PUBLIC}/sources/crm/wake"):
    made = HubspotSignature.get_signature(
        http_uri=url,
        signature_version="v3",
        client_secret=secret,
        request_body=body.decode(),
        http_method="POST",
        timestamp=str(at),
    )
    return {"X-HubSpot-Signature-v3": made, "X-HubSpot-Request-Timestamp": str(at)}


def milliseconds(ago=0.0):
    return int((time.time() - ago) * 1000)


def test_a_wake_that_hubspot_signs_is_accepted_whatever_it_says():
    listener = Listener(held(crm=signed(Scheme.HUBSPOT_V3)))
    body = b'[{"objectId": 1, "changeSource": "anything"}, not even JSON'

    answer = listener.post(body=body, headers=hubspot_v3(body, milliseconds()))

    assert (answer.status_code, answer.content) == (202, b"")
    assert listener.woken == ["crm"]


def test_a_previous_secret_still_verifies():
    wake = signed(Scheme.HUBSPOT_V3, previous_client_secrets=(Secret(OLD_SECRET),))
    listener = Listener(held(crm=wake))

    answer = listener.post(headers=hubspot_v3(b"{}", milliseconds(), OLD_SECRET))

    assert answer.status_code == 202


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (dict, b"{}"),
        (lambda: hubspot_v3(b"{}", milliseconds(), "another-secret"), b"{}"),
        (lambda: hubspot_v3(b"{}", milliseconds()), b"{ }"),
        (lambda: hubspot_v3(b"{}", milliseconds(ago=301)), b"{}"),
        (lambda: hubspot_v3(b"{}", milliseconds(ago=-320)), b"{}"),
        (
            lambda: hubspot_v3(
                b"{}", milliseconds(), url="https://other.example.com/sources/crm/wake"
            ),
            b"{}",
        ),
        (lambda: hubspot_v3(b"{}", milliseconds(), url=f"{PUBLIC}/sources/other/wake"), b"{}"),
        (
            lambda: {
                "X-HubSpot-Signature": hashlib.sha256(APP_SECRET.encode() + b"{}").hexdigest(),
                "X-HubSpot-Signature-Version": "v1",
            },
            b"{}",
        ),
        (lambda: {"X-HubSpot-Signature-v3": "é", "X-HubSpot-Request-Timestamp": "1"}, b"{}"),
        (lambda: {"X-HubSpot-Signature-v3": "x", "X-HubSpot-Request-Timestamp": "9" * 400}, b"{}"),
    ],
)
def test_what_is_not_signed_as_the_source_says_is_refused(headers, body):
    """A right signature of another scheme counts as little as a wrong one."""
    listener = Listener(held(crm=signed(Scheme.HUBSPOT_V3)))
    # Made now: the tests may have been collected minutes ago.
    encoded = {name: value.encode() for name, value in headers().items()}

    answer = listener.post(body=body, headers=encoded)

    assert (answer.status_code, listener.woken) == (401, [])
    assert "error" in answer.json()


def test_four_minutes_are_not_too_old():
    listener = Listener(held(crm=signed(Scheme.HUBSPOT_V3)))

    assert listener.post(headers=hubspot_v3(b"{}", milliseconds(ago=290))).status_code == 202


def test_the_query_is_signed_with_the_url():
    listener = Listener(held(crm=signed(Scheme.HUBSPOT_V3)))
    url = f"{PUBLIC}/sources/crm/wake?tenant=a%20b"

    answer = listener.post(
        "/sources/crm/wake?tenant=a%20b", headers=hubspot_v3(b"{}", milliseconds(), url=url)
    )

    assert answer.status_code == 202


def test_without_a_public_url_that_of_the_request_is_signed():
    listener = Listener(held(crm=signed(Scheme.HUBSPOT_V3)), url=None)

    def work(running):
        url = f"http://127.0.0.1:{running.port}/sources/crm/wake"
        return httpx.post(url, content=b"{}", headers=hubspot_v3(b"{}", milliseconds(), url=url))

    assert listener.ask(work).status_code == 202


def test_standard_webhooks_by_its_own_library():
    listener = Listener(held(crm=signed(Scheme.STANDARD_WEBHOOKS, WHSEC)))
    at = datetime.now(UTC)
    made = standardwebhooks.Webhook(WHSEC).sign("msg_1", at, "{}")
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": f"v1,bm90 {made}",
    }

    assert listener.post(headers=headers).status_code == 202
    assert listener.post(headers=headers | {"webhook-id": "msg_2"}).status_code == 401
    early = headers | {"webhook-timestamp": str(int(at.timestamp()) - 400)}
    assert listener.post(headers=early).status_code == 401


def test_stripes_signature_by_its_own_library():
    listener = Listener(held(crm=signed(Scheme.STRIPE)))
    at = int(time.time())
    made = stripe.WebhookSignature._compute_signature(f"{at}.{{}}", APP_SECRET)

    assert listener.post(headers={"Stripe-Signature": f"t={at},v1={made}"}).status_code == 202
    old = at - 400
    made = stripe.WebhookSignature._compute_signature(f"{old}.{{}}", APP_SECRET)
    assert listener.post(headers={"Stripe-Signature": f"t={old},v1={made}"}).status_code == 401


def test_an_hmac_of_ones_own():
    described = Hmac(
        "X-Crm",
        "sha512",
        "base64",
        "{{ timestamp }}.{{ body }}",
        "t={{ timestamp }},v1={{ signature }}",
    )
    listener = Listener(held(crm=signed(Scheme.HMAC, hmac=described)))
    at = int(time.time())
    made = hmac.digest(APP_SECRET.encode(), f"{at}.{{}}".encode(), "sha512")
    value = f"t={at},v1={base64.b64encode(made).decode()}"

    assert listener.post(headers={"X-Crm": value}).status_code == 202
    assert listener.post(headers={"X-Crm": value.replace("t=", "t=1")}).status_code == 401
    assert listener.post(headers={"X-Crm": "nonsense"}).status_code == 401


def test_of_several_signatures_one_is_enough():
    several = Wake(signed(Scheme.HUBSPOT_V3).signatures + signed(Scheme.GITHUB).signatures)
    listener = Listener(held(crm=several))
    made = "sha256=" + hmac.new(APP_SECRET.encode(), b"{}", "sha256").hexdigest()

    assert listener.post(headers={"X-Hub-Signature-256": made}).status_code == 202
    assert listener.post(headers=hubspot_v3(b"{}", milliseconds())).status_code == 202
    assert listener.post(headers={"X-Hub-Signature-256": made[:-1]}).status_code == 401


@pytest.mark.parametrize(
    ("authentication", "right", "wrong"),
    [
        (
            Bearer(Secret("tok-1")),
            {"Authorization": "Bearer tok-1"},
            {"Authorization": "Bearer tok-2"},
        ),
        (
            Bearer(Secret("tok-1"), "Token "),
            {"Authorization": "Token tok-1"},
            {"Authorization": "Bearer tok-1"},
        ),
        (
            Basic("user", Secret("pä ss")),
            {"Authorization": "Basic " + base64.b64encode("user:pä ss".encode()).decode()},
            {"Authorization": "Basic " + base64.b64encode(b"user:pass").decode()},
        ),
        (ApiKey("X-Key", "header", Secret("k1")), {"x-key": "k1"}, {"x-key": "k"}),
    ],
)
def test_authentication_is_what_our_own_requests_would_carry(authentication, right, wrong):
    listener = Listener(held(crm=Wake(authentication=authentication)))

    assert listener.post(headers=right).status_code == 202
    assert listener.post(headers=wrong).status_code == 401
    assert listener.post().status_code == 401


def test_a_key_in_the_query():
    listener = Listener(held(crm=Wake(authentication=ApiKey("key", "query", Secret("a b+c")))))

    assert listener.post("/sources/crm/wake?x=1&key=a%20b%2Bc").status_code == 202
    assert listener.post("/sources/crm/wake?key=a").status_code == 401
    assert listener.post("/sources/crm/wake?key=a&key=a%20b%2Bc").status_code == 401
    assert listener.post("/sources/crm/wake?" + "a&" * 500 + "key=a%20b%2Bc").status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/sources/none/wake",
        "/sources/quiet/wake",
        "/sources/self/wake",
        "/sources/%63rm/wake",
        "/sources/crm/wake/",
        "//sources/crm/wake",
        "/sources/CRM/wake",
        "/sources//wake",
        "/sources/" + "a" * 300 + "/wake",
        "/",
        "/v1/status",
        "/metrics",
        "/healthz",
    ],
)
def test_what_is_no_source_and_what_nobody_may_wake_looks_the_same(path):
    listener = Listener(held(crm=signed(Scheme.GITHUB), quiet=None))

    answers = [listener.post(path), listener.post(path, method="GET")]

    assert {(one.status_code, one.content) for one in answers} == {
        (404, b'{"error": "there is nothing here"}')
    }


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_a_wake_is_a_post(method):
    listener = Listener(held(crm=signed(Scheme.GITHUB)))

    answer = listener.post(method=method)

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


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


RAW = b"POST /sources/crm/wake HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n"


def exchange(port, content, seconds=30):
    """Send bytes as they are, and return all that comes until the other end closes."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=seconds)) as raw:
        raw.sendall(content)
        answer = b""
        while more := raw.recv(65536):
            answer += more
        return answer


def statuses(answer):
    return [int(one) for one in re.findall(rb"HTTP/1\.1 (\d+) ", answer)]


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


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def certificate(authority, tmp_path):
    return written(authority, tmp_path)


def written(authority, folder):
    made = authority.issue_cert("127.0.0.1")
    paths = folder / "cert.pem", folder / "key.pem"
    made.cert_chain_pems[0].write_to_path(str(paths[0]))
    made.private_key_pem.write_to_path(str(paths[1]))
    return paths


def trusting(authority):
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_over_tls_a_sender_that_knows_the_authority_wakes(authority, certificate):
    served = ServedCertificate(*certificate)
    listener = Listener(held(crm=signed(Scheme.HUBSPOT_V3)), url=None, tls=served.context)

    def work(running):
        url = f"https://127.0.0.1:{running.port}/sources/crm/wake"
        with pytest.raises(httpx.ConnectError):
            httpx.post(url, content=b"{}")
        plain = exchange(running.port, RAW + b"\r\n")
        with httpx.Client(verify=trusting(authority)) as client:
            told = [
                client.post(url, content=b"{}", headers=hubspot_v3(b"{}", milliseconds(), url=url))
                for _ in range(3)
            ]
        return plain, [one.status_code for one in told]

    plain, told = listener.ask(work)

    assert b"HTTP" not in plain
    assert told == [202] * 3


def test_who_does_not_shake_hands_keeps_nobody_else_out_for_long(authority, certificate):
    served = ServedCertificate(*certificate)
    limits = ConnectionLimits(4, 1.0)
    wake = Wake(authentication=Bearer(Secret("t")))
    listener = Listener(held(crm=wake), limits=limits, tls=served.context)

    def work(running):
        silent = [
            socket.create_connection(("127.0.0.1", running.port), timeout=30) for _ in range(50)
        ]
        url = f"https://127.0.0.1:{running.port}/sources/crm/wake"
        began, status = time.monotonic(), None
        while status is None and time.monotonic() - began < 60:
            try:
                with httpx.Client(verify=trusting(authority), timeout=5) as client:
                    told = client.post(url, headers={"Authorization": "Bearer t"})
                    status = told.status_code
            except httpx.TransportError:
                time.sleep(0.2)
        for one in silent:
            one.close()
        return status

    assert listener.ask(work) == 202


def test_over_tls_those_beyond_the_limit_are_told_so(authority, certificate):
    served = ServedCertificate(*certificate)
    limits = ConnectionLimits(2, 5.0)
    listener = Listener(held(crm=None), limits=limits, tls=served.context)

    def work(running):
        opened, context = [], trusting(authority)
        for _ in range(3):
            raw = socket.create_connection(("127.0.0.1", running.port), timeout=30)
            opened.append(context.wrap_socket(raw, server_hostname="127.0.0.1"))
        answer = opened[2].recv(65536)
        for one in opened:
            one.close()
        return answer

    assert statuses(listener.ask(work)) == [503]


def test_a_renewed_certificate_is_shown_from_then_on(authority, certificate, tmp_path):
    served = ServedCertificate(*certificate)
    wake = Wake(authentication=Bearer(Secret("t")))
    listener = Listener(held(crm=wake), tls=served.context)

    def shown(running):
        raw = socket.create_connection(("127.0.0.1", running.port), timeout=30)
        with trusting(authority).wrap_socket(raw, server_hostname="127.0.0.1") as one:
            return one.getpeercert(binary_form=True)

    def work(running):
        before = shown(running)
        assert served.renew() is None
        (tmp_path / "key.pem").write_text("nonsense")
        assert "no private key" in served.renew().error
        assert served.renew() is None
        assert shown(running) == before
        os.utime(written(authority, tmp_path)[0], ns=(1, 1))
        assert served.renew().error is None
        return before, shown(running)

    before, after = listener.ask(work)

    assert before != after


def test_a_unix_socket_is_for_a_proxy(tmp_path):
    wake = Wake(authentication=Bearer(Secret("t")))
    listener = Listener(held(crm=wake), at=ListenAddress(tmp_path / "wake.sock"))

    def work(_running):
        transport = httpx.HTTPTransport(uds=str(tmp_path / "wake.sock"))
        with httpx.Client(transport=transport) as client:
            return client.post(
                "http://any/sources/crm/wake", headers={"Authorization": "Bearer t"}
            ).status_code

    assert listener.ask(work) == 202
    assert not (tmp_path / "wake.sock").exists()


def test_the_log_hears_of_refused_wakes_once_a_minute_and_metrics_of_each():
    time_, before = VirtualTime(), counted("crm", "unproved")
    told = []
    refused = RefusedWakes(time_.clock)

    own = telemetry.use_reporter(Reporter(told.append))
    try:
        for _ in range(100):
            refused.note("crm", "unproved", "the request has no x")
            time_.seconds += 1
    finally:
        telemetry.use_reporter(own)

    assert [one.count for one in told] == [1, 60]
    assert counted("crm", "unproved") == before + 100


def counted(source, reason):
    return metrics.WAKES_REFUSED.labels(source, reason)._value.get()


def test_a_reload_that_takes_a_wake_away_is_heard_at_the_next_request():
    listener = Listener(held(crm=Wake(authentication=Bearer(Secret("t")))))
    headers = {"Authorization": "Bearer t"}

    def work(running):
        url = f"http://127.0.0.1:{running.port}/sources/crm/wake"
        with httpx.Client(headers=headers) as client:
            found = [client.post(url).status_code]
            running.definitions = held(crm=None)
            found.append(client.post(url).status_code)
            running.definitions = held(crm=Wake(authentication=Bearer(Secret("other"))))
            return [*found, client.post(url).status_code]

    assert listener.ask(work) == [202, 404, 401]


def test_answers_are_json():
    listener = Listener(held(crm=signed(Scheme.GITHUB)))

    answer = listener.post()

    assert answer.headers["content-type"] == "application/json"
    assert json.loads(answer.content).keys() == {"error"}
    assert "server" not in answer.headers
