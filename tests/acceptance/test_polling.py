"""The real daemon against an awkward CRM: every final state arrives, and nothing else does."""

import json
import random
import time
from contextlib import suppress

import httpx
import pytest
import yaml

from tests.daemon import until
from tests.fake_hubspot.endpoints import broken
from tests.fake_hubspot.limits import RefusedError, limited
from tests.polls import LEAD
from tests.polls_oracle import Chronicle
from tests.receiver import Answer, Receiver

TYPES = {
    "contacts": {"email": "string", "stage": "enumeration", "score": "number"},
    "deals": {"amount": "number"},
}
ROUNDS, KILLED_IN = 12, {3, 6, 8}


def configure(daemon, fake, receiver, **changes):
    source = {
        "type": "hubspot",
        "base_url": fake.url,
        "token": {"env": "CRM_TOKEN"},
        "poll_every": "300ms",
        "overlap": "5s",
        "objects": {"contacts": {"properties": ["email", "stage"], "deletions": True}},
    }
    hook = {
        "source": "crm",
        "object": "contacts",
        "trigger": {"changes": ["created", "updated", "deleted"]},
        "request": {"url": receiver.url, "allow_http": True},
        "delivery": {"retry": {"first_after": "100ms", "at_most_every": "1s"}},
    }
    daemon.configure({"mirror": hook}, sources={"crm": source | changes})


def told(receiver):
    """Return what arrived, each delivery once, in the order in which deliveries were made."""
    bodies = {one.id: json.loads(one.body) for one in tuple(receiver.received)}
    return [
        (body["objectId"], body["eventType"].partition(".")[2], body["properties"])
        for _, body in sorted(bodies.items())
    ]


def test_every_final_state_arrives_whatever_happens_and_nothing_twice(daemon, crm):
    chance = random.Random(20260301)
    story = Chronicle(crm.account, "contacts", ("email", "stage"))
    crm.account.lag = lambda: chance.random() * 3

    def fault(_kind, _object):
        wrong = (RefusedError(502, "no"), limited("SECONDLY"), broken("<html>"), broken("{"))
        return chance.choice(wrong) if chance.random() < 0.05 else None

    def between(_kind, _object):
        if chance.random() < 0.2:
            story.happen(chance, 1)

    def answer(_received):
        return Answer(503 if chance.random() < 0.1 else 200)

    with Receiver(answer) as receiver:
        for _ in range(300):
            story.create(LEAD)
        # "Now" is the server's, and it tells whole seconds.
        made_at = int(time.time())
        until(lambda: int(time.time()) > made_at, "the next second")
        configure(daemon, crm, receiver)
        daemon.start()
        until(lambda: daemon.named("source.first_read_done"), "the first read")
        story.begin()
        crm.fault, crm.between = fault, between
        for number in range(ROUNDS):
            with crm.lock:
                story.happen(chance, 15)
            searches = crm.requests["search", 200]
            until(lambda: crm.requests["search", 200] > searches + 1, "two searches", 60)  # noqa: B023 - called here
            if number in KILLED_IN:
                daemon.kill()
                daemon.start()
        crm.between = lambda *_: None
        with suppress(AssertionError):  # what is missing then says why
            until(lambda: not story.faults(told(receiver)), "everything told", 60)
        crm.fault = lambda *_: None
        searches = crm.requests["search", 200]
        until(lambda: crm.requests["search", 200] > searches + 5, "more polls", 60)
        assert daemon.stop() == 0
        faults, count = story.faults(told(receiver)), len(told(receiver))

    assert faults == []
    assert count > 100
    assert crm.bad == []
    assert "Traceback" not in daemon.log
    assert "pat-token" not in daemon.log


def test_a_new_token_is_taken_at_a_reload_and_nothing_is_asked_before(daemon, crm, tmp_path):
    (tmp_path / "token").write_text("wrong")
    with Receiver() as receiver:
        configure(daemon, crm, receiver, token={"file": "token"})
        daemon.start()
        until(lambda: daemon.named("source.unauthorized"), "the refusal")
        asked = len(crm.log)
        (tmp_path / "token").write_text("pat-token")
        assert daemon.reload()["event"] == "config.reloaded"
        until(lambda: daemon.named("source.first_read_done"), "the first read")
        with crm.lock:
            id_ = crm.account.create("contacts", LEAD)
        until(lambda: told(receiver), "the change")
        daemon.stop()

    assert told(receiver) == [(id_, "created", LEAD)]
    assert [status for *_, status in crm.log[:asked]] == [401]
    assert "wrong" not in daemon.log


@pytest.mark.parametrize("refusal", ["token", "scope"])
def test_a_reload_that_changes_nothing_wakes_what_was_refused(daemon, crm, refusal):
    event = {"token": "source.unauthorized", "scope": "source.object_refused"}[refusal]
    with Receiver() as receiver:
        configure(daemon, crm, receiver)
        daemon.start()
        until(lambda: daemon.named("source.first_read_done"), "the first read")
        with crm.lock:
            crm.tokens, crm.forbidden = (
                ({"pat-other"}, set()) if refusal == "token" else ({"pat-token"}, {"contacts"})
            )
        until(lambda: daemon.named(event), "the refusal")
        with crm.lock:
            id_ = crm.account.create("contacts", LEAD)
            crm.tokens, crm.forbidden = {"pat-token"}, set()
        assert daemon.reload()["event"] == "config.unchanged"
        until(lambda: told(receiver), "the change", 20)
        daemon.stop()

    assert told(receiver) == [(id_, "created", LEAD)]


def test_a_source_that_leads_elsewhere_gets_no_token_there(daemon, crm):
    """A redirect is an answer like any other; the egress guard holds for sources as well."""
    with Receiver() as elsewhere, Receiver() as receiver:
        crm.fault = lambda *_: broken("", 302, location=f"{elsewhere.url}/")
        configure(daemon, crm, receiver)
        daemon.start()
        until(lambda: daemon.named("source.poll_failed"), "the failure")
        daemon.stop()

        assert elsewhere.received == []
    assert "302" in daemon.named("source.poll_failed")[0]["error"]


def scraped(daemon):
    """Return the metrics of polls, by name and labels."""
    address = f"{daemon.state}/admin.sock"
    with httpx.Client(transport=httpx.HTTPTransport(uds=address)) as client:
        text = client.get("http://webhookd/metrics").text
    lines = (line.rpartition(" ") for line in text.splitlines() if "webhookd_poll_" in line)
    return {name: float(value) for name, _, value in lines if not name.startswith("#")}


def test_status_tells_after_a_restart_why_polls_last_failed(daemon, crm):
    admin = ("--admin-address", f"unix:{daemon.state}/admin.sock")

    def looked():
        (source,) = json.loads(daemon.command("status", "--json", *admin).stdout)["sources"]
        return source["objects"][0]

    with Receiver() as receiver:
        crm.account.create("contacts", LEAD)
        configure(daemon, crm, receiver)
        daemon.start()
        until(lambda: looked()["last_success_at"], "a poll that went well")
        crm.fault = lambda *_: RefusedError(400, "echo pat-token")
        until(lambda: daemon.named("source.poll_failed"), "a failure")
        before = looked()
        daemon.stop()
        crm.fault = lambda *_: None
        daemon.start()
        until(lambda: looked()["last_success_at"] > before["last_error_at"], "a good poll")
        after = looked()
        daemon.stop()

    assert after["failures"] == 0
    assert after["last_error"] == before["last_error"] == "the API answered 400: echo ***"
    assert after["last_error_at"] >= before["last_error_at"]
    assert b"pat-token" not in (daemon.state / "webhookd.db").read_bytes()


def test_a_source_whose_token_is_refused_says_so_until_a_poll_goes_well(daemon, crm):
    """After a restart, too, and of the type of object that fails, whatever others do."""
    refused, error = RefusedError(401, "no such token"), "the API answered 401: no such token"
    stored = ("--state-directory", str(daemon.state))
    admin = ("--admin-address", f"unix:{daemon.state}/admin.sock")

    def looked():
        (source,) = json.loads(daemon.command("status", "--json", *admin).stdout)["sources"]
        return source

    def listed():
        (source,) = map(
            json.loads, daemon.command("sources", "list", "--json", *stored).stdout.splitlines()
        )
        return source

    with Receiver() as receiver:
        both = {name: {"properties": "all", "deletions": True} for name in ("contacts", "deals")}
        configure(daemon, crm, receiver, objects=both)
        crm.fault = lambda _, object_: refused if object_ == "deals" else None
        daemon.start()
        until(lambda: looked()["last_error"], "an error")
        told, shown = looked(), daemon.command("status", *admin).stdout
        assert told["last_error"] == f"deals: {error}"
        assert told["last_error_at"] == told["objects"][1]["last_error_at"]
        assert told["objects"][0]["last_error"] is None
        assert shown.count("last error") == 1
        daemon.stop()
        assert listed()["last_error"] == told["last_error"]
        daemon.start()
        until(lambda: looked()["objects"][1]["failures"], "it fails again")
        assert looked()["last_error"] == f"deals: {error}"
        crm.fault = lambda *_: None
        assert daemon.reload()["event"] == "config.unchanged"
        until(lambda: looked()["last_error"] is None, "a poll that goes well")
        assert looked()["last_error_at"] is None
        daemon.stop()
        assert listed()["last_error"] is None


def test_status_and_metrics_say_how_reading_goes_until_it_is_not_configured(daemon, crm):
    def fault(_kind, object_):
        return RefusedError(400, "echo pat-token") if object_ == "deals" else None

    admin = ("--admin-address", f"unix:{daemon.state}/admin.sock")
    contacts = {"contacts": {"properties": ["email"]}}
    with Receiver() as receiver:
        crm.fault = fault
        crm.account.create("contacts", LEAD)
        configure(daemon, crm, receiver, objects=contacts | {"deals": {"properties": "all"}})
        configured = yaml.safe_load(daemon.config.read_text())
        configured["webhooks"]["mirror"].pop("trigger")
        daemon.config.write_text(yaml.safe_dump(configured))
        daemon.start()
        until(lambda: daemon.named("source.first_read_done"), "the first read")
        until(lambda: daemon.named("source.poll_failed"), "the failure")
        name = 'webhookd_poll_last_success_timestamp_seconds{object="contacts",source="crm"}'
        until(lambda: name in scraped(daemon), "a poll that went well")
        before = scraped(daemon)
        told = json.loads(daemon.command("status", "--json", *admin).stdout)
        shown = daemon.command("status", *admin).stdout
        configured["sources"]["crm"]["objects"] = contacts
        daemon.config.write_text(yaml.safe_dump(configured))
        assert daemon.reload()["event"] == "config.reloaded"
        after = scraped(daemon)
        crm.fault = lambda *_: broken("<html>")
        lag = 'webhookd_poll_lag_seconds{object="contacts",source="crm"}'
        until(lambda: scraped(daemon)[lag] > 2, "a lag that grows while polls fail")
        configured["sources"] = {"other": {"type": "drop_directory", "path": "x", "object": "y"}}
        configured["webhooks"] = {}
        daemon.config.write_text(yaml.safe_dump(configured))
        assert daemon.reload()["event"] == "config.reloaded"
        until(lambda: not scraped(daemon), "nothing")
        daemon.stop()

    def of(object_, metric, more=""):
        return before[f'webhookd_poll_{metric}{{object="{object_}",source="crm"{more}}}']

    assert of("contacts", "records_total") >= 1
    assert of("contacts", "requests_total", ',status="200"') >= 3
    assert of("contacts", "failures_total") == 0
    assert of("contacts", "budget_left") > 0
    assert of("deals", "failures_total") >= 1
    assert of("deals", "requests_total", ',status="400"') >= 1
    assert not [one for one in after if "deals" in one]
    read = {one["object"]: one for one in told["sources"][0]["objects"]}
    assert read["contacts"]["last_success_at"]
    assert read["contacts"]["lag_seconds"] < 30
    assert read["contacts"]["last_error"] is None
    assert read["deals"]["last_success_at"] is None
    assert read["deals"]["last_error"] == "the API answered 400: echo ***"
    assert "LAST SUCCESS" in shown
    assert "the API answered 400: echo ***" in shown
