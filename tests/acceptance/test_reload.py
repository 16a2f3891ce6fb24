"""SIGHUP: all of a new configuration, or nothing of it."""

import json

import yaml

from tests.daemon import SECRET, until
from tests.receiver import Answer, Receiver
from webhookd.rules.signing import hubspot_v2


def hook(url, **changes):
    return {
        "source": "export",
        "object": "contacts",
        "request": {"url": url, "allow_http": True},
    } | changes


def test_a_good_configuration_is_taken_over_whole(daemon):
    with Receiver() as old, Receiver() as new:
        daemon.configure({"mirror": hook(old.url)})
        daemon.start()
        daemon.configure({"mirror": hook(new.url), "second": hook(f"{new.url}/second")})
        event = daemon.reload()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: len(new.received) == 2, "two requests by the new definition")
        daemon.stop()

    assert (event["event"], event["webhooks"]) == ("config.reloaded", 2)
    assert not old.received


def test_a_bad_configuration_changes_nothing_and_names_every_problem(daemon):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver.url)})
        daemon.start()
        good = daemon.config.read_text()
        daemon.config.write_text(good.replace("contacts", "kontakte", 1) + "\nnonsense: 1\n")
        event = daemon.reload()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: receiver.received, "a request by the old definition")
        daemon.stop()

    assert event["event"] == "config.rejected"
    assert len(event["problems"]) == 2
    assert any("nonsense: unknown key" in problem for problem in event["problems"])


def test_nothing_changed_is_a_success_that_says_so(daemon):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver.url)})
        daemon.start()
        assert daemon.reload()["event"] == "config.unchanged"
        daemon.stop()


def test_a_rotated_secret_in_a_file_is_used_from_the_next_attempt_on(daemon):
    secret = daemon.folder / "secret"
    secret.write_text(SECRET)
    apps = {"filed": {"client_secret": {"file": "secret"}}}
    request = {"signature": {"app_id": "filed"}, "method": "POST"}
    with Receiver(lambda one: Answer(500 if "old" in one.headers["x-old"] else 200)) as receiver:
        url = f"{receiver.url}/hook"
        request |= {"url": url, "allow_http": True, "headers": {"X-Old": "new"}}
        daemon.configure({"mirror": hook("") | {"request": request}}, apps=apps)
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: len(receiver.received) == 1, "a request")
        secret.write_text("rotated")
        assert daemon.reload()["event"] == "config.reloaded"
        daemon.drop_rows("2.ndjson", {"id": 2})
        until(lambda: len(receiver.received) == 2, "another request")
        daemon.stop()

    signed = [(one.headers["x-hubspot-signature"], one.body) for one in receiver.received]
    assert signed[0][0] == hubspot_v2(SECRET, "POST", url, signed[0][1])
    assert signed[1][0] == hubspot_v2("rotated", "POST", url, signed[1][1])


def test_a_corrected_url_heals_what_waits(daemon):
    with Receiver(lambda _: Answer(500)) as wrong, Receiver() as right:
        daemon.configure({"mirror": hook(wrong.url)})
        daemon.start()
        daemon.drop_rows("1.ndjson", *({"id": number} for number in range(20)))
        until(lambda: len(daemon.named("delivery.attempted")) == 20, "twenty attempts")
        daemon.configure({"mirror": hook(right.url)})
        daemon.reload()
        until(lambda: len(right.received) == 20, "twenty at the right receiver", 10)
        daemon.stop()

    assert {one.id for one in wrong.received} == {one.id for one in right.received}
    assert {one["attempts"] for one in daemon.deliveries()} == {2}


def test_a_removed_webhook_holds_what_waits_until_it_returns(daemon):
    statuses = {"status": 500}
    with Receiver(lambda _: Answer(statuses["status"])) as receiver:
        both = {"mirror": hook(receiver.url), "other": hook(f"{receiver.url}/other")}
        daemon.configure(both)
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: len(receiver.received) == 2, "two requests")
        until(lambda: len(daemon.named("delivery.attempted")) == 2, "two attempts")
        statuses["status"] = 200
        daemon.configure({"other": both["other"]})
        daemon.reload()
        held = daemon.deliveries("--state", "held")
        daemon.configure(both)
        daemon.reload()
        until(lambda: len(receiver.received) == 3, "the held one", 10)
        daemon.stop()

    assert [one["webhook"] for one in held] == ["mirror"]
    assert held[0]["next_attempt_at"] is None


def test_a_file_that_lost_most_of_its_webhooks_is_refused(daemon):
    with Receiver() as receiver:
        daemon.configure({f"w{number}": hook(receiver.url) for number in range(12)})
        daemon.start()
        daemon.configure({f"w{number}": hook(receiver.url) for number in range(5)})
        event = daemon.reload()
        daemon.stop()

    assert event["event"] == "config.rejected"
    assert "7 of 12 webhooks would vanish" in event["problems"][0]


def test_a_source_may_not_become_another_under_the_same_key(daemon):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver.url)})
        daemon.start()
        daemon.configure({"mirror": hook(receiver.url)}, source={"path": "elsewhere"})
        event = daemon.reload()
        daemon.stop()
        daemon.start(is_awaited=False)
        status = daemon.wait()

    assert event["event"] == "config.rejected"
    assert "give the changed source a new key" in event["problems"][0]
    assert status == 78


def test_a_bad_configuration_at_the_start_ends_with_78(daemon):
    daemon.config.write_text("version: 1\nsources: {}\nwebhooks: {a: {}}\n")
    daemon.start(is_awaited=False)

    assert daemon.wait() == 78
    assert "Traceback" not in daemon.log
    assert "config.yaml:3:12: webhooks.a: 'request' is missing" in daemon.log


def test_attempts_remember_the_configuration_they_were_made_under(daemon):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver.url)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: daemon.named("delivery.attempted"), "an attempt")
        config = yaml.safe_load(daemon.config.read_text())
        daemon.stop()

    (delivery,) = daemon.deliveries()
    shown = daemon.command(
        "deliveries", "show", delivery["id"], "--json", "--state-directory", "state"
    )
    (attempt,) = json.loads(shown.stdout)["attempt_log"]
    assert attempt["config_hash"] == daemon.named("config.loaded")[0]["config_hash"]
    assert config["version"] == 1


def test_an_attempt_in_flight_finishes_under_its_old_definition(daemon):
    with Receiver(lambda _: Answer(delay=2.0)) as old, Receiver() as new:
        daemon.configure({"mirror": hook(old.url)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: old.received, "an attempt under way")
        daemon.configure({"mirror": hook(new.url)})
        assert daemon.reload()["event"] == "config.reloaded"
        before = list(daemon.named("delivery.attempted"))
        until(lambda: daemon.named("delivery.attempted"), "the end of the attempt")
        daemon.stop()

    assert not before
    assert not new.received
    assert [one["state"] for one in daemon.deliveries()] == ["delivered"]


def test_a_changed_trigger_and_body_hold_for_new_changes_only(daemon):
    status = {"code": 500}
    with Receiver(lambda _: Answer(status["code"])) as receiver:
        body = {"properties": ["name"]}
        request = {"url": receiver.url, "allow_http": True}
        daemon.configure({"mirror": hook("") | {"request": request | {"body": body}}})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1, "name": "Ada"})
        until(lambda: daemon.named("delivery.attempted"), "an attempt")
        status["code"] = 200
        changed = request | {
            "url": f"{receiver.url}/new",
            "body": body | {"static": {"new": "yes"}},
        }
        trigger = {"when": [{"property": "name", "operator": "EQ", "value": "Grace"}]}
        daemon.configure({"mirror": hook("") | {"request": changed, "trigger": trigger}})
        daemon.reload()
        daemon.drop_rows("2.ndjson", {"id": 2, "name": "Bob"}, {"id": 3, "name": "Grace"})
        until(lambda: len(receiver.received) == 3, "the old one and the one that fires")
        daemon.stop()

    first, *later = [json.loads(one.body) for one in receiver.received]
    assert first == {"name": "Ada"}
    assert sorted(later, key=str) == [{"name": "Ada"}, {"name": "Grace", "new": "yes"}]


def test_a_disabled_webhook_is_not_matched_and_goes_on_with_what_waited(daemon):
    status = {"code": 500}
    with Receiver(lambda _: Answer(status["code"])) as receiver:
        daemon.configure({"mirror": hook(receiver.url)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: daemon.named("delivery.attempted"), "an attempt")
        status["code"] = 200
        daemon.configure({"mirror": hook(receiver.url, enabled=False)})
        daemon.reload()
        held = daemon.deliveries("--state", "held")
        daemon.drop_rows("2.ndjson", {"id": 2})
        until(lambda: len(daemon.named("file.taken")) == 2, "the second file taken")
        daemon.configure({"mirror": hook(receiver.url)})
        daemon.reload()
        until(lambda: len(receiver.received) == 2, "the one that was held")
        daemon.stop()

    assert [one["record_id"] for one in held] == ["1"]
    assert [one["record_id"] for one in daemon.deliveries()] == ["1"]


def test_a_source_that_returns_goes_on_from_what_it_knew(daemon):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver.url)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1, "name": "Ada"})
        until(lambda: len(receiver.received) == 1, "a request")
        before = daemon.config.read_text()
        daemon.configure({}, sources={})
        removed = daemon.reload()
        daemon.drop_rows("2.ndjson", {"id": 1, "name": "Ada"}, {"id": 2})
        daemon.config.write_text(before)
        daemon.reload()
        until(lambda: len(receiver.received) == 2, "only the record that is new")
        until(lambda: len(daemon.named("file.taken")) == 2, "the second file taken")
        daemon.stop()

    assert removed["event"] == "config.reloaded"
    assert sorted(one["record_id"] for one in daemon.deliveries()) == ["1", "2"]


def test_a_corrected_token_makes_what_waits_due_at_once(daemon):
    def answer(one):
        return Answer(200 if one.headers["authorization"] == "Bearer right" else 503)

    (daemon.folder / "token").write_text("wrong")
    with Receiver(answer) as receiver:
        request = {"url": receiver.url, "allow_http": True}
        request["authentication"] = {"type": "bearer", "token": {"file": "token"}}
        daemon.configure({"mirror": hook("") | {"request": request}})
        daemon.start()
        daemon.drop_rows("1.ndjson", *({"id": number} for number in range(20)))
        until(lambda: len(daemon.named("delivery.attempted")) == 20, "twenty attempts")
        (daemon.folder / "token").write_text("right")
        assert daemon.reload()["event"] == "config.reloaded"
        until(lambda: len(daemon.named("delivery.attempted")) == 40, "twenty more", 10)
        daemon.stop()

    deliveries = daemon.deliveries()
    assert {(one["state"], one["attempts"]) for one in deliveries} == {("delivered", 2)}
    # A retry would have come after a minute.
    assert len({one.id for one in receiver.received}) == 20


def test_another_app_of_the_signature_makes_what_waits_due_at_once(daemon):
    secrets = {"wrong": "of-another-app", "right": SECRET}
    for name, secret in secrets.items():
        (daemon.folder / name).write_text(secret)
    apps = {name: {"client_secret": {"file": name}} for name in secrets}

    def signed_by(one):
        return next(
            name
            for name, secret in secrets.items()
            if one.headers["x-hubspot-signature"] == hubspot_v2(secret, "POST", url, one.body)
        )

    with Receiver(lambda one: Answer(200 if signed_by(one) == "right" else 503)) as receiver:
        url = f"{receiver.url}/hook"

        def signed_for(app):
            request = {"url": url, "allow_http": True, "signature": {"app_id": app}}
            daemon.configure({"mirror": hook("") | {"request": request}}, apps=apps)

        signed_for("wrong")
        daemon.start()
        daemon.drop_rows("1.ndjson", *({"id": number} for number in range(20)))
        until(lambda: len(daemon.named("delivery.attempted")) == 20, "twenty attempts")
        signed_for("right")
        assert daemon.reload()["event"] == "config.reloaded"
        until(lambda: len(daemon.named("delivery.attempted")) == 40, "twenty more", 10)
        daemon.stop()

    assert [signed_by(one) for one in receiver.received] == ["wrong"] * 20 + ["right"] * 20
    assert {one["state"] for one in daemon.deliveries()} == {"delivered"}


def test_a_reload_that_changes_something_else_leaves_what_waits_to_its_time(daemon):
    with Receiver(lambda _: Answer(503)) as receiver:
        daemon.configure({"mirror": hook(receiver.url)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: daemon.named("delivery.attempted"), "an attempt")
        before = daemon.deliveries()
        daemon.configure({"mirror": hook(receiver.url, description="the same, with a name")})
        assert daemon.reload()["event"] == "config.reloaded"
        after = daemon.deliveries()
        daemon.stop()

    assert after == before
    assert after[0]["next_attempt_at"] > after[0]["created_at"]


def test_a_secret_corrected_while_the_daemon_was_down_lifts_the_hold_of_a_410(daemon):
    """A 410, a stop, another API key in the environment, a start: what waits goes out."""
    keys = {"location": "header", "name": "X-Key", "key": {"env": "RECEIVER_KEY"}}
    daemon.environment["RECEIVER_KEY"] = "the wrong key of a receiver"
    right = "the right key of a receiver"
    with Receiver(lambda one: Answer(200 if one.headers["x-key"] == right else 410)) as receiver:
        request = {"url": receiver.url, "allow_http": True}
        request |= {"authentication": {"type": "api_key", **keys}}
        daemon.configure({"mirror": hook("") | {"request": request}})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1}, {"id": 2})
        until(lambda: daemon.named("delivery.attempted"), "an attempt")
        until(lambda: daemon.tally("held") == 2, "both are held")
        daemon.stop()
        daemon.start()
        still = len(daemon.deliveries("--state", "held"))
        daemon.stop()
        daemon.environment["RECEIVER_KEY"] = right
        daemon.start()
        until(lambda: daemon.tally("delivered") == 2, "both are delivered")
        daemon.stop()

    assert still == 2
    assert right not in daemon.log
