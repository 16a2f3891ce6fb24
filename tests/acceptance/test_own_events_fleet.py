"""Own events of several daemons: each tells its own, and together they tell what happened."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

from tests.acceptance.test_own_events import configure, events, hook, named, rows, told
from tests.daemon import until
from tests.receiver import Answer, Receiver


def answers(received):
    return Answer(200 if received.target == "/told" else 400, delay=0.01)


def test_two_daemons_tell_together_what_was_given_up_and_who_died(fleet):
    """Also where deliveries of own events keep an order, whose lane a transaction locks."""
    with Receiver(answers) as receiver:
        in_order = {"order": "record", "coalesce": True}
        tell = told(receiver, only="", delivery=in_order)
        del tell["trigger"]
        configure(
            fleet.daemons[0], {"erp": hook(receiver, delivery={"concurrency": 4}), "tell": tell}
        )
        fleet.start()
        fleet.drop_rows("1.ndjson", *rows(0, 400))
        until(
            lambda: fleet.look("SELECT count(*) FROM deliveries WHERE state = 'failed'") == 400,
            "all given up",
        )
        first, second = fleet.daemons
        assert all(daemon.named("delivery.attempted") for daemon in fleet.daemons)
        second.stop()
        second.start()
        second.kill()
        (died,) = until(lambda: named(receiver, "fleet.daemon_died"), "the lease is over")
        assert died["died_on"] == died["host"]
        first.stop()
        first.start()
        until(lambda: sum(one["count"] for one in named(receiver, "delivery.failed")) >= 400, "sum")
        first.stop()
        assert sum(one["count"] for one in named(receiver, "delivery.failed")) == 400
    assert len(named(receiver, "daemon.ready")) >= 2


def test_what_was_cancelled_under_way_is_not_told_and_a_retry_by_hand_counts_on(daemon):
    is_slow = []

    def answer(received):
        if received.target == "/told":
            return Answer(200)
        return Answer(400, delay=2.0 if is_slow else 0.0)

    with Receiver(answer) as receiver:
        configure(daemon, {"erp": hook(receiver), "tell": told(receiver)}, every="100ms")
        daemon.start()
        address = ("--admin-address", f"unix:{daemon.state}/admin.sock")
        daemon.drop_rows("1.ndjson", {"id": 1})
        (one,) = until(lambda: events(receiver), "given up")
        assert one["attempts"] == 1
        done = daemon.command("deliveries", "retry", one["delivery_id"], *address)
        assert done.returncode == 0, done.stderr
        until(lambda: len(events(receiver)) == 2, "given up once more")
        assert events(receiver)[-1]["attempts"] == 2

        is_slow.append(True)
        count = len(receiver.received)
        daemon.drop_rows("2.ndjson", {"id": 2})
        until(lambda: len(receiver.received) > count, "under way")
        with closing(sqlite3.connect(f"file:{daemon.state}/webhookd.db?mode=ro", uri=True)) as db:
            [(under_way,)] = db.execute("SELECT id FROM deliveries WHERE record_id = '2'")
        done = daemon.command("deliveries", "cancel", under_way, *address)
        assert done.returncode == 0, done.stderr
        until(
            lambda: any(
                attempt["delivery_id"] == under_way
                for attempt in daemon.named("delivery.attempted")
            ),
            "its attempt ended",
        )
        is_slow.clear()
        daemon.drop_rows("3.ndjson", {"id": 3})
        until(lambda: any(event["record_id"] == "3" for event in events(receiver)), "the next")
        daemon.stop()
    assert {event["record_id"] for event in events(receiver)} == {"1", "3"}
    assert json.dumps(events(receiver)).count(under_way) == 0


def test_what_is_too_large_in_a_backfill_is_told_in_its_step(daemon):
    with Receiver(lambda one: Answer(200)) as receiver:
        configure(daemon, {"tell": told(receiver)})
        daemon.start()
        daemon.drop_rows(
            "1.ndjson",
            *({"id": number, "text": "x" * 20_000, "long": "y" * 20_000} for number in range(3)),
        )
        until(lambda: not list((daemon.folder / "crm" / "new").iterdir()), "taken")
        erp = hook(receiver)
        erp["request"]["body"] = {
            "template": {"text": "{{ properties.text | replace('x', properties.long) }}"}
        }
        configure(daemon, {"erp": erp, "tell": told(receiver)})
        assert daemon.reload()["event"] == "config.reloaded"
        until(lambda: daemon.look("SELECT count(*) FROM known_records") == 3, "known")
        address = ("--admin-address", f"unix:{daemon.state}/admin.sock")
        done = daemon.command("backfill", "erp", *address)
        assert done.returncode == 0, done.stderr
        until(lambda: len(events(receiver)) == 1, "the first")
        daemon.stop()
        daemon.start()
        until(lambda: sum(one["count"] for one in events(receiver)) == 3, "the others")
