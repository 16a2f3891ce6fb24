"""What goes on until Ctrl-C, what shells complete, and answers for programs."""

import json
import signal

import pytest

from tests import forked
from tests.daemon import until
from tests.receiver import Receiver


@pytest.fixture
def running(daemon):
    """Give a daemon with one webhook, whose receiver takes everything."""
    with Receiver() as receiver:
        request = {"url": receiver.url, "allow_http": True}
        daemon.configure({"told": {"source": "export", "object": "contacts", "request": request}})
        daemon.start()
        yield daemon
        daemon.stop()


def begun(daemon, *arguments):
    environment = daemon.environment | {"WEBHOOKD_STATE_DIRECTORY": str(daemon.state)}
    return forked.begin(arguments, folder=daemon.folder, environment=environment)


def ended(process):
    process.send_signal(signal.SIGINT)
    _, complained = process.communicate(timeout=60)
    assert process.returncode == 0, complained
    assert "Traceback" not in complained


def test_deliveries_are_followed_as_they_come(running):
    running.drop_rows("1.ndjson", {"id": 1})
    until(lambda: [one["state"] for one in running.deliveries()] == ["delivered"], "one")
    process = begun(running, "deliveries", "list", "--follow", "--json")
    first = json.loads(process.stdout.readline())
    running.drop_rows("2.ndjson", {"id": 2})
    second = json.loads(process.stdout.readline())
    ended(process)

    assert (first["record_id"], first["state"]) == ("1", "delivered")
    assert second["record_id"] == "2"


def test_what_is_followed_has_no_end(running):
    done = running.command("deliveries", "list", "--follow", "--until", "1h")

    assert done.returncode == 2
    assert "what goes on has no end" in done.stderr


def test_how_often_goes_with_what_is_shown_again(daemon):
    done = daemon.command("status", "--every", "3s")

    assert done.returncode == 2
    assert "it goes with --watch" in done.stderr


def test_status_is_shown_again_and_again(running):
    process = begun(running, "status", "--watch", "--every", "200ms", "--json")
    shown = [json.loads(process.stdout.readline()) for _ in range(3)]
    ended(process)

    assert {one["webhooks"][0]["webhook"] for one in shown} == {"told"}


def test_a_watch_without_a_daemon_is_exit_3(daemon):
    done = daemon.command("status", "--watch")

    assert done.returncode == 3


def test_a_story_and_a_reload_are_told_as_json(running):
    running.drop_rows("1.ndjson", {"id": 1})
    until(lambda: [one["state"] for one in running.deliveries()] == ["delivered"], "one")
    at = ("--state-directory", str(running.state))
    id_ = running.deliveries()[0]["id"]
    told = json.loads(running.command("explain", id_, "--json", *at).stdout)
    attempt = told["delivery"]["attempt_log"][0]
    address = ("--admin-address", f"unix:{running.state}/admin.sock")
    again = running.command("reload", "--json", *address)
    running.config.write_text("version: 9\n")
    refused = running.command("reload", "--json", *address)

    assert told["delivery"]["id"] == id_
    assert told["story"][-1] == {"at": told["delivery"]["settled_at"], "text": "done"}
    assert attempt["url"].startswith("http://127.0.0.1:")
    assert attempt["request_headers"]["webhook-id"] == id_
    assert isinstance(attempt["answer_headers"], dict)
    assert json.loads(again.stdout)["outcome"] == "unchanged"
    assert refused.returncode == 1
    assert json.loads(refused.stdout)["problems"]


def test_shells_complete_names_that_the_daemon_tells(running):
    running.environment |= {"WEBHOOKD_STATE_DIRECTORY": str(running.state)}
    found = running.command("completion", "words", "--", "pause", "t").stdout
    none = running.command("completion", "words", "--", "pause", "x").stdout
    script = running.command("completion", "bash").stdout
    wrong = running.command("completion", "powershell")

    assert found.split() == ["told"]
    assert none == ""
    assert "complete -o default -F _webhookd webhookd" in script
    assert wrong.returncode == 2
