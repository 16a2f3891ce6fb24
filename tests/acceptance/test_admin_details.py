"""What the admin API tells of one delivery, of one webhook, and of what failed."""

import shlex

import pytest

from tests.daemon import SECRET, Daemon, until
from tests.receiver import Answer, Receiver
from webhookd.client.admin_address import AdminAddress
from webhookd.client.blocking import Client
from webhookd.client.client_errors import RefusedError

CANARIES = {"KEY": "canary-api-key-0815", "PAGER": "canary-pager-4711", "TOKEN": "canary-token-42"}


@pytest.fixture
def daemon(tmp_path):
    one = Daemon(tmp_path, CANARIES)
    yield one
    one.close()


@pytest.fixture
def receiver():
    """Return one that answers a path with the status at its end."""
    with Receiver(lambda request: Answer(int(request.target.split("?")[0][-3:]))) as one:
        yield one


def hook(url, status, **more):
    request = {"url": f"{url}/{status}", "allow_http": True} | more.pop("request", {})
    return {"source": "export", "object": "contacts", "request": request} | more


def client_of(daemon):
    return Client(AdminAddress(daemon.state / "admin.sock"), None, 30)


SIGNED = {
    "signature": {"app_id": "1234567", "scheme": "hubspot_v3"},
    "authentication": {
        "type": "api_key",
        "name": "key",
        "location": "query",
        "key": {"env": "KEY"},
    },
    "headers": {"X-Region": "{{ properties.region }}", "X-Api-Key": "literal-canary-1234"},
    "body": {"template": {"pager": "{{ secrets.pager }}", "name": "{{ properties.name }}"}},
}


def test_the_request_of_a_delivery_is_shown_as_it_is_sent_without_a_secret(daemon, receiver):
    bearer = {"authentication": {"type": "bearer", "token": {"env": "TOKEN"}}}
    daemon.configure(
        {
            "signed": hook(receiver.url, 503, request=SIGNED),
            "plain": hook(receiver.url, 200, request=bearer | {"method": "GET"}),
        },
        secrets={"pager": {"env": "PAGER"}},
    )
    daemon.start()
    daemon.drop_rows("1.ndjson", {"id": 1, "name": "Ada; O'Neil", "region": "north"})
    until(lambda: len(daemon.named("delivery.attempted")) >= 2, "attempts")
    client = client_of(daemon)
    until(lambda: all(one["attempts"] for one in daemon.deliveries()), "settlements")

    ids = {one["webhook"]: one["id"] for one in client.get("/v1/deliveries")["deliveries"]}
    for webhook, id_ in ids.items():
        shown = client.get(f"/v1/deliveries/{id_}")
        request, sent = shown["request"], next(one for one in receiver.received if one.id == id_)
        told = {name.lower(): value for name, value in request["headers"]}
        for text in (str(shown), request["curl"]):
            assert "canary" not in text
            assert SECRET not in text
        assert shown["request_error"] is None
        assert request["method"] == sent.method
        assert told.keys() == sent.headers.keys()
        for name, value in told.items():
            if "***" not in value and value != "(computed when sent)" and name != "content-length":
                assert value == sent.headers[name]
        assert request["url"].partition("?")[0] == receiver.url + sent.target.partition("?")[0]
        parts = shlex.split(request["curl"])
        assert (parts[:3], parts[-1]) == (["curl", "-X", sent.method], request["url"])
        if webhook == "signed":
            assert request["url"].endswith("?key=***")
            assert told["x-region"] == "north"
            assert (told["x-api-key"], told["x-hubspot-signature-v3"]) == (
                "***",
                "(computed when sent)",
            )
            assert request["body"] == '{"pager":"***","name":"Ada; O\'Neil"}'
            assert sent.body.decode() == request["body"].replace("***", CANARIES["PAGER"])
            assert shown["give_up_at"] > shown["next_attempt_at"]
        else:
            assert told["authorization"] == "Bearer ***"
            assert (request["body"], shown["give_up_at"]) == (None, None)
        assert {"property": "name", "before": None, "after": '"Ada; O\'Neil"'} in shown["changed"]


def test_what_the_change_was_is_told_while_the_journal_has_it(daemon, receiver):
    daemon.configure({"mirror": hook(receiver.url, 200)})
    daemon.start()
    daemon.drop_rows("1.ndjson", *({"id": number, "name": "a"} for number in range(3)))
    daemon.drop_rows("2.ndjson", {"id": 1, "name": "b"})
    until(lambda: daemon.tally("delivered") == 4, "deliveries")
    client = client_of(daemon)
    (newest, *_) = client.get("/v1/deliveries", record_id="1")["deliveries"]

    changed = client.get(f"/v1/deliveries/{newest['id']}")["changed"]

    assert changed == [{"property": "name", "before": '"a"', "after": '"b"'}]


def test_a_delivery_of_a_webhook_that_is_gone_says_so(daemon, receiver):
    daemon.configure({"old": hook(receiver.url, 404), "new": hook(receiver.url, 200)})
    daemon.start()
    daemon.drop_rows("1.ndjson", {"id": 1})
    until(lambda: daemon.tally("failed") == 1, "failure")
    daemon.configure({"new": hook(receiver.url, 200)})
    daemon.reload()
    client = client_of(daemon)
    (failed,) = client.get("/v1/deliveries", state="failed")["deliveries"]

    shown = client.get(f"/v1/deliveries/{failed['id']}")

    assert (shown["request"], shown["request_error"]) == (None, "no webhook old is in force")


def test_failures_are_grouped_by_webhook_and_cause(daemon, receiver):
    daemon.configure(
        {
            "lost": hook(receiver.url, 404),
            "bad": hook(receiver.url, 422),
            "held": hook(receiver.url, 200),
            "fine": hook(receiver.url, 200),
        }
    )
    daemon.start()
    client = client_of(daemon)
    client.post("/v1/webhooks/held/pause", reason="by hand")
    daemon.drop_rows("1.ndjson", *({"id": number} for number in range(3)))
    until(lambda: daemon.tally("failed") == 6 and daemon.tally("delivered") == 3, "failures")

    found = client.get("/v1/groups")

    told = {
        (one["state"], one["webhook"], one["error"]): (one["count"], one["last_error"])
        for one in found["groups"]
    }
    why = "the receiver answered {}, which is not retried".format
    assert told == {
        ("failed", "lost", "404"): (3, why(404)),
        ("failed", "bad", "422"): (3, why(422)),
        ("held", "held", None): (3, None),
    }
    assert found["is_partial"] is False
    group = next(one for one in found["groups"] if one["webhook"] == "bad")
    newest, *_, oldest = client.get("/v1/deliveries", webhook="bad", error="4xx")["deliveries"]
    assert (group["example"], group["newest_at"]) == (newest["id"], newest["created_at"])
    assert group["oldest_at"] == oldest["created_at"]
    assert client.get("/v1/groups", state="held", limit=1)["groups"][0]["webhook"] == "held"
    assert client.get("/v1/groups", state="failed", limit=1)["is_partial"] is True
    with pytest.raises(RefusedError, match="state must be one of failed, held"):
        client.get("/v1/groups", state="delivered")


CONFIG = """\
version: 1
egress: {allow: [127.0.0.0/8]}
sources:
  export: {type: drop_directory, path: crm, object: contacts}
webhooks:
  first: {source: export, object: contacts, request: {url: "https://erp.example.com/x"}}
  # The second one.
  second:
    source: export
    object: contacts
    request:
      url: https://hooks.slack.com/services/T000/B000/canarycanarycanarycanary
      authentication: {type: bearer, token: {env: TOKEN}}
    delivery:
      retry: {first_after: 60s, factor: 2, at_most_every: 10m, give_up_after: 15m}

  # Of what follows.
defaults: {}
"""


def test_a_webhook_is_shown_with_its_lines_and_its_schedule(daemon):
    daemon.config.write_text(CONFIG)
    daemon.start()
    client = client_of(daemon)

    first, second = (client.get(f"/v1/webhooks/{name}") for name in ("first", "second"))

    assert first["place"] == {"file": str(daemon.config), "line": 6, "end_line": 6}
    assert second["place"] == {"file": str(daemon.config), "line": 8, "end_line": 15}
    lines = CONFIG.splitlines(keepends=True)[7:15]
    assert "canary" not in str(second)
    assert second["text"].splitlines()[1:4] == [line.rstrip() for line in lines[1:4]]
    assert second["text"].startswith("  second:\n")
    assert second["definition"]["request"]["authentication"]["token"]["env"] == "TOKEN"
    assert second["definition"]["request"]["url"] == "https://hooks.slack.com/services/T000/***"
    waits = second["schedule"]
    assert sum(waits) == 15 * 60
    assert 60 <= waits[0] < waits[1] < waits[2] <= 600
    assert (second["webhook"], second["state"]) == ("second", "active")
    with pytest.raises(RefusedError, match="second"):
        client.get("/v1/webhooks/secnd")


def test_a_webhook_that_is_no_more_is_shown_as_it_stands(daemon, receiver):
    daemon.configure({"old": hook(receiver.url, 404), "new": hook(receiver.url, 200)})
    daemon.start()
    daemon.drop_rows("1.ndjson", {"id": 1})
    until(lambda: daemon.tally("failed") == 1, "failure")
    daemon.configure({"new": hook(receiver.url, 200)})
    daemon.reload()

    shown = client_of(daemon).get("/v1/webhooks/old")

    assert (shown["state"], shown["failed"]) == ("removed", 1)
    assert (shown["definition"], shown["text"], shown["place"], shown["schedule"]) == (
        *(None,) * 3,
        [],
    )
