"""Snapshots by the real daemon: killed in both passes, set aside, let through."""

import json
import sqlite3

import pytest

from tests.daemon import until
from tests.receiver import Receiver

ROWS, KILLS = 60_000, 20
PHASES = ("counting", "taking", "deleting")


def hook(receiver, **more):
    return {
        "source": "export",
        "object": "contacts",
        "trigger": {"changes": ["created", "updated", "deleted"]},
        "request": {"url": receiver.url, "allow_http": True},
        **more,
    }


def rows(numbers, value="x"):
    return "".join(f'{{"id":"{number}","value":"{value}"}}\n' for number in numbers)


def is_done(daemon, name):
    return (daemon.folder / "crm" / "done" / name).exists


def in_work(daemon):
    """Return how far the file in work is, as something that grows; None when there is none."""
    with sqlite3.connect(f"file:{daemon.state}/webhookd.db?mode=ro", uri=True) as connection:
        found = connection.execute("SELECT phase, rows_taken FROM files").fetchone()
    connection.close()
    return found and (PHASES.index(found[0]), found[1])


def has_reached(daemon, place):
    """Return a condition: the file came to *place*, or is no more in work."""

    def has_come():
        now = in_work(daemon)
        return now is None or now >= place

    return has_come


@pytest.mark.timeout(300)  # twenty starts on a machine that has other things to do
def test_killed_in_either_pass_it_leads_to_the_same_deliveries(daemon):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver)}, source={"content": "snapshot", "start": "now"})
        daemon.start()
        daemon.drop("1.ndjson", rows(range(ROWS)))
        until(is_done(daemon, "1.ndjson"), "the first snapshot")
        gone, changed = range(0, ROWS, 300), range(1, ROWS, 300)
        new = range(ROWS, ROWS + 50)
        same = [number for number in range(ROWS) if number % 300 > 1]
        daemon.drop("2.ndjson", rows(same) + rows(changed, "y") + rows(new))
        until(lambda: in_work(daemon), "the second snapshot")

        kills = 0
        for number in range(KILLS):
            phase, step = divmod(number, KILLS // 2)
            place = (phase, (step + 1) * ROWS // (KILLS // 2 + 2))
            until(has_reached(daemon, place), "the next place")
            kills += in_work(daemon) is not None
            daemon.kill()
            daemon.start()
        until(is_done(daemon, "2.ndjson"), "the second snapshot")
        wanted = (
            {(str(number), "contacts.deleted") for number in gone}
            | {(str(number), "contacts.updated") for number in changed}
            | {(str(number), "contacts.created") for number in new}
        )
        until(lambda: len({one.id for one in receiver.received}) >= len(wanted), "all deliveries")
        until(lambda: not daemon.tally("pending"), "everything settled")
        stored = daemon.deliveries()
        daemon.stop()
        told = {one.id: json.loads(one.body) for one in receiver.received}

    # The last ones may come too late on a machine that is busy with other things.
    assert kills > KILLS // 4
    assert len(stored) == len(told) == len(wanted)
    assert {(body["objectId"], body["eventType"]) for body in told.values()} == wanted
    assert all(
        body["properties"]["value"] == ("y" if body["eventType"].endswith("updated") else "x")
        for body in told.values()
    )


def test_one_that_was_set_aside_says_how_to_let_it_through(daemon):
    accept = ("sources", "accept", "--state-directory", str(daemon.state))
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver)}, source={"content": "snapshot", "start": "now"})
        daemon.start()
        daemon.drop("1.csv", "id,value\n" + "".join(f"{number},x\n" for number in range(30)))
        until(is_done(daemon, "1.csv"), "the first snapshot")
        daemon.drop("2.csv", "id,value\n1,x\n")
        (failed,) = until(lambda: daemon.named("file.failed"), "the second is set aside")
        path = daemon.folder / "crm" / "failed" / "2.csv"
        assert failed["reason"].endswith(f"let it through: webhookd sources accept {path}")

        accepted = daemon.command(*accept, str(path))
        assert accepted.returncode == 0, accepted.stderr
        assert "export takes it next" in accepted.stdout
        until(lambda: len(receiver.received) == 29, "the deletions")
        until(is_done(daemon, "2.csv"), "the accepted one is done")

        again = daemon.command(*accept, str(path))
        assert (again.returncode, "no such file" in again.stderr) == (1, True)
        daemon.drop("3.csv", "")
        until(lambda: len(daemon.named("file.failed")) == 2, "an empty one is set aside")
        assert daemon.stop() == 0

    # A stopped daemon finds it when it comes back.
    third = str(daemon.folder / "crm" / "failed" / "3.csv")
    elsewhere = daemon.command("sources", "accept", "--database-url", "sqlite:///no.db", third)
    assert (elsewhere.returncode, "Traceback" in elsewhere.stderr) == (1, False)
    assert daemon.command(*accept, third).returncode == 0
    daemon.start()
    until(is_done(daemon, "3.csv"), "the accepted one is done")
    listed = daemon.command("sources", "list", "--json", "--state-directory", str(daemon.state))
    assert json.loads(listed.stdout)["records"] == 0
    daemon.stop()
