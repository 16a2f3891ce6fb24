"""Wakes: somebody says that there is news, and the real daemon polls now, not in an hour."""

import base64
import json
import re
import socket
import ssl
import time
from collections import Counter
from contextlib import ExitStack, suppress

import httpx
import pytest
import trustme
from hubspot.utils.signature import Signature as HubspotSignature

from tests.daemon import SECRET, until
from tests.fake_api import RealTime, running
from tests.fake_hubspot import Account, FakeHubspot
from tests.fleet import hook
from tests.ports import free_port
from tests.receiver import Receiver

PUBLIC = "https://hooks.example.com"
WELL_UNDER = 20.0
"""Seconds within which a wake brings a record; the source is polled once an hour."""
TOKEN = "the-token-of-who-may-wake"
BEARER = {"authentication": {"type": "bearer", "token": {"env": "WAKE_TOKEN"}}}
SIGNED = {"signature": {"app_id": "1234567", "scheme": "hubspot_v3"}}
ITEMS = {
    "records": "data",
    "modified": "updated",
    "created": "created",
    "query": {"limit": "${limit}"},
    "paging": {"by": "page", "limit": 50, "query": {"page": "${page}"}},
    "detect": {
        "by": "time",
        "order": "modified",
        "query": {"since": "${since}", "sort": "updated,id"},
    },
}


@pytest.fixture
def api():
    with running(RealTime()) as served:
        served.create(3)
        yield served


def source(api, wake, **more):
    told = {
        "type": "rest",
        "base_url": f"{api.url}/api" if not api.url.endswith("/api") else api.url,
        "poll_every": "1h",
        "requests_per_second": 50,
        "objects": {"items": ITEMS},
    }
    return told | ({} if wake is None else {"wake": wake}) | more


def configure(daemon, api, receiver, wake, **more):
    mirror = hook(receiver) | {"source": "crm", "object": "items"}
    daemon.configure({"mirror": mirror}, sources={"crm": source(api, wake, **more)})


def listen(daemon, **settings):
    port = free_port()
    daemon.environment |= {
        "WEBHOOKD_INBOUND_ADDRESS": f"127.0.0.1:{port}",
        "WEBHOOKD_INBOUND_URL": PUBLIC,
        "WEBHOOKD_LOG_LEVEL": "debug",
        "WAKE_TOKEN": TOKEN,
        **settings,
    }
    return f"http://127.0.0.1:{port}/sources/crm/wake"


def signed(body, at=None, secret=SECRET):
    stamp = str(int((at or time.time()) * 1000))
    made = HubspotSignature.get_signature(
        http_uri=f"{PUBLIC}/sources/crm/wake",
        signature_version="v3",
        client_secret=secret,
        request_body=body,
        http_method="POST",
        timestamp=stamp,
    )
    return {"X-HubSpot-Signature-v3": made, "X-HubSpot-Request-Timestamp": stamp}


def asked(daemon, *words):
    return daemon.command(*words, "--admin-address", f"unix:{daemon.state}/admin.sock")


def polls(daemon):
    return len(daemon.named("source.polled"))


def arrived(receiver):
    return {json.loads(one.body)["objectId"] for one in tuple(receiver.received)}


def test_a_wake_brings_a_record_well_before_its_poll(daemon, api):
    url = listen(daemon)
    with Receiver() as receiver:
        configure(daemon, api, receiver, SIGNED)
        daemon.start()
        until(lambda: polls(daemon), "the first read")
        (new,) = api.create()
        began = time.monotonic()
        body = '[{"objectId": 1}]'
        answer = httpx.post(url, content=body, headers=signed(body))
        assert (answer.status_code, answer.content) == (202, b"")
        until(lambda: new in arrived(receiver), "the record", WELL_UNDER)
        assert time.monotonic() - began < WELL_UNDER

        # An old one, one of another app, and one without: nothing is polled.
        told = [
            httpx.post(url, content=body, headers=headers).status_code
            for headers in (signed(body, time.time() - 301), signed(body, secret="other"), {})
        ]
        assert told == [401] * 3
        assert httpx.get(url).status_code == 405
        assert httpx.post(url.replace("crm", "other")).status_code == 404
        assert daemon.stop() == 0

    assert polls(daemon) == 2
    assert [one["source"] for one in daemon.named("wake.accepted")] == ["crm"]
    refused = daemon.named("wake.refused")
    assert [(one["source"], one["reason"], one["count"]) for one in refused] == [
        ("crm", "unproved", 1),
        ("crm", "method", 1),
        (None, "unknown", 1),
    ]
    assert "301 seconds old" in refused[0]["why"]
    assert all(one["level"] == "warning" for one in refused)


def test_many_wakes_within_a_second_are_one_poll(daemon, api):
    url = listen(daemon)
    with Receiver() as receiver:
        configure(daemon, api, receiver, BEARER)
        daemon.start()
        until(lambda: polls(daemon), "the first read")
        with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
            began = time.monotonic()
            told = {client.post(url).status_code for _ in range(40)}
            seconds = time.monotonic() - began
        until(lambda: polls(daemon) > 1, "a poll")
        time.sleep(3)
        metrics = told_by(daemon, "/metrics")
        status = json.loads(asked(daemon, "status", "--json").stdout)
        shown = asked(daemon, "status").stdout
        assert daemon.stop() == 0

    assert told == {202}
    assert polls(daemon) - 1 <= 1 + int(seconds)
    assert 'webhookd_wakes_accepted_total{source="crm"} 40.0' in metrics
    (crm,) = status["sources"]
    assert crm["wakes"] == 40
    assert crm["last_woken_at"]
    assert re.search(r"last woken .* ago, 40 wakes", shown)


def told_by(daemon, path):
    transport = httpx.HTTPTransport(uds=str(daemon.state / "admin.sock"))
    with httpx.Client(transport=transport) as client:
        return client.get(f"http://daemon{path}").text


def test_a_wake_during_a_poll_makes_one_more_behind_it(daemon, api):
    url = listen(daemon)
    with Receiver() as receiver:
        configure(daemon, api, receiver, BEARER)
        daemon.start()
        until(lambda: polls(daemon), "the first read")
        headers, slow = {"Authorization": f"Bearer {TOKEN}"}, []

        def drag(_request):
            if len(slow) < 1:
                slow.append(1)
                time.sleep(4)

        api.between = drag
        httpx.post(url, headers=headers)
        until(lambda: slow, "the slow poll")
        # Its answer is made up only after this.
        (new,) = api.create()
        for _ in range(10):
            assert httpx.post(url, headers=headers).status_code == 202
        until(lambda: polls(daemon) == 3, "two polls more")
        until(lambda: new in arrived(receiver), "the record")
        time.sleep(2)
        assert daemon.stop() == 0

    assert polls(daemon) == 3


def test_a_reload_adds_changes_and_takes_away_a_wake_beside_polls_under_way(daemon, api):
    url = listen(daemon)
    right = {"Authorization": f"Bearer {TOKEN}"}
    with Receiver() as receiver:
        configure(daemon, api, receiver, None)
        daemon.start()
        until(lambda: polls(daemon), "the first read")
        assert httpx.post(url, headers=right).status_code == 404

        configure(daemon, api, receiver, BEARER)
        planned = asked(daemon, "plan", "--config", str(daemon.config))
        assert planned.returncode == 10
        assert "goes on undisturbed; this may wake it now" in planned.stdout
        assert "wake: nothing -> " in planned.stdout
        assert daemon.reload()["event"] == "config.reloaded"
        assert httpx.post(url, headers=right).status_code == 202
        until(lambda: polls(daemon) == 2, "a poll")

        configure(daemon, api, receiver, SIGNED)
        planned = asked(daemon, "plan", "--config", str(daemon.config))
        assert "wake.signature: nothing -> " in planned.stdout
        daemon.reload()
        assert httpx.post(url, headers=right).status_code == 401

        configure(daemon, api, receiver, None)
        planned = asked(daemon, "plan", "--config", str(daemon.config))
        assert "nobody may wake it any more" in planned.stdout
        daemon.reload()
        assert httpx.post(url, headers=right).status_code == 404
        assert daemon.stop() == 0

    # The source was never begun anew: that would have polled it.
    assert polls(daemon) == 2
    assert daemon.log.count('"inbound.listening"') == 1


def test_no_secret_of_a_wake_is_ever_shown(daemon, api):
    url = listen(daemon)
    with Receiver() as receiver:
        configure(daemon, api, receiver, BEARER)
        daemon.start()
        httpx.post(f"{url}?token={TOKEN}", headers={"Authorization": f"Bearer {TOKEN}"})
        httpx.post(f"{url}/{TOKEN}", content=TOKEN, headers={"Authorization": f"Basic {TOKEN}"})
        httpx.request(TOKEN[:20].upper().replace("-", ""), url)
        shown = asked(daemon, "status", "--json").stdout + told_by(daemon, "/metrics")
        shown += asked(daemon, "plan", "--config", str(daemon.config)).stdout
        assert daemon.stop() == 0

    assert TOKEN not in daemon.log
    assert TOKEN not in shown
    assert base64.b64encode(TOKEN.encode()).decode() not in daemon.log


def test_a_wake_of_hubspot_polls_every_type_of_object(daemon):
    crm = FakeHubspot(Account({"contacts": {"email": "string"}, "deals": {"dealname": "string"}}))
    url = listen(daemon)
    daemon.environment["CRM_TOKEN"] = "pat-token"
    with crm.serving() as base, Receiver() as receiver:
        told = {
            "type": "hubspot",
            "base_url": base,
            "token": {"env": "CRM_TOKEN"},
            "poll_every": "1h",
            "overlap": "5s",
            "objects": {"contacts": {"properties": "all"}, "deals": {"properties": "all"}},
            "wake": SIGNED,
        }
        mirror = hook(receiver) | {"source": "crm"}
        daemon.configure(
            {"people": mirror, "deals": mirror | {"object": "deals"}}, sources={"crm": told}
        )
        daemon.start()
        until(lambda: polls(daemon) == 2, "the first read")
        with crm.lock:
            crm.account.create("contacts", {"email": "a@example.com"})
            crm.account.create("deals", {"dealname": "One"})
        assert httpx.post(url, content="[]", headers=signed("[]")).status_code == 202
        until(lambda: len(receiver.received) == 2, "both", WELL_UNDER)
        assert daemon.stop() == 0

    assert crm.bad == []


def test_a_source_whose_token_is_refused_is_not_hammered(daemon, api):
    url = listen(daemon)
    api.answer = lambda _request: (401, {"message": "no"})
    with Receiver() as receiver:
        configure(daemon, api, receiver, BEARER)
        daemon.start()
        until(lambda: daemon.named("source.unauthorized"), "the refusal")
        asked = len(api.asked)
        for _ in range(30):
            assert httpx.post(url, headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 202
            time.sleep(0.1)
        assert len(api.asked) == asked
        assert daemon.stop() == 0


def test_in_a_fleet_a_wake_reaches_the_daemon_that_reads_the_source(fleet, api, receiver):
    ports = [free_port() for _ in fleet.daemons]
    for one, port in zip(fleet.daemons, ports, strict=True):
        listen(one, WEBHOOKD_INBOUND_ADDRESS=f"127.0.0.1:{port}")
    mirror = hook(receiver) | {"source": "crm", "object": "items"}
    fleet.configure({"mirror": mirror}, sources={"crm": source(api, BEARER)})
    fleet.start()
    until(lambda: any(map(polls, fleet.daemons)), "the first read")
    for port in ports:
        (new,) = api.create()
        answer = httpx.post(
            f"http://127.0.0.1:{port}/sources/crm/wake",
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        assert answer.status_code == 202
        until(lambda new=new: new in arrived(receiver), "the record", WELL_UNDER)

    # A record may arrive before its poll has said that it is over.
    until(lambda: sum(map(polls, fleet.daemons)) > len(ports), "each poll is told")
    # Before the one that reads stops: another then takes over, and polls.
    assert sorted(map(polls, fleet.daemons)) == [0] * (len(ports) - 1) + [1 + len(ports)]
    assert fleet.stop() == [0] * len(ports)


def test_over_tls_at_any_address_with_others_that_never_shake_hands(daemon, api, tmp_path):
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    made.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    made.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    port = free_port()
    listen(
        daemon,
        WEBHOOKD_INBOUND_ADDRESS=f"0.0.0.0:{port}",
        WEBHOOKD_INBOUND_TLS_CERT=str(tmp_path / "cert.pem"),
        WEBHOOKD_INBOUND_TLS_KEY=str(tmp_path / "key.pem"),
    )
    url = f"https://127.0.0.1:{port}/sources/crm/wake"
    with Receiver() as receiver, ExitStack() as silent:
        configure(daemon, api, receiver, SIGNED)
        daemon.start()
        until(lambda: polls(daemon), "the first read")
        for _ in range(20):
            silent.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        nonsense = silent.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
        nonsense.sendall(b"POST /sources/crm/wake HTTP/1.1\r\n\r\n")
        (new,) = api.create()
        with httpx.Client(verify=trusting, timeout=30) as client:
            for _ in range(3):
                assert client.post(url, content="{}", headers=signed("{}")).status_code == 202
        until(lambda: new in arrived(receiver), "the record", WELL_UNDER)
        for _ in range(100):
            silent.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))

        def is_heard():
            with suppress(httpx.TransportError), httpx.Client(verify=trusting) as client:
                return client.post(url, content="{}", headers=signed("{}")).status_code == 202
            return False

        until(is_heard, "those that are silent to be ended")
        assert daemon.stop() == 0

    (listening,) = daemon.named("inbound.listening")
    assert (listening["address"], listening["tls"]) == (f"0.0.0.0:{port}", True)
    assert not [one for one in daemon.events if one["level"] == "error"]
    assert "Traceback" not in daemon.log


def test_a_hostile_crowd_costs_neither_polls_nor_deliveries(daemon, api):
    """Slow ones, large bodies, wrong names and 100 connections, while a record goes its way."""
    url = listen(daemon)
    port = int(re.search(r":(\d+)/", url)[1])
    with Receiver() as receiver, ExitStack() as open_:
        configure(daemon, api, receiver, BEARER, poll_every="500ms")
        daemon.start()
        until(lambda: polls(daemon), "the first read")
        for number in range(100):
            one = open_.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
            with suppress(OSError):
                one.sendall(b"POST /sources/crm/wake HTTP/1.1\r\nHost: x\r\n"[: number % 40])
        (new,) = api.create()
        until(lambda: new in arrived(receiver), "the record", WELL_UNDER)
        assert daemon.command("status", "--admin-address", f"unix:{daemon.state}/admin.sock")

        def is_served():
            with suppress(httpx.TransportError):
                return httpx.post(url, content=b"x" * 300_000).status_code in {401, 413}
            return False

        until(is_served, "the slow ones to be ended")
        for _ in range(30):
            with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as one:
                one.sendall(b"GARBAGE\r\n\r\n")
                one.recv(1000)
        asking = b"GET /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as one:
            one.sendall(asking)
            one.recv(1000)
        metrics = told_by(daemon, "/metrics")
        assert daemon.stop() == 0

    # What anybody can cause is a line once a minute, and a figure each time.
    refused = Counter(one["reason"] for one in daemon.named("wake.refused"))
    assert set(refused) >= {"malformed", "slow", "busy"}
    assert max(refused.values()) <= 3
    assert 'webhookd_wakes_refused_total{reason="malformed",source=""} 30.0' in metrics
    others = [one for one in daemon.events if one["level"] in {"warning", "error"}]
    assert [one for one in others if one["event"] != "wake.refused"] == []
    assert "Traceback" not in daemon.log


def test_without_a_listener_the_log_says_that_nobody_can_wake(daemon, api):
    daemon.environment["WAKE_TOKEN"] = TOKEN
    with Receiver() as receiver:
        configure(daemon, api, receiver, BEARER)
        daemon.start()
        (told,) = daemon.named("inbound.missing")
        assert daemon.stop() == 0

    assert (told["level"], told["sources"]) == ("warning", ["crm"])


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"ADDRESS": "0.0.0.0:{port}"}, "WEBHOOKD_INBOUND_TLS_CERT"),
        ({"ADDRESS": "{admin}"}, "the admin API listens there"),
        ({"ADDRESS": "unix:{state}/admin.sock"}, "the admin API listens there"),
        ({"ADDRESS": "hooks.example.com:443"}, "no address to listen at"),
        ({"ADDRESS": "127.0.0.1:{port}", "TLS_KEY": "key.pem"}, "INBOUND_TLS_CERT: is not set"),
        (
            {"ADDRESS": "127.0.0.1:{port}", "TLS_KEY": "key.pem", "TLS_CERT": "cert.pem"},
            "WEBHOOKD_INBOUND_TLS_CERT: cert.pem cannot be read",
        ),
        ({"ADDRESS": "127.0.0.1:{port}", "URL": "hooks.example.com"}, "WEBHOOKD_INBOUND_URL"),
    ],
)
def test_settings_that_do_not_go_together_end_the_start(daemon, api, settings, told):
    port = free_port()
    if "{admin}" in settings["ADDRESS"]:
        daemon.environment["WEBHOOKD_ADMIN_ADDRESS"] = f"127.0.0.1:{port}"
    for name, value in settings.items():
        daemon.environment[f"WEBHOOKD_INBOUND_{name}"] = value.format(
            port=port, state=daemon.state, admin=f"localhost:{port}"
        )
    daemon.configure({})
    daemon.start(is_awaited=False)

    assert daemon.wait() == 78
    assert told in daemon.log
