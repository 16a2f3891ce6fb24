"""`POST /v1/test`: webhooks in force and drafts, looked at and sent."""

import hashlib
import hmac
import json
import threading

import pytest
import yaml

from tests.daemon import Daemon, until
from tests.receiver import Answer, Receiver
from tests.token_server import TokenServer
from webhookd.client.admin_address import AdminAddress
from webhookd.client.blocking import Client
from webhookd.client.client_errors import RefusedError
from webhookd.operations.trials.turns import MOST_A_MINUTE

CANARY = "canary-token-of-trials"
WHEN = {"property": "stage", "operator": "EQ", "value": "customer"}


@pytest.fixture(scope="module")
def receiver():
    with Receiver() as one:
        yield one


@pytest.fixture
def daemon(tmp_path, receiver):
    """Return a daemon that knows two records, one of which is a customer, and changed."""
    receiver.answer = lambda _: Answer(200, body=b"thanks")
    one = Daemon(tmp_path, {"TOKEN": CANARY})
    bearer = {"type": "bearer", "token": {"env": "TOKEN"}}
    one.configure(
        {
            "live": {
                "source": "export",
                "object": "contacts",
                "trigger": {"when": [WHEN]},
                "request": request(receiver, "live", authentication=bearer),
            }
        },
        secrets={"room": {"env": "TOKEN"}},
    )
    one.start()
    one.drop_rows("1.ndjson", {"id": "1", "stage": "lead"}, {"id": "2", "stage": "customer"})
    until(lambda: one.tally("delivered") == 1, "the first delivery")
    receiver.received.clear()
    yield one
    one.close()


@pytest.fixture
def client(daemon):
    return Client(AdminAddress(daemon.state / "admin.sock"), None, 60)


def request(receiver, path, **more):
    return {"url": f"{receiver.url}/{path}", "allow_http": True} | more


def draft(receiver, name="new", **more):
    asked = request(receiver, "draft", **more.pop("request", {}))
    webhook = {"source": "export", "object": "contacts", "request": asked} | more
    return yaml.safe_dump({"webhooks": {name: webhook}}, allow_unicode=True)


def test_a_webhook_in_force_is_tried_with_a_record_and_its_own_secret(client, receiver, daemon):
    looked = client.post("/v1/test", webhook="live", record_id="2", dry_run=True)
    assert receiver.received == []
    assert looked["reply"] is None
    assert ["authorization", "Bearer ***"] in looked["request"]["headers"]

    told = client.post("/v1/test", webhook="live", record_id="2", anyway=True)

    (got,) = receiver.received
    assert got.headers["authorization"] == f"Bearer {CANARY}"
    assert got.headers["webhookd-test"] == "1"
    assert got.id.startswith("test_")
    assert (told["secrets"], told["reply"]["status"], told["reply"]["answer"]) == (
        *("real", 200),
        "thanks",
    )
    assert got.body.decode() == told["request"]["body"]
    assert CANARY not in json.dumps(told)
    assert daemon.tally("delivered") == 1
    acts = daemon.named("person.acted")
    assert [(one["action"], one["subject"]) for one in acts] == [("test", "live")]


def test_a_token_that_was_refused_is_not_shown_again(daemon, client, receiver):
    """As deliveries do: the receiver's 401 is told to the credentials, which ask for another."""
    with TokenServer() as server:
        oauth2 = {
            "type": "oauth2",
            "token_url": server.token_url,
            "client_id": "me",
            "client_secret": {"env": "TOKEN"},
        }
        asked = request(receiver, "granted", authentication=oauth2)
        daemon.configure({"granted": {"source": "export", "object": "contacts", "request": asked}})
        daemon.reload()
        receiver.answer = lambda one: Answer(401 if "token-1-" in str(one.headers) else 200)

        told = [client.post("/v1/test", webhook="granted", record_id="2") for _ in range(3)]

    assert [one["reply"]["status"] for one in told] == [401, 200, 200]
    assert len(server.received) == 2


def test_how_long_a_test_without_a_token_took_is_told_in_milliseconds(daemon, client, receiver):
    oauth2 = {
        "type": "oauth2",
        "token_url": "https://127.0.0.1:9/token",
        "client_id": "me",
        "client_secret": {"env": "TOKEN"},
    }
    asked = request(receiver, "granted", authentication=oauth2)
    daemon.configure({"granted": {"source": "export", "object": "contacts", "request": asked}})
    daemon.reload()

    reply = client.post("/v1/test", webhook="granted", record_id="2")["reply"]

    assert reply["status"] is None
    assert reply["error"].startswith("no token from 127.0.0.1")
    assert reply["seconds"] == round(reply["seconds"], 3)


def test_what_does_not_fire_is_sent_only_anyway(client, receiver):
    looked = client.post("/v1/test", webhook="live", record_id="1", dry_run=True)
    assert looked["fires"] is False
    assert looked["findings"][-1]["met"] == '"lead"'

    with pytest.raises(RefusedError, match="does not fire") as refused:
        client.post("/v1/test", webhook="live", record_id="1")

    assert refused.value.status == 409
    assert receiver.received == []
    assert client.post("/v1/test", webhook="live", record_id="1", anyway=True)["reply"]


def test_a_draft_is_looked_at_with_the_newest_change_that_fires(client, receiver):
    told = client.post(
        "/v1/test", definition=draft(receiver, trigger={"when": [WHEN]}), dry_run=True
    )

    assert (told["webhook"], told["fires"], told["problems"]) == ("new", True, [])
    assert told["sample"]["record_id"] == "2"
    assert told["sample"]["origin"].startswith("the newest change that fires")
    assert '"stage":"customer"' in told["request"]["body"]
    number = told["sample"]["number"]
    again = client.post("/v1/test", definition=draft(receiver), change=number, dry_run=True)
    assert again["sample"]["record_id"] == "2"
    assert receiver.received == []


SECRETS = {
    "bearer": {"authentication": {"type": "bearer", "token": {"env": "TOKEN"}}},
    "key in the query": {
        "authentication": {
            "type": "api_key",
            "name": "key",
            "location": "query",
            "key": {"env": "TOKEN"},
        }
    },
    "basic": {"authentication": {"type": "basic", "username": "me", "password": {"env": "TOKEN"}}},
    "oauth2": {
        "authentication": {
            "type": "oauth2",
            "token_url": "https://127.0.0.1:9/token",
            "client_id": "me",
            "client_secret": {"env": "TOKEN"},
        }
    },
    "a template": {
        "body": {"template": {"room": "{{ secrets.room }}"}},
        "headers": {"X-Room": "{{ secrets.room }}"},
    },
    **{
        scheme: {"signature": {"app_id": "1234567", "scheme": scheme}}
        for scheme in ("hubspot_v1", "hubspot_v2", "hubspot_v3", "standard_webhooks", "github")
    },
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_draft_carries_no_real_secret_and_is_shown_none(daemon, client, receiver, secret):
    text = draft(receiver, request=secret)

    told = client.post("/v1/test", definition=text, record_id="2")

    (got,) = receiver.received
    wire = f"{got.target} {got.headers} {got.body!r}"
    for real in (CANARY, daemon.environment["APP_SECRET"]):
        assert real not in wire
        assert real not in json.dumps(told)
    assert told["secrets"] == "placeholder"
    assert told["reply"]["status"] == 200


def test_a_signature_of_a_draft_is_none_of_the_real_secret(client, receiver, daemon):
    signature = {"app_id": "1234567", "scheme": "github"}
    text = draft(receiver, name="live", request={"signature": signature})
    client.post("/v1/test", definition=text, record_id="2")
    drafted = receiver.received[-1]

    def signed(secret):
        return "sha256=" + hmac.new(secret.encode(), drafted.body, hashlib.sha256).hexdigest()

    assert drafted.headers["x-hub-signature-256"] == signed("whsec_" + 3 * "placeholder0")
    assert drafted.headers["x-hub-signature-256"] != signed(daemon.environment["APP_SECRET"])


UNSENDABLE = {
    "a URL that is a secret": {"url": {"env": "TOKEN"}},
    "a client certificate": {"url": "https://127.0.0.1:9/", "tls": {"client_cert_file": "c.pem"}},
    "authorities of its own": {"url": "https://127.0.0.1:9/", "tls": {"ca_file": "ca.pem"}},
    "a proxy of its own": {"proxy": "http://127.0.0.1:9"},
    "past the proxy": {"proxy": "direct"},
}


@pytest.mark.parametrize("request_", UNSENDABLE.values(), ids=UNSENDABLE)
def test_a_draft_that_asks_for_more_is_looked_at_and_not_sent(client, receiver, request_):
    text = draft(receiver, request=request_)
    looked = client.post("/v1/test", definition=text, dry_run=True)
    assert looked["unsendable"]
    assert looked["request"] is not None

    with pytest.raises(RefusedError, match="the draft is not sent") as refused:
        client.post("/v1/test", definition=text)

    assert refused.value.status == 409
    assert receiver.received == []


@pytest.mark.parametrize(
    "url",
    [
        *("http://169.254.169.254/latest/meta-data", "http://10.0.0.1/", "http://[::1]:8080/"),
        *(
            "http://0.0.0.0/",
            "http://[fe80::1]/",
            "http://192.168.0.1/",
            "http://[::ffff:10.0.0.1]/",
        ),
    ],
)
def test_a_draft_reaches_nothing_that_the_egress_rules_forbid(client, receiver, url):
    told = client.post("/v1/test", definition=draft(receiver, request={"url": url}))

    assert told["reply"]["status"] is None
    assert told["reply"]["error"].startswith("egress: ")


def test_a_redirect_of_a_draft_is_not_followed(client, receiver):
    receiver.answer = lambda _: Answer(302, {"location": f"{receiver.url}/elsewhere"})

    told = client.post("/v1/test", definition=draft(receiver))

    assert told["reply"]["status"] == 302
    assert len(receiver.received) == 1


WRONG = {
    "nothing": ("", "the file is empty"),
    "two": ("webhooks: {a: {}, b: {}}", "there are 2"),
    "more than webhooks": (
        "webhooks: {a: {}}\negress: {allow: [0.0.0.0/0]}",
        "there is egress, too",
    ),
    "no source": ("webhooks: {a: {source: no, object: x}}", "there is no source 'no'"),
    "not YAML": ("webhooks: [", "draft"),
    "deep": ("[" * 60_000, "nested deeper"),
    "aliases": ("a: &a [x]\nwebhooks: {w: [*a, *a, *a]}", "webhooks"),
    "a secret of a file": (
        "webhooks: {a: {source: export, object: contacts, request: {url: {file: /etc/shadow}}}}",
        None,
    ),
}


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG)
def test_a_draft_that_is_wrong_is_told_with_its_places(client, text, message):
    told = client.post("/v1/test", definition=text, dry_run=True)

    if message is None:
        assert told["unsendable"] == "its URL is a secret, and a draft is sent with none"
        return
    assert told["request"] is None
    assert told["problems"]
    assert any(message in json.dumps(one) for one in told["problems"]) or message == "draft"


@pytest.mark.parametrize(
    ("asked", "status", "message"),
    [
        ({}, 400, "one of webhook and definition"),
        ({"webhook": "live", "definition": "x"}, 400, "one of webhook and definition"),
        ({"webhook": "lively"}, 404, "lively"),
        ({"webhook": "live", "record_id": "99"}, 404, "no record '99'"),
        ({"webhook": "live", "change": 99}, 404, "no change 99"),
        ({"webhook": "live", "change": 1, "record_id": "2"}, 400, "take one of"),
        ({"definition": "x" * 70_000}, 400, "over 65536 characters"),
        ({"definition": 7}, 400, "definition must be text"),
        ({"webhook": "live", "kind": "moved"}, 400, "kind must be one of"),
    ],
)
def test_what_makes_no_sense_is_refused(client, asked, status, message):
    with pytest.raises(RefusedError, match=message) as refused:
        client.post("/v1/test", **asked)
    assert refused.value.status == status


def test_tests_go_out_one_at_a_time_and_not_too_many(client, receiver, daemon):
    receiver.answer = lambda _: Answer(200, delay=1.0)
    text = draft(receiver)
    first = threading.Thread(target=client.post, args=("/v1/test",), kwargs={"definition": text})
    first.start()
    until(lambda: receiver.received, "the first test")
    with pytest.raises(RefusedError, match="another test is on its way") as refused:
        client.post("/v1/test", definition=text)
    first.join()
    assert refused.value.status == 429
    receiver.answer = lambda _: Answer()
    for _ in range(MOST_A_MINUTE - 1):
        client.post("/v1/test", definition=text)

    with pytest.raises(RefusedError, match="tests were sent in the last minute") as refused:
        client.post("/v1/test", definition=text)

    assert refused.value.status == 429
    assert client.post("/v1/test", definition=text, dry_run=True)["request"]
    assert len(receiver.received) == MOST_A_MINUTE
    assert "Traceback" not in daemon.log
