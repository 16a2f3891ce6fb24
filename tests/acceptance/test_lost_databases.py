"""A database that is not what it was: the daemon does not begin anew without being told to."""

import json
import os

import pytest

from tests.daemon import until
from tests.receiver import Receiver


def hook(receiver):
    return {
        "source": "export",
        "object": "contacts",
        "request": {"url": receiver.url, "allow_http": True},
    }


def start_in_vain(daemon, *options):
    daemon.start(*options, is_awaited=False)
    code = daemon.wait()
    return code, daemon.log


@pytest.mark.parametrize("lose", [os.unlink, lambda path: os.truncate(path, 0)])
def test_a_lost_database_is_told_of_and_nothing_is_created_again(daemon, lose):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver)})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": "1"})
        until(lambda: len(receiver.received) == 1, "created")
        assert daemon.stop() == 0
        lose(daemon.state / "webhookd.db")

        code, log = start_in_vain(daemon)
        assert code == 1
        assert "webhookd run --new-database" in log
        assert "Traceback" not in log

        daemon.start("--new-database")
        daemon.drop_rows("2.ndjson", {"id": "1"})
        until(lambda: len(receiver.received) == 2, "created again, as it was told to")
        assert daemon.stop() == 0
        daemon.start()
        assert daemon.stop() == 0


def test_a_cut_database_keeps_the_daemon_and_commands_from_working_on_it(daemon):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver)})
        daemon.start()
        assert daemon.stop() == 0
    url = f"--database-url=sqlite:///{daemon.state}/webhookd.db"
    whole = daemon.command("db", "status", "--check", "--json", url)
    assert (whole.returncode, json.loads(whole.stdout)["damage"]) == (0, [])
    assert "no damage found" in daemon.command("db", "status", "--check", url).stdout
    assert json.loads(daemon.command("db", "status", "--json", url).stdout)["damage"] is None

    path = daemon.state / "webhookd.db"
    os.truncate(path, path.stat().st_size // 2)
    for words in (("db", "status"), ("db", "status", "--check"), ("deliveries", "list")):
        refused = daemon.command(*words, url)
        assert (refused.returncode, "restore it" in refused.stderr) == (1, True)
    code, log = start_in_vain(daemon)
    assert (code, "restore it" in log) == (1, True)
