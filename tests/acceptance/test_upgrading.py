"""`webhookd db`: an older daemon's database is upgraded, and the daemon goes on with it."""

import json

import pytest

from tests.daemon import until
from tests.databases import leave_behind
from tests.receiver import Receiver
from webhookd.storage.schema import versions


def upgrading(daemon, command="upgrade", *arguments):
    return daemon.command("db", command, "--state-directory", str(daemon.state), *arguments)


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


def test_a_daemon_goes_on_with_the_deliveries_of_an_older_one(daemon, receiver):
    daemon.state.mkdir()
    leave_behind("2", daemon.state / "webhookd.db")
    request = {"url": f"{receiver.url}/hook", "allow_http": True}
    hook = {"source": "export", "object": "contacts", "request": request}
    ordered = hook | {"delivery": {"order": "record"}}
    daemon.configure({"crm-mirror": hook, "in-order": ordered, "gone": hook})

    daemon.start(is_awaited=False)
    assert daemon.wait() == 1, daemon.log
    assert "run: webhookd db upgrade" in daemon.log
    told = upgrading(daemon, "status", "--json")
    assert (told.returncode, json.loads(told.stdout)["version"]) == (10, "2")
    upgraded = upgrading(daemon)
    assert upgraded.returncode == 0, upgraded.stderr
    assert f"upgraded from version 2 to {versions.NEWEST}" in upgraded.stdout
    assert upgrading(daemon, "status").returncode == 0

    daemon.start()
    # An upgrade is no change of a request: whatever answered 410 before stays held.
    until(lambda: len(receiver.received) == 4, "all that waited")
    until(lambda: not daemon.tally("pending"), "no more that waits")
    ids = [int(received.id) for received in receiver.received]
    assert sorted(ids) == [1, 2, 5, 6]
    assert len(daemon.deliveries("--state", "held")) == 1
    assert ids.index(5) < ids.index(6)
    assert len(daemon.deliveries()) == 7

    told = upgrading(daemon)
    assert told.returncode == 1
    assert f"another webhookd (process {daemon.process.pid}) works on" in told.stderr
    assert daemon.stop() == 0
