"""The main job, from a dropped file to a verified request, run as a user runs it."""

import hashlib
import json

import pytest
from standardwebhooks import Webhook as StandardWebhook

from tests.daemon import SECRET, until
from tests.receiver import Answer, Receiver


def hook(receiver, path="/hook", **changes):
    request = {"url": receiver.url + path, "allow_http": True}
    return (
        {"source": "export", "object": "contacts"}
        | changes
        | {"request": request | changes.get("request", {})}
    )


def test_a_dropped_file_becomes_requests(daemon):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver)})
        daemon.start()
        daemon.drop("1.csv", "id,email,score\n1,ada@example.com,1.10\n2,,\n")
        until(lambda: len(receiver.received) == 2, "two requests")
        daemon.drop_rows("2.ndjson", {"id": 1, "email": "ada@example.org", "score": "1.10"})
        until(lambda: len(receiver.received) == 3, "the third request")
        assert daemon.stop() == 0

    bodies = [json.loads(one.body) for one in receiver.received]
    assert [body["eventType"] for body in bodies] == [
        "contacts.created",
        "contacts.created",
        "contacts.updated",
    ]
    assert bodies[0]["properties"] == {"id": "1", "email": "ada@example.com", "score": "1.10"}
    assert bodies[1]["properties"] == {"id": "2", "email": "", "score": ""}
    assert bodies[2]["objectId"] == "1"
    assert len({one.id for one in receiver.received}) == 3
    assert (daemon.folder / "crm" / "done" / "1.csv").is_file()
    assert {one["state"] for one in daemon.deliveries()} == {"delivered"}


def test_numbers_arrive_as_they_were_written(daemon):
    """Not as a parser would have them: that is a peer's fault we do not share."""
    row = '{"id":7,"a":1.10,"b":12345678901234567890123,"c":-0.0,"d":1E5,"e":[1.0,{"f":1e-7}]}'
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver)})
        daemon.start()
        daemon.drop("1.ndjson", row)
        until(lambda: receiver.received, "a request")
        daemon.stop()

    body = receiver.received[0].body.decode()
    for written in ('"a":1.10', '"b":12345678901234567890123', '"c":-0.0', '"d":1E5'):
        assert written in body
    assert '"e":[1.0,{"f":1e-7}]' in body


@pytest.mark.parametrize("scheme", ["hubspot_v1", "hubspot_v2", "hubspot_v3"])
def test_hubspots_own_library_verifies_what_arrives(daemon, scheme):
    signature_of_hubspot = pytest.importorskip("hubspot.utils.signature")
    request = {"signature": {"app_id": "1234567", "scheme": scheme}}
    with Receiver() as receiver:
        path = "/h%C3%B6%C3%B6k?tenant=a%20b&x='(1)'&colon=%3A"
        daemon.configure({"mirror": hook(receiver, path, request=request)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": "1", "name": "Żółć 🚀"})
        until(lambda: receiver.received, "a request")
        daemon.stop()

    (one,) = receiver.received
    version = scheme.removeprefix("hubspot_")
    name = "x-hubspot-signature-v3" if version == "v3" else "x-hubspot-signature"
    assert signature_of_hubspot.Signature.is_valid(
        signature=one.headers[name],
        client_secret=SECRET,
        request_body=one.body.decode(),
        http_uri=f"http://{one.headers['host']}{one.target}",
        http_method=one.method,
        signature_version=version,
        timestamp=one.headers.get("x-hubspot-request-timestamp"),
    )


def test_the_standard_webhooks_library_verifies_what_arrives_by_old_and_new_secret(another):
    new, old = "whsec_" + "bmV3" * 8, "whsec_" + "b2xk" * 8
    daemon = another("rotating", environment={"NEW_SECRET": new, "OLD_SECRET": old})
    apps = {
        "partner": {
            "client_secret": {"env": "NEW_SECRET"},
            "previous_client_secrets": [{"env": "OLD_SECRET"}],
        }
    }
    request = {"signature": {"app_id": "partner", "scheme": "standard_webhooks"}}
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver, request=request)}, apps=apps)
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": "1"})
        until(lambda: receiver.received, "a request")
        daemon.stop()

    (one,) = receiver.received
    for secret in (new, old):
        StandardWebhook(secret).verify(one.body, one.headers)


def test_a_get_carries_chosen_properties_in_its_query(daemon):
    request = {
        "method": "GET",
        "query": {"properties": ["name", {"property": "score", "as": "value"}, "absent"]},
        "authentication": {
            "type": "api_key",
            "name": "key",
            "location": "query",
            "key": {"env": "APP_SECRET"},
        },
    }
    with Receiver() as receiver:
        daemon.configure({"refresh": hook(receiver, "/r?kind=deal", request=request)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": "1", "name": "a b&c/ü", "score": 1.10})
        until(lambda: receiver.received, "a request")
        daemon.stop()

    (one,) = receiver.received
    assert one.target == f"/r?kind=deal&name=a%20b%26c/%C3%BC&value=1.1&key={SECRET}"
    assert one.body == b""
    assert "content-type" not in one.headers


def test_a_post_carries_a_query_beside_its_body_and_the_signature_covers_both(daemon):
    request = {
        "query": {"properties": ["name"], "static": {"origin": "crm & co"}},
        "body": {"properties": ["score"]},
        "signature": {"app_id": "1234567", "scheme": "hubspot_v2"},
    }
    with Receiver() as receiver:
        daemon.configure({"both": hook(receiver, "/r?kind=deal", request=request)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": "1", "name": "Søn", "score": 7})
        until(lambda: receiver.received, "a request")
        daemon.stop()

    (one,) = receiver.received
    assert one.target == "/r?kind=deal&name=S%C3%B8n&origin=crm%20%26%20co"
    assert one.body == b'{"score":7}'
    signed = f"{SECRET}POST{receiver.url}{one.target}".encode() + one.body
    assert one.headers["x-hubspot-signature"] == hashlib.sha256(signed).hexdigest()


def test_a_failing_receiver_is_retried_with_the_same_id(daemon):
    statuses = iter([500, 429, 200])
    retry = {"first_after": "100ms", "jitter": 0}
    with Receiver(lambda _: Answer(next(statuses), body=b"busy")) as receiver:
        daemon.configure({"mirror": hook(receiver, delivery={"retry": retry})})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": "1"})
        until(lambda: len(receiver.received) == 3, "three requests")
        daemon.stop()

    assert len({one.id for one in receiver.received}) == 1
    (delivery,) = daemon.deliveries()
    assert (delivery["state"], delivery["attempts"]) == ("delivered", 3)
    shown = daemon.command(
        "deliveries", "show", delivery["id"], "--json", "--state-directory", str(daemon.state)
    )
    log = json.loads(shown.stdout)["attempt_log"]
    assert [attempt["status"] for attempt in log] == [500, 429, 200]
    assert [attempt["answer"] for attempt in log] == ["busy"] * 3


def test_a_redirect_is_not_a_success_and_is_not_followed(daemon):
    with Receiver(lambda _: Answer(302, {"location": "/elsewhere"})) as receiver:
        daemon.configure({"mirror": hook(receiver)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": "1"})
        until(lambda: daemon.named("delivery.attempted"), "an attempt")
        daemon.stop()

    assert [one.target for one in receiver.received] == ["/hook"]
    (delivery,) = daemon.deliveries()
    assert (delivery["state"], delivery["last_status"]) == ("pending", 302)


def test_a_rejected_delivery_stays_visible(daemon):
    with Receiver(lambda _: Answer(400, body=b"no such tenant")) as receiver:
        daemon.configure({"mirror": hook(receiver)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": "1"})
        until(lambda: daemon.named("delivery.attempted"), "an attempt")
        daemon.stop()

    (delivery,) = daemon.deliveries("--state", "failed")
    assert delivery["last_error"] == "the receiver answered 400, which is not retried"
    assert delivery["settled_at"]


def test_a_bad_row_is_named_and_the_good_ones_are_taken(daemon):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver)})
        daemon.start()
        daemon.drop("1.ndjson", '{"id":1}\n{"id":1.5}\n{"id":2}\nnot json\n')
        until(lambda: len(receiver.received) == 2, "the good rows")
        report = daemon.folder / "crm" / "failed" / "1.ndjson.error.json"
        until(report.is_file, "the report")
        daemon.stop()

    bad_rows = json.loads(report.read_text())["bad_rows"]
    assert [row["line"] for row in bad_rows] == [2, 4]
    assert not (daemon.folder / "crm" / "done" / "1.ndjson").exists()
    assert (daemon.folder / "crm" / "failed" / "1.ndjson").is_file()


def test_that_it_has_stopped_is_the_last_that_it_says(daemon):
    """What an interpreter does at its end (some versions flush once more) is nobody's trouble."""
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver)})
        daemon.start()
        daemon.stop()

    assert json.loads(daemon.log.splitlines()[-1])["event"] == "daemon.stopped"
