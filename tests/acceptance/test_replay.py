"""`webhookd plan --replay`: what another file would have made of the changes that are known."""

import json

import pytest

from tests.daemon import until
from tests.fake_hubspot import Account, FakeHubspot

NOWHERE = "http://127.0.0.1:9/"
CUSTOMERS = {"when": [{"property": "stage", "operator": "EQ", "value": "customer"}]}
ROWS = [
    {"id": "\u202ere\u2028d", "stage": "customer"},
    {"id": "a", "stage": "lead"},
    {"id": "b", "stage": "lead"},
    {"id": "b", "stage": "customer"},
    {"id": "b", "stage": "customer", "x": 1.10},
]


def hook(**changes):
    request = {"url": NOWHERE, "allow_http": True}
    return {"source": "export", "object": "contacts", "request": request} | changes


@pytest.fixture
def fed(daemon):
    """Return a daemon that has taken some rows; every change of them fires `mirror`."""
    daemon.configure({"mirror": hook(), "gone": hook(trigger={"enroll": "once"})})
    daemon.start()
    daemon.drop_rows("1.ndjson", *ROWS)
    until(lambda: daemon.named("file.taken"), "the file")
    daemon.configure(
        {
            "mirror": hook(trigger=CUSTOMERS | {"enroll": "every_match"}),
            "deals": hook(source="erp", object="deals"),
            "misspelt": hook(trigger={"changed_properties": ["stgae"]}),
        },
        sources={
            "export": {"type": "drop_directory", "path": "crm", "object": "contacts"},
            "erp": {"type": "drop_directory", "path": "erp", "object": "deals"},
        },
    )
    return daemon


def plan(daemon, *arguments):
    done = daemon.command("plan", "--config", "config.yaml", *arguments)
    assert "Traceback" not in done.stderr
    return done


def asked(daemon):
    return "--admin-address", f"unix:{daemon.state}/admin.sock"


def replayed(done):
    found = json.loads(done.stdout)["replay"]
    return found, {one["webhook"]: one for one in found["webhooks"]}


def test_it_compares_with_what_is_in_force(fed):
    shown = plan(fed, "--replay", "7d", *asked(fed))
    told = plan(fed, "--replay", "7d", "--json", *asked(fed))
    fed.stop()

    assert (shown.returncode, told.returncode) == (10, 10)
    assert "replay of 5 changes seen since" in shown.stdout
    assert "would have fired 2 times; as it is in force, 5 times" in shown.stdout
    assert "- webhook gone: no longer listens; in force it fires 3 times" in shown.stdout
    assert "no change of erp's deals is known since then" in shown.stdout
    assert "stgae: no change had a property of this name" in shown.stdout
    found, by_name = replayed(told)
    assert (found["changes"], found["left_out"]) == (5, [])
    assert found["whole_since"] == found["since"]
    mirror = by_name["mirror"]
    assert (mirror["method"], mirror["url"], mirror["is_whole"]) == ("POST", NOWHERE, True)
    assert (mirror["fires"], mirror["fires_in_force"]) == (2, 5)
    assert [one["record_id"] for one in mirror["no_longer"]["examples"]] == ["a", "b", "b"]
    assert (by_name["gone"]["fires"], by_name["gone"]["no_longer"]["count"]) == (None, 3)
    assert by_name["deals"]["fires"] == 0


def test_what_a_record_is_called_cannot_reach_the_terminal(fed):
    done = plan(fed, "--replay", "7d", *asked(fed))
    fed.stop()

    assert r"\u202ere\u2028d (created" in done.stdout
    assert not {"\u202e", "\u2028"} & set(done.stdout)


def test_under_the_file_in_force_nothing_differs(daemon, fed):
    daemon.configure({"mirror": hook(), "gone": hook(trigger={"enroll": "once"})})
    done = plan(fed, "--replay", "12h", *asked(fed))
    fed.stop()

    assert done.returncode == 0
    assert "no changes" in done.stdout
    assert "= webhook mirror (POST http://127.0.0.1:9/): would have fired 5 times" in done.stdout
    assert "= webhook gone (POST http://127.0.0.1:9/): would have fired 3 times" in done.stdout
    assert "newly fires" not in done.stdout


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_without_a_daemon_it_reads_what_that_left(fed, end):
    getattr(fed, end)()

    done = plan(fed, "--replay", "7d", "--state-directory", "state")
    told = plan(fed, "--replay", "7d", "--json", "--database-url", "sqlite:///state/webhookd.db")

    assert (done.returncode, told.returncode) == (10, 10)
    assert "no daemon runs: all of " in done.stdout
    assert "+ source export: returns; 3 records stay known" in done.stdout
    assert "+ webhook mirror: 5 waiting" in done.stdout
    found, by_name = replayed(told)
    assert (found["changes"], by_name["mirror"]["fires"]) == (5, 2)
    assert by_name["mirror"]["fires_in_force"] is None
    assert json.loads(told.stdout)["running_hash"] is None


def test_it_says_what_is_not_known(daemon):
    daemon.configure({"mirror": hook()})
    daemon.start()
    daemon.drop_rows("1.ndjson", *({"id": number} for number in range(3000)))
    daemon.drop_rows("2.ndjson", {"id": "large", "x": "x" * 10_000})
    until(lambda: len(daemon.named("file.taken")) == 2, "the files")
    done = plan(daemon, "--replay", "30d", *asked(daemon))
    found, by_name = replayed(plan(daemon, "--replay", "1h", "--json", *asked(daemon)))
    daemon.stop()

    assert "changes are kept for 7d at the most" in done.stdout
    assert "changes of export (more than 1,000 in a minute), the last of" in done.stdout
    assert "would have fired at least" in done.stdout
    counts = {one["reason"]: one["count"] for one in found["left_out"]}
    # A minute may end while the file is taken.
    assert found["changes"] in {1000, 2000, 3000}
    assert found["changes"] + sum(counts.values()) == 3001
    assert not by_name["mirror"]["is_whole"]
    assert found["whole_since"] > found["since"]


def test_what_cannot_be_replayed_is_refused_in_a_line(fed):
    status = fed.command("status", "--json", *asked(fed)).stdout
    (fed.folder / "status.json").write_text(status)
    saved = plan(fed, "--replay", "7d", "--status", "status.json")
    no_length = plan(fed, "--replay", "a week", *asked(fed))
    no_replay = plan(fed, "--database-url", "sqlite:///state/webhookd.db")
    no_state = plan(fed, "--replay", "7d", "--state-directory", "nowhere")
    fed.config.write_text("version: 2\n")
    invalid = plan(fed, "--replay", "7d", *asked(fed))
    fed.stop()

    assert "a saved status holds no changes" in saved.stderr
    assert "--replay: 'a week' is not a duration" in no_length.stderr
    assert "--database-url is for --replay" in no_replay.stderr
    assert "cannot read the database" in no_state.stderr
    assert "config.yaml:1:10: version" in invalid.stderr
    assert {one.returncode for one in (saved, no_length, no_replay, no_state, invalid)} == {1}
    assert plan(fed, "--state-directory", "state").returncode == 1
    fed.configure({"mirror": hook()})
    assert plan(fed, "--state-directory", "state").returncode == 3


def test_a_polled_source_says_where_each_type_goes_on_and_what_was_not_asked(daemon):
    fake = FakeHubspot(Account({"contacts": {"email": "string"}, "deals": {"amount": "number"}}))
    source = {
        "type": "hubspot",
        "token": {"env": "CRM_TOKEN"},
        "poll_every": "300ms",
        "start": "beginning",
        "objects": {"contacts": {"properties": ["email"]}},
    }
    listening = hook(source="crm")
    with fake.serving() as url:
        fake.account.create("contacts", {"email": "a@x"})
        daemon.environment["CRM_TOKEN"] = "pat-token"
        daemon.configure({"mirror": listening}, sources={"crm": source | {"base_url": url}})
        daemon.start()
        until(lambda: daemon.named("source.first_read_done"), "the first read")
        more = {
            "contacts": {"properties": ["email", "phone"]},
            "deals": {"properties": ["amount"]},
        }
        when = {"when": [{"property": "phone", "operator": "HAS_PROPERTY"}]}
        changed = source | {"base_url": url, "objects": more}
        daemon.configure({"mirror": listening | {"trigger": when}}, sources={"crm": changed})
        done = plan(daemon, "--replay", "7d", *asked(daemon))
        (crm,) = json.loads(daemon.command("status", "--json", *asked(daemon)).stdout)["sources"]
        daemon.configure({"mirror": hook()})
        removed = plan(daemon, *asked(daemon))
        daemon.stop()

    (cursor,) = crm["cursors"]
    assert (cursor["object"], cursor["first_read"]) == ("contacts", False)
    assert "~ source crm: starts anew; 1 record stays known; contacts goes on at 20" in done.stdout
    assert "deals begins (start: beginning)" in done.stdout
    assert "phone: crm did not ask for it in 1 of 1 changes" in done.stdout
    assert "- source crm: stops, and keeps its place for its return; 1 record" in removed.stdout
    assert "contacts at 20" in removed.stdout
