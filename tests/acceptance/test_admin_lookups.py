"""What the admin API looks up: records, properties, changes, files, the configuration."""

import json
import os
from urllib.parse import quote

import pytest

from tests.daemon import Daemon, until
from webhookd.client.admin_address import AdminAddress
from webhookd.client.blocking import Client
from webhookd.client.client_errors import RefusedError

CONTACTS = {"source": "export", "object": "contacts"}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    """Return a daemon with sixty records, ten of which changed, and files of every kind."""
    one = Daemon(tmp_path_factory.mktemp("daemon"), {"TOKEN": "canary-token-0815"})
    request = {
        "url": "http://127.0.0.1:9/hook",
        "allow_http": True,
        "authentication": {"type": "bearer", "token": {"env": "TOKEN"}},
        "body": {"properties": ["email"]},
    }
    when = {"property": "stage", "operator": "EQ", "value": "never"}
    one.configure({"mirror": {**CONTACTS, "trigger": {"when": [when]}, "request": request}})
    one.start()
    one.drop_rows(
        "1.ndjson",
        *(
            {"id": number, "email": f"p{number}@example.com", "stage": "new", "none": None}
            for number in range(60)
        ),
    )
    until(lambda: len(one.named("file.taken")) == 1, "file")
    one.drop_rows("2.ndjson", *({"id": number, "stage": "old"} for number in range(10)))
    until(lambda: len(one.named("file.taken")) == 2, "file")
    bad = f'{{"id": 1}}\n{{"email": "{one.environment["TOKEN"]}"}}\n{{"id": \n'
    one.drop("bad.ndjson", bad)
    until(lambda: one.named("file.failed"), "failed file")
    yield one
    one.close()


@pytest.fixture(scope="module")
def client(daemon):
    return Client(AdminAddress(daemon.state / "admin.sock"), None, 30)


def test_records_that_changed_last_come_first(client):
    some = client.get("/v1/records", limit=12, **CONTACTS)["records"]
    one = client.get("/v1/records", id="33", **CONTACTS)["records"]

    assert {record["record_id"] for record in some[:10]} == {str(number) for number in range(10)}
    assert len(some) == 12
    assert next(one for one in some if one["record_id"] == "7")["properties"]["stage"] == '"old"'
    assert [(record["record_id"], record["properties"]["email"]) for record in one] == [
        ("33", '"p33@example.com"')
    ]
    with pytest.raises(RefusedError, match="no record '99'") as refused:
        client.get("/v1/records", id="99", **CONTACTS)
    assert refused.value.status == 404


def test_properties_are_told_with_examples_and_who_uses_them(client):
    found = client.get("/v1/properties", **CONTACTS)

    told = {one["name"]: one for one in found["properties"]}
    assert told["email"]["used_by"] == ["mirror"]
    assert told["stage"]["used_by"] == ["mirror"]
    assert len(told["email"]["examples"]) == 3
    assert "old" in told["stage"]["examples"]
    assert 0 < told["stage"]["share"] <= 1
    assert found["records"] > 0


def test_the_newest_changes_of_an_object_are_told_page_by_page(client):
    found, before = [], None
    while True:
        page = client.get("/v1/changes", newest="true", limit=25, before=before, **CONTACTS)
        found += page["changes"]
        before = page["next"]
        if before is None:
            break

    numbers = [change["number"] for change in found]
    assert numbers == sorted(numbers, reverse=True)
    everything = client.get("/v1/changes", limit=1000)["changes"]
    assert sorted(numbers) == [change["number"] for change in everything]
    assert found[0]["change"] == "updated"


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"newest": "true"}, "say which: source and object"),
        ({"newest": "1"}, "newest must be true or false"),
        ({"newest": "true", "after": 3, **CONTACTS}, "after: do not go with newest"),
        (CONTACTS, "source, object: go with newest=true"),
        ({"newest": "true", "before": -1, **CONTACTS}, "before must be a whole number"),
    ],
    ids=str,
)
def test_changes_asked_for_wrongly_are_refused(client, query, why):
    with pytest.raises(RefusedError, match=why):
        client.get("/v1/changes", **query)


PLACES = ["[" * 2000, '{"a":' * 400, "[", "{}", '["export", "contacts"]', '["a", "b", 3]', "null"]


@pytest.mark.parametrize("after", PLACES, ids=lambda text: text[:12])
def test_a_place_behind_which_no_page_begins_is_refused(client, daemon, after):
    with pytest.raises(RefusedError, match="after must be the next of another page") as refused:
        client.get("/v1/records/list", after=after)

    assert refused.value.status == 400
    assert "Traceback" not in daemon.log


def test_the_one_thing_that_must_be_said_is_named(client):
    moments = "/v1/webhooks/mirror/moments/cancel"
    for ask in (
        lambda: client.get("/v1/records/show"),
        lambda: client.post("/v1/records/forget"),
    ):
        with pytest.raises(RefusedError, match=r"say which: record$"):
            ask()
    with pytest.raises(RefusedError, match=r"say which: record_id$") as refused:
        client.post(moments)
    assert refused.value.status == 400
    with pytest.raises(RefusedError, match="record_id must be text"):
        client.post(moments, record_id=7)
    described = client.get("/v1/openapi.json")["paths"]["/v1/webhooks/{webhook}/moments/cancel"]
    assert described["post"]["requestBody"]["required"] is True


def test_files_that_failed_are_told_with_their_report(client):
    failed = client.get("/v1/sources/export/files")
    new = client.get("/v1/sources/export/files", folder="new")
    done = client.get("/v1/sources/export/files", folder="done", limit=1)
    report = client.get("/v1/sources/export/files/bad.ndjson/error")

    (bad,) = failed["files"]
    assert (failed["folder"], bad["name"], failed["is_partial"]) == ("failed", "bad.ndjson", False)
    assert bad["reason"] == report["report"]["reason"]
    assert bad["bytes"] > 0
    assert new["files"] == []
    assert (len(done["files"]), done["is_partial"]) == (1, True)
    assert "canary" not in json.dumps(report)


HOSTILE = ["..", ".", "...", "../config.yaml", "a/../b", "\0", "%2e%2e", "é", "x" * 5000, "nothing"]


@pytest.mark.parametrize("name", HOSTILE)
def test_only_what_lies_there_is_found(daemon, client, name):
    """Beside it lie a link and a folder by such a name."""
    failed = daemon.folder / "crm" / "failed"
    link = failed / "link.error.json"
    if not link.is_symlink():
        link.symlink_to(daemon.config)
        (failed / "folder.error.json").mkdir()
        os.mkfifo(failed / "pipe.error.json")
    for one in (name, "link", "folder", "pipe"):
        path = f"/v1/sources/export/files/{quote(one, safe='')}/error"
        with pytest.raises(RefusedError) as refused:
            client.get(path)
        assert refused.value.status in (400, 404)
        with pytest.raises(RefusedError) as refused:
            client.post("/v1/sources/export/accept", file=one)
        assert refused.value.status in (400, 404, 409)


def test_what_was_not_set_aside_is_not_accepted(client):
    with pytest.raises(RefusedError, match="it was not set aside for a person to decide"):
        client.post("/v1/sources/export/accept", file="bad.ndjson")
    with pytest.raises(RefusedError, match="nothing of it was set aside"):
        client.post("/v1/sources/export/accept", object="contacts")
    for body in ({}, {"file": "a", "object": "b"}, {"file": 1}):
        with pytest.raises(RefusedError) as refused:
            client.post("/v1/sources/export/accept", **body)
        assert refused.value.status == 400
    with pytest.raises(RefusedError, match="no source 'other' is in force"):
        client.get("/v1/sources/other/files")


def test_a_snapshot_that_was_set_aside_is_let_through(tmp_path):
    one = Daemon(tmp_path)
    one.configure({}, source={"content": "snapshot"})
    one.start()
    try:
        client = Client(AdminAddress(one.state / "admin.sock"), None, 30)
        one.drop_rows("1.ndjson", *({"id": number} for number in range(50)))
        until(lambda: len(one.named("file.taken")) == 1, "file")
        one.drop_rows("2.ndjson", {"id": 1})
        until(lambda: one.named("file.failed"), "set aside")
        (aside,) = client.get("/v1/sources/export/files")["files"]
        accepted = client.post("/v1/sources/export/accept", file=aside["name"])
        until(lambda: len(one.named("file.taken")) == 2, "file")
        assert aside["is_acceptable"] is True
        assert accepted["file"].endswith("2.ndjson")
        assert client.get("/v1/sources/export/files")["files"] == []
        assert one.named("person.acted")[-1]["action"] == "accept"
    finally:
        one.close()


def test_the_configuration_and_what_a_reload_would_change(daemon, client):
    text = daemon.config.read_text()
    before = client.get("/v1/plan")
    try:
        daemon.config.write_text(text.replace("/hook", "/other"))
        changed = client.get("/v1/plan")
        daemon.config.write_text(text.replace("url:", "uri:"))
        wrong = client.get("/v1/plan")
    finally:
        daemon.config.write_text(text)
    shown = client.get("/v1/configuration")

    assert shown["files"] == [{"file": str(daemon.config), "text": text}]
    assert (before["changes"], before["webhooks"], before["problems"]) == (False, [], [])
    (one,) = changed["webhooks"]
    assert (one["kind"], one["name"], one["pending"]) == ("changed", "mirror", 0)
    assert one["settings"] == [
        {
            "name": "request.url",
            "before": '"http://127.0.0.1:9/hook"',
            "after": '"http://127.0.0.1:9/other"',
        }
    ]
    assert changed["running_hash"] == shown["config_hash"] != changed["config_hash"]
    assert "'url' is missing" in wrong["problems"][0]
    assert str(daemon.config) in wrong["problems"][0]
    assert wrong["config_hash"] is None
