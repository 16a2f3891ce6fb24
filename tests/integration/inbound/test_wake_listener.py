"""The listener of wakes over real sockets: who is let in, and who is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime

import httpx
import pytest
import standardwebhooks
import stripe

from tests.virtual_time import VirtualTime
from tests.wakes import (
    APP_SECRET,
    OLD_SECRET,
    PUBLIC,
    WHSEC,
    Listener,
    held,
    hubspot_v3,
    milliseconds,
    signed,
)
from webhookd import telemetry
from webhookd.definitions import (
    ApiKey,
    Basic,
    Bearer,
    Hmac,
    Scheme,
    Wake,
)
from webhookd.inbound.refused_wakes import RefusedWakes
from webhookd.listen_address import ListenAddress
from webhookd.model import Secret
from webhookd.telemetry import metrics
from webhookd.telemetry.reporter import Reporter


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
