"""Commands are told names and ids that do not exist, or only parts of them: no false success."""

import json

import httpx
import pytest

from tests.daemon import until
from tests.receiver import Answer, Receiver

NOBODY = "http://127.0.0.1:9/"


def hook(url, **changes):
    request = {"url": url, "allow_http": True}
    return {"source": "export", "object": "contacts", "request": request} | changes


@pytest.fixture
def failed(daemon):
    """Return a daemon whose webhook `mirror-orders` failed to deliver two contacts."""
    with Receiver(lambda _: Answer(400)) as receiver:
        daemon.configure({"mirror-orders": hook(receiver.url)})
        daemon.start()
        daemon.drop_rows("1.ndjson", *({"id": number} for number in (1, 2)))
        until(lambda: daemon.tally("failed") == 2, "two failed")
        yield daemon


def at(daemon):
    return ("--state-directory", str(daemon.state))


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "stopped"])
def test_a_webhook_that_nobody_knows_is_an_error_with_near_names(failed, is_running):
    if not is_running:
        failed.stop()
    asked = [
        failed.command("deliveries", action, "--webhook", "mirror-order", *more, *at(failed))
        for action in ("list", "retry", "cancel")
        for more in (("--state", "failed"), ())
    ]
    typed = failed.command("deliveries", "list", "--object", "contact", *at(failed))
    known = failed.command("deliveries", "list", "--webhook", "mirror-orders", *at(failed))

    for done in asked:
        assert (done.returncode, done.stdout) == (1, "")
        assert "there is no webhook 'mirror-order'; did you mean 'mirror-orders'?" in done.stderr
    assert (typed.returncode, typed.stdout) == (1, "")
    assert "there is no object 'contact'; did you mean 'contacts'?" in typed.stderr
    assert known.returncode == 0


def test_names_of_what_has_nothing_or_is_removed_are_known(failed, ask):
    failed.configure({"new": hook(NOBODY), "off": hook(NOBODY, enabled=False)})
    failed.reload()
    running = {
        name: failed.command("deliveries", "list", "--webhook", name, *at(failed))
        for name in ("new", "off", "mirror-orders")
    }
    failed.stop()
    stopped = {
        name: failed.command("deliveries", "list", "--webhook", name, *at(failed))
        for name in ("new", "off", "mirror-orders")
    }

    for found in (running, stopped):
        assert [done.returncode for done in found.values()] == [0, 0, 0]
        assert found["new"].stdout == found["off"].stdout == "no deliveries\n"
        assert found["mirror-orders"].stdout.count("failed") == 2


def test_a_removed_webhook_without_deliveries_is_not_known(daemon):
    daemon.configure({"kept": hook(NOBODY), "gone": hook(NOBODY)})
    daemon.start()
    daemon.configure({"kept": hook(NOBODY)})
    daemon.reload()
    running = daemon.command("deliveries", "list", "--webhook", "gone", *at(daemon))
    daemon.stop()
    stopped = daemon.command("deliveries", "list", "--webhook", "gone", *at(daemon))

    for done in (running, stopped):
        assert done.returncode == 1
        assert "there is no webhook 'gone'" in done.stderr


def test_a_webhook_that_only_the_file_has_is_known_without_a_daemon(failed):
    failed.stop()
    failed.configure({"mirror-orders": hook(NOBODY), "added": hook(NOBODY)})
    failed.environment["WEBHOOKD_CONFIG"] = str(failed.config)

    done = failed.command("deliveries", "list", "--webhook", "added", *at(failed))

    assert (done.returncode, done.stdout) == (0, "no deliveries\n")


@pytest.mark.parametrize("action", ["pause", "resume", "backfill"])
def test_other_commands_name_near_ones_too(failed, ask, action):
    done = ask(action, "mirrors-order")

    assert done.returncode == 1
    assert "'mirrors-order'; did you mean 'mirror-orders'?" in done.stderr


def test_what_stays_held_is_not_retried(failed, ask):
    (failed_id, other_id) = (one["id"] for one in failed.deliveries())
    ask("pause", "mirror-orders", "--reason", "new ERP")
    dry = ask("deliveries", "retry", other_id, "--dry-run")
    by_id = ask("deliveries", "retry", failed_id)
    again = ask("deliveries", "retry", failed_id)
    by_webhook = ask("deliveries", "retry", "--webhook", "mirror-orders", "--yes")
    by_state = ask("deliveries", "retry", "--state", "held", "--yes")
    counted = ask("deliveries", "retry", "--state", "held", "--dry-run")
    ask("resume", "mirror-orders")
    failed.stop()

    assert (dry.returncode, dry.stdout) == (1, "0 deliveries would be retried\n")
    for done, count in ((by_id, 1), (again, 1), (by_webhook, 2), (by_state, 2), (counted, 2)):
        assert done.returncode == 1
        assert "0 deliveries" in done.stdout
        assert f"{count} held" in done.stderr
        assert "new ERP" in done.stderr
        assert "webhookd resume mirror-orders" in done.stderr


@pytest.mark.parametrize(
    ("webhooks", "what"),
    [({}, "put it back"), ({"mirror-orders": hook(NOBODY, enabled=False)}, "enabled: true")],
    ids=["removed", "disabled"],
)
def test_what_no_resume_lets_go_is_not_told_to_resume(failed, ask, webhooks, what):
    failed.configure(webhooks)
    failed.reload()
    done = ask("deliveries", "retry", "--webhook", "mirror-orders", "--yes")
    resumed = ask("resume", "mirror-orders")
    failed.stop()

    assert (done.returncode, done.stdout) == (1, "0 deliveries retried\n")
    assert what in done.stderr
    assert "webhookd resume" not in done.stderr
    assert resumed.returncode == 1
    assert what in resumed.stderr


def test_ids_that_are_not_there_and_what_has_ended_are_said(failed, ask):
    (one, _) = failed.deliveries()
    missing = [ask("deliveries", action, "0" * 32) for action in ("retry", "cancel")]
    ended = ask("deliveries", "cancel", one["id"])
    counted = ask("deliveries", "cancel", one["id"], "--dry-run")
    by_state = ask("deliveries", "cancel", "--state", "failed", "--dry-run")
    failed.stop()

    for done in missing:
        assert (done.returncode, done.stdout) == (1, "")
        assert f"no delivery has the id '{'0' * 32}'" in done.stderr
    assert (ended.returncode, ended.stdout) == (1, "0 deliveries cancelled\n")
    assert "1 left: only what waits can be cancelled" in ended.stderr
    assert (counted.returncode, counted.stdout) == (1, "0 deliveries would be cancelled\n")
    assert by_state.stdout == "0 deliveries would be cancelled\n"


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "stopped"])
def test_ids_are_typed_by_their_beginning_or_ending(failed, is_running):
    (one, other) = failed.deliveries()
    if not is_running:
        failed.stop()
    shown = {
        typed: failed.command(*command, typed, *at(failed))
        for command in (("deliveries", "show"), ("explain",))
        for typed in (one["id"], one["id"][-6:], f"#{one['id'][-8:]}", one["id"][-7:].upper())
    }
    several = failed.command("deliveries", "show", one["id"][:4], *at(failed))
    short = failed.command("deliveries", "show", one["id"][-5:], *at(failed))

    for done in shown.values():
        assert done.returncode == 0, done.stderr
        assert one["id"] in done.stdout
    assert several.returncode == 1
    for delivery in (one, other):
        assert delivery["id"] in several.stderr
        assert f"contacts/{delivery['record_id']}" in several.stderr
    assert short.returncode == 1
    assert "write at least 6 digits of an ending" in short.stderr


def test_typed_ids_are_retried_and_cancelled(failed, ask):
    (one, other) = failed.deliveries()
    retried = ask("deliveries", "retry", one["id"][-6:], one["id"], other["id"][-9:])
    unclear = ask("deliveries", "retry", one["id"][:3])
    until(lambda: len(failed.named("delivery.attempted")) == 4, "two more attempts")
    failed.stop()

    assert (retried.returncode, retried.stdout) == (0, "2 deliveries retried\n")
    assert unclear.returncode == 1
    assert one["id"] in unclear.stderr


def test_pages_of_deliveries_go_on_before_a_number(failed, ask):
    transport = httpx.HTTPTransport(uds=f"{failed.state}/admin.sock")
    with httpx.Client(transport=transport, base_url="http://webhookd") as client:

        def page(**query):
            answer = client.get("/v1/deliveries", params=query)
            assert answer.status_code == 200, answer.text
            return answer.json()

        first = page(limit=1)
        second = page(limit=1, before=first["next"])
        third = page(limit=1, before=first["next"] - 1)
        far, none = page(before=2**53), page(before=0)
    failed.stop()

    assert [one["record_id"] for one in first["deliveries"] + second["deliveries"]] == ["2", "1"]
    assert (second["next"], third["deliveries"], third["next"]) == (None, [], None)
    assert len(far["deliveries"]) == 2
    assert none["deliveries"] == []
    assert json.dumps(first)
