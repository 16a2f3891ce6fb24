"""Own events with the installed command: told durably, once, and never about their own telling."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import closing

import pytest

from tests import postgresql
from tests.daemon import until
from tests.receiver import Answer, Receiver

NAMES = ("event", "webhook", "record_id", "change", "attempts", "status", "severity", "host")


def hook(receiver, path="/hook", **more):
    return {
        "source": "export",
        "object": "contacts",
        "request": {"url": f"{receiver.url}{path}", "allow_http": True},
    } | more


def told(receiver, path="/told", only="delivery.", **more):
    """Return a webhook of own events whose names begin with *only*."""
    begins = {"property": "event", "operator": "STARTS_WITH", "value": only}
    own = {"source": "self", "object": "events", "trigger": {"when": [begins]}}
    return hook(receiver, path) | own | more


def configure(daemon, webhooks, every="300s"):
    sources = {
        "export": {"type": "drop_directory", "path": "crm", "object": "contacts"},
        "self": {"type": "webhookd", "every": every},
    }
    daemon.configure(webhooks, sources=sources)


def answers(received):
    return Answer(200 if received.target == "/told" else 400, body=b"no such customer")


def events(receiver, path="/told"):
    """Return the properties of each event that was told, once for each delivery."""
    by_id = {one.id: one for one in receiver.received if one.target == path}
    return [json.loads(one.body)["properties"] for one in by_id.values()]


def rows(first, last):
    return [{"id": number, "name": f"n{number}"} for number in range(first, last)]


def count_failed(daemon, webhook=None):
    with closing(sqlite3.connect(daemon.state / "webhookd.db")) as connection:
        query = (
            "SELECT count(*) FROM deliveries JOIN lanes ON lane = lanes.number"
            " WHERE state = 'failed' AND (? IS NULL OR webhook = ?)"
        )
        return connection.execute(query, (webhook, webhook)).fetchone()[0]


@pytest.fixture(params=["sqlite", "postgresql"])
def on_any(request, another):
    """Return a daemon on each kind of database."""
    environment = {}
    if request.param == "postgresql":
        server = postgresql.server()
        environment["WEBHOOKD_DATABASE_URL"] = server.url(server.empty())
    return another(request.param, environment=environment)


def test_what_is_given_up_is_told_at_once_and_the_rest_of_the_window_as_one(on_any):
    daemon = on_any
    with Receiver(answers) as receiver:
        configure(daemon, {"erp": hook(receiver), "tell": told(receiver)}, every="2s")
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1, "name": "Ada"})
        (first,) = until(lambda: events(receiver), "the first event")
        assert {name: first.get(name) for name in NAMES} == {
            "event": "delivery.failed",
            "webhook": "erp",
            "record_id": "1",
            "change": "created",
            "attempts": 1,
            "status": 400,
            "severity": "error",
            "host": first["host"],
        }
        assert "400" in first["reason"]
        assert (first["count"], first["first_at"]) == (1, first["at"])

        daemon.drop_rows("2.ndjson", *rows(2, 42))
        until(lambda: sum(one["count"] for one in events(receiver)) == 41, "the others", 30)
        daemon.stop()
        last = events(receiver)[-1]
    assert len(events(receiver)) <= 4
    assert last["count"] > 1
    assert first["at"] < last["first_at"] <= last["at"]


def test_a_body_has_the_shape_of_any_record(daemon):
    with Receiver(answers) as receiver:
        configure(daemon, {"erp": hook(receiver), "tell": told(receiver)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        (one,) = until(
            lambda: [one for one in receiver.received if one.target == "/told"], "an event"
        )
    body = json.loads(one.body)
    assert (body["objectType"], body["eventType"]) == ("events", "events.created")


def test_what_is_counted_is_told_at_a_stop_and_the_sum_is_what_the_database_says(daemon):
    with Receiver(answers) as receiver:
        configure(daemon, {"erp": hook(receiver), "crm": hook(receiver), "tell": told(receiver)})
        daemon.start()
        daemon.drop_rows("1.ndjson", *rows(0, 200))
        until(lambda: count_failed(daemon) == 400, "all given up")
        until(lambda: len(events(receiver)) == 2, "one for each webhook")
        daemon.stop()
        daemon.start()
        until(lambda: len(events(receiver)) == 4, "what was counted")
        by_webhook = {}
        for one in events(receiver):
            by_webhook[one["webhook"]] = by_webhook.get(one["webhook"], 0) + one["count"]
    assert by_webhook == {"erp": 200, "crm": 200}


@pytest.mark.parametrize("status", [400, 500])
def test_the_telling_that_fails_is_not_told(daemon, status):
    retry = {"first_after": "50ms", "factor": 1, "give_up_after": "300ms"}
    with Receiver(lambda one: Answer(400 if one.target == "/hook" else status)) as receiver:
        tells = {
            name: told(receiver, f"/{name}", delivery={"retry": retry}) for name in ("one", "other")
        }
        configure(daemon, {"erp": hook(receiver)} | tells, every="200ms")
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: count_failed(daemon) == 3, "each given up")
        daemon.drop_rows("2.ndjson", {"id": 2})
        until(lambda: count_failed(daemon, "one") == 2, "the next")
        daemon.stop()
        assert count_failed(daemon, "one") == count_failed(daemon, "other") == 2
        assert {one["webhook"] for one in events(receiver, "/one")} == {"erp"}


def test_conditions_choose_and_count_for_each_webhook_alone(daemon):
    def answer(received):
        number = json.loads(received.body).get("objectId")
        return Answer(200 if received.target.startswith("/told") else 400 + int(number) % 2)

    def when(*conditions):
        return {"trigger": {"when": list(conditions)}}

    with Receiver(answer) as receiver:
        odd = when({"property": "status", "operator": "EQ", "value": 401})
        others = when({"property": "event", "operator": "IN", "values": ["delivery.failed"]})
        configure(
            daemon,
            {
                "erp": hook(receiver),
                "odd": told(receiver, "/told/odd", **odd),
                "all": told(receiver, "/told/all", **others),
            },
        )
        daemon.start()
        daemon.drop_rows("1.ndjson", *rows(0, 20))
        until(lambda: count_failed(daemon) == 20, "all given up")
        daemon.stop()
        daemon.start()
        until(lambda: len(events(receiver, "/told/odd")) == 2, "odd ones")
        until(lambda: len(events(receiver, "/told/all")) == 2, "all of them")
    assert sum(one["count"] for one in events(receiver, "/told/odd")) == 10
    assert sum(one["count"] for one in events(receiver, "/told/all")) == 20


def test_a_kill_never_parts_a_first_event_from_its_cause(on_any):
    """What a killed daemon has on the disk: a delivery given up and the event of it, or neither."""
    daemon = on_any

    def stored():
        found = daemon.deliveries()
        failed = sum(one["webhook"] == "erp" and one["state"] == "failed" for one in found)
        return failed, sum(one["webhook"] == "tell" for one in found)

    before = (0, 0)
    with Receiver(answers) as receiver:
        configure(daemon, {"erp": hook(receiver), "tell": told(receiver)})
        for kill in range(6):
            daemon.start()
            count = len(receiver.received)
            daemon.drop_rows(f"{kill}.ndjson", {"id": kill})
            until(lambda count=count: len(receiver.received) > count, "an attempt")
            threading.Event().wait(kill * 0.005)
            daemon.kill()
            now = stored()
            assert (now[0] > before[0]) == (now[1] > before[1]), (before, now)
            before = now
        daemon.start()
        until(lambda: stored()[0] == 6, "all given up")
        daemon.stop()
        daemon.start()
        until(lambda: all(one["state"] != "pending" for one in daemon.deliveries()), "all told")
    # No event is made up: each delivery that is named was given up, none is counted twice.
    assert sum(one["count"] for one in events(receiver)) <= 6
    assert len({one["delivery_id"] for one in events(receiver)}) == len(events(receiver))


def test_a_secret_in_an_answer_or_an_id_is_not_told(daemon):
    secret = "s3cret-of-the-receiver"
    daemon.environment["KEY"] = secret
    key = {"type": "api_key", "name": "X-Key", "key": {"env": "KEY"}}
    with Receiver(answers) as receiver:
        erp = hook(receiver)
        erp["request"]["authentication"] = key
        configure(daemon, {"erp": erp, "tell": told(receiver)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": f"x-{secret}"})
        (event,) = until(lambda: events(receiver), "an event")
    assert event["record_id"] == "x-***"
    assert secret not in json.dumps(event)


def test_what_is_too_large_to_send_is_told_too(daemon):
    template = {"template": {"text": "{{ properties.text | replace('x', properties.long) }}"}}
    with Receiver(answers) as receiver:
        erp = hook(receiver)
        erp["request"]["body"] = template
        configure(daemon, {"erp": erp, "tell": told(receiver)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 7, "text": "x" * 20_000, "long": "y" * 20_000})
        (event,) = until(lambda: events(receiver), "an event")
        assert (event["record_id"], event["attempts"]) == ("7", 0)
        assert event["reason"].startswith("too_large:")
        assert "status" not in event
    assert count_failed(daemon) == 1


def test_one_is_tried_by_its_name(daemon):
    with Receiver() as receiver:
        tell = told(receiver)
        tell["trigger"] = {
            "when": [{"property": "event", "operator": "EQ", "value": "delivery.failed"}]
        }
        text = "{{ properties.event }}: {{ properties.webhook }}"
        tell["request"]["body"] = {"template": {"text": text}}
        configure(daemon, {"erp": hook(receiver), "tell": tell})
        words = ("test", "tell", "--config", "config.yaml")
        shown = daemon.command(*words, "--event", "delivery.failed")
        assert shown.returncode == 0, shown.stderr
        assert '{"text":"delivery.failed: new-customer"}' in shown.stdout
        assert daemon.command(*words).returncode == 0
        sent = daemon.command(*words, "--event", "delivery.failed", "--send")
        assert sent.returncode == 0, sent.stderr
        assert len(receiver.received) == 1

        for wrong, why in (
            (("test", "tell", "--event", "delivery.faild"), "delivery.failed"),
            (("test", "erp", "--event", "delivery.failed"), "export"),
            (("test", "tell", "--event", "delivery.failed", "--change", "updated"), "made up"),
        ):
            refused = daemon.command(*wrong, "--config", "config.yaml")
            assert refused.returncode == 2
            assert why in refused.stderr
        unknown = daemon.command(*words, "--record-id", "1")
        assert unknown.returncode == 1
        assert "own events are not remembered" in unknown.stderr


def named(receiver, name):
    return [one for one in events(receiver) if one["event"] == name]


def test_holds_and_what_ends_them_are_told(on_any):
    daemon = on_any
    status = {"/hook": 410, "/told": 200}
    with Receiver(lambda one: Answer(status.get(one.target, 200))) as receiver:
        webhooks = {"erp": hook(receiver), "tell": told(receiver)}
        webhooks["tell"] = told(receiver, only="webhook.")
        configure(daemon, webhooks, every="100ms")
        daemon.start()
        address = ("--admin-address", f"unix:{daemon.state}/admin.sock")
        daemon.drop_rows("1.ndjson", *rows(0, 8))
        (held,) = until(lambda: named(receiver, "webhook.held"), "held")
        assert (held["webhook"], held["severity"], held["count"]) == ("erp", "error", 1)
        assert "410" in held["reason"]

        status["/hook"] = 200
        assert daemon.command("resume", "erp", *address).returncode == 0
        (resumed,) = until(lambda: named(receiver, "webhook.resumed"), "resumed")
        assert (resumed["webhook"], resumed["reason"]) == ("erp", "by hand")
        # Nothing changes: nothing is told.
        assert daemon.command("resume", "erp", *address).returncode == 0

        why = ("--reason", "it moves")
        assert daemon.command("pause", "erp", *why, *address).returncode == 0
        (paused,) = until(lambda: named(receiver, "webhook.paused"), "paused")
        assert paused["reason"] == "it moves"
        assert daemon.command("resume", "erp", *address).returncode == 0
        until(lambda: len(named(receiver, "webhook.resumed")) == 2, "resumed once more")

        status["/hook"] = 410
        daemon.drop_rows("2.ndjson", {"id": 100})
        until(lambda: len(named(receiver, "webhook.held")) == 2, "held once more")
        threading.Event().wait(0.2)
        configure(daemon, webhooks | {"erp": hook(receiver, "/moved")}, every="100ms")
        assert daemon.reload()["event"] == "config.reloaded"
        until(lambda: len(named(receiver, "webhook.resumed")) == 3, "lifted by the reload")
        assert named(receiver, "webhook.resumed")[-1]["reason"] == "its request was changed"
        # A webhook of own events is paused, and nobody is told.
        assert daemon.command("pause", "tell", *address).returncode == 0
        assert daemon.command("resume", "tell", *address).returncode == 0
        daemon.stop()
    assert {one["webhook"] for one in events(receiver) if "webhook" in one} == {"erp"}


def test_reloads_and_starts_are_told(daemon):
    with Receiver() as receiver:
        tell = told(receiver)
        del tell["trigger"]
        webhooks = {"erp": hook(receiver), "tell": tell}
        configure(daemon, webhooks)
        daemon.start()
        (ready,) = until(lambda: named(receiver, "daemon.ready"), "ready")
        assert ready["version"]
        right = daemon.config.read_text()
        daemon.config.write_text(right.replace("object: contacts", "objekt: contacts"))
        assert daemon.reload()["event"] == "config.rejected"
        (rejected,) = until(lambda: named(receiver, "config.rejected"), "rejected")
        assert rejected["config_hash"] == daemon.named("daemon.ready")[0]["config_hash"]
        assert any("unknown key" in line for line in rejected["problems"])
        daemon.config.write_text(right.replace("every: 300s", "every: 299s"))
        assert daemon.reload()["event"] == "config.reloaded"
        (reloaded,) = until(lambda: named(receiver, "config.reloaded"), "reloaded")
        assert reloaded["severity"] == "info"
        assert reloaded["config_hash"] != rejected["config_hash"]


def test_a_receiver_that_is_away_and_comes_back_is_told(daemon):
    retry = {"first_after": "100ms", "factor": 1}
    with Receiver() as receiver:
        with Receiver() as away:
            port = away.port
        erp = hook(receiver, delivery={"retry": retry, "concurrency": 20})
        erp["request"]["url"] = f"http://127.0.0.1:{port}/hook"
        configure(daemon, {"erp": erp, "tell": told(receiver, only="webhook.")})
        daemon.start()
        daemon.drop_rows("1.ndjson", *rows(0, 30))
        (probed,) = until(lambda: named(receiver, "webhook.probed"), "probed")
        assert probed["webhook"] == "erp"
        back = Receiver()
        back.port = port
        with back:
            (ended,) = until(lambda: named(receiver, "webhook.probing_ended"), "ended")
            assert isinstance(ended["seconds"], int)


def test_a_file_that_fails_is_told_with_its_row(on_any):
    daemon = on_any
    with Receiver() as receiver:
        configure(
            daemon, {"erp": hook(receiver), "tell": told(receiver, only="file.")}, every="100ms"
        )
        daemon.start()
        daemon.drop("bad.ndjson", '{"id": 1}\n{"name": "no id"}\nnothing\n')
        (event,) = until(lambda: named(receiver, "file.failed"), "failed")
        assert (event["source"], event["file"], event["bad_rows"]) == ("export", "bad.ndjson", 2)
        assert "bad" in event["reason"]
        daemon.drop("good.ndjson", '{"id": 2}\n')
        until(lambda: len(receiver.received) >= 3, "the good one")
        daemon.stop()
    assert len(named(receiver, "file.failed")) == 1


def test_a_backlog_and_its_end_are_told(on_any):
    daemon = on_any
    is_away = threading.Event()
    is_away.set()

    def answer(received):
        return Answer(500 if received.target == "/hook" and is_away.is_set() else 200)

    with Receiver(answer) as receiver:
        retry = {"first_after": "200ms", "factor": 1}
        webhooks = {
            "erp": hook(receiver, delivery={"retry": retry}),
            "tell": told(receiver, only="webhook."),
        }
        sources = {
            "export": {"type": "drop_directory", "path": "crm", "object": "contacts"},
            "self": {"type": "webhookd", "backlog_after": "2s"},
        }
        daemon.configure(webhooks, sources=sources)
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1}, {"id": 2})
        (behind,) = until(lambda: named(receiver, "webhook.backlogged"), "behind")
        assert (behind["webhook"], behind["pending"]) == ("erp", 2)
        assert behind["oldest_seconds"] >= 2
        is_away.clear()
        (caught_up,) = until(lambda: named(receiver, "webhook.caught_up"), "caught up")
        assert caught_up["pending"] == 0
        daemon.stop()
    assert {one["webhook"] for one in events(receiver)} == {"erp"}
