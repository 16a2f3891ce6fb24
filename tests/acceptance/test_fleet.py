"""Several daemons on one database: what people do at one, and what configurations differ in."""

import json
import signal
import threading
from collections import Counter

import httpx
import yaml

from tests.daemon import until
from tests.fleet import hook
from tests.receiver import Answer, Receiver


def ask(daemon, *words):
    done = daemon.command(*words, "--admin-address", f"unix:{daemon.state}/admin.sock")
    assert done.returncode == 0, done.stderr
    return done.stdout


def status(daemon):
    return json.loads(ask(daemon, "status", "--json"))


def metrics(daemon):
    transport = httpx.HTTPTransport(uds=str(daemon.state / "admin.sock"))
    with httpx.Client(transport=transport) as client:
        return client.get("http://webhookd/metrics").text


def begin(daemon, *words):
    """Begin a command that takes its time."""
    return daemon.begin(*words, "--admin-address", f"unix:{daemon.state}/admin.sock")


def state_of(daemon, webhook):
    (found,) = (one for one in status(daemon)["webhooks"] if one["webhook"] == webhook)
    return found["state"]


def own_configuration(fleet, number, webhooks):
    """Give one daemon a configuration of its own, and have it read that."""
    daemon = fleet.daemons[number]
    content = yaml.safe_load(fleet.daemons[0].config.read_text())
    daemon.config = fleet.folder / f"config-{number}.yaml"
    daemon.config.write_text(yaml.safe_dump(content | {"webhooks": webhooks}, sort_keys=False))
    return daemon


def rows(count, **more):
    return ({"id": str(number), **more} for number in range(count))


def test_two_share_the_work_and_each_delivery_is_made_once(fleet, receiver):
    receiver.answer = lambda _: Answer(delay=0.02)
    fleet.configure({"mirror": hook(receiver, concurrency=8)})
    fleet.start()
    fleet.drop_rows("1.ndjson", *rows(1500))
    until(lambda: fleet.is_settled, "all of it")
    attempts = [len(daemon.named("delivery.attempted")) for daemon in fleet.daemons]
    members = status(fleet.daemons[1])["fleet"]

    assert fleet.stop() == [0, 0]
    assert Counter(Counter(one.id for one in receiver.received).values()) == {1: 1500}
    assert sum(attempts) == 1500
    assert all(count > 30 for count in attempts), attempts
    assert [one["is_this"] for one in members] == [False, True]
    assert {one["process_id"] for one in members} == {one.process.pid for one in fleet.daemons}
    assert fleet.rows("SELECT * FROM daemons") == []


def test_different_configurations_are_shown_until_all_have_the_same(fleet, receiver):
    fleet.configure({"mirror": hook(receiver)})
    fleet.start()
    first, second = fleet.daemons
    hashes = {one["config_hash"] for one in status(first)["fleet"]}
    assert len(hashes) == 1

    webhooks = {"mirror": hook(receiver), "more": hook(receiver)}
    first.config.write_text(
        yaml.safe_dump(yaml.safe_load(first.config.read_text()) | {"webhooks": webhooks})
    )
    ask(first, "reload")
    until(lambda: len({one["config_hash"] for one in status(second)["fleet"]}) == 2, "the news")
    assert "different configurations" in ask(second, "status")
    assert "webhookd_fleet_configurations 2.0" in metrics(second)
    assert state_of(second, "more") == "elsewhere"

    second.process.send_signal(signal.SIGHUP)
    until(lambda: len({one["config_hash"] for one in status(first)["fleet"]}) == 1, "the same")
    assert "different configurations" not in ask(first, "status")
    assert state_of(second, "more") == "active"


def test_a_delivery_of_a_webhook_that_one_does_not_know_is_left_to_the_other(fleet, receiver):
    both = {"mirror": hook(receiver), "more": hook(receiver, "/more")}
    fleet.configure(both)
    own_configuration(fleet, 0, both)
    second = own_configuration(fleet, 1, {"mirror": both["mirror"]})
    fleet.start()
    fleet.drop_rows("1.ndjson", *rows(20))
    until(lambda: len(receiver.received) == 40, "both webhooks' deliveries")
    until(lambda: fleet.is_settled, "all of it")

    assert {one["webhook"] for one in second.named("delivery.attempted")} <= {"mirror"}
    assert state_of(second, "more") == "elsewhere"
    assert state_of(fleet.daemons[0], "more") == "active"

    # Nobody has it any more: now it is held as removed.
    fleet.daemons[0].config.write_text(second.config.read_text())
    ask(fleet.daemons[0], "reload")
    assert state_of(second, "more") == "removed"


def test_what_a_person_does_at_one_daemon_holds_for_all(fleet, receiver):
    receiver.answer = lambda _: Answer(503)
    fleet.configure({"mirror": hook(receiver, retry={"first_after": "1h"})})
    fleet.start()
    first, second = fleet.daemons
    fleet.drop_rows("1.ndjson", *rows(6))
    until(lambda: len(receiver.received) == 6, "an attempt of each")

    ask(second, "pause", "mirror")
    assert state_of(first, "mirror") == "paused"
    fleet.drop_rows("2.ndjson", *rows(6, n=2))
    until(lambda: status(first)["pending"] == 12, "the new ones")
    assert len(receiver.received) == 6

    receiver.answer = lambda _: Answer()
    one, *others = (each["id"] for each in first.deliveries("--state", "held"))
    assert len(others) == 11
    ask(first, "deliveries", "cancel", one, "--yes")
    ask(second, "resume", "mirror")
    until(lambda: fleet.is_settled, "all of it")
    assert one not in {each.id for each in receiver.received[6:]}
    assert {each.id for each in receiver.received[6:]} == set(others)


def test_a_410_at_one_daemon_holds_the_webhook_for_all(fleet, receiver):
    receiver.answer = lambda _: Answer(410)
    fleet.configure({"mirror": hook(receiver, concurrency=1)})
    fleet.start()
    fleet.drop_rows("1.ndjson", *rows(30))
    until(lambda: all(state_of(one, "mirror") == "gone" for one in fleet.daemons), "the hold")
    seen = len(receiver.received)
    fleet.drop_rows("2.ndjson", *rows(30, n=2))
    until(lambda: status(fleet.daemons[0])["pending"] == 60, "what waits")
    assert len(receiver.received) == seen

    receiver.answer = lambda _: Answer()
    ask(fleet.daemons[1], "resume", "mirror")
    until(lambda: fleet.is_settled, "all of it")


def test_a_newer_change_takes_the_place_of_one_that_waits_whoever_has_it(fleet, receiver):
    receiver.answer = lambda _: Answer(503)
    fleet.configure(
        {"mirror": hook(receiver, order="record", coalesce=True, retry={"first_after": "2s"})}
    )
    fleet.start()
    fleet.drop_rows("1.ndjson", *rows(10, n=0))
    until(lambda: len(receiver.received) >= 10, "an attempt of each")
    for number in range(1, 6):
        fleet.drop_rows(f"{number + 1}.ndjson", *rows(10, n=number))
    until(lambda: fleet.look("SELECT count(*) FROM deliveries") == 60, "all changes")
    receiver.answer = lambda _: Answer()
    taken = len(receiver.received)
    until(lambda: fleet.is_settled, "all of it")

    last = {}
    for one in receiver.received[taken:]:
        body = json.loads(one.body)
        assert last.get(body["objectId"], -1) < body["properties"]["n"]
        last[body["objectId"]] = body["properties"]["n"]
    assert last == {str(number): 5 for number in range(10)}


def test_a_backfill_is_gone_on_with_by_another_daemon_when_its_own_is_killed(fleet, receiver):
    fleet.configure({"mirror": hook(receiver)}, source={"start": "now"})
    fleet.start()
    first, second = fleet.daemons
    fleet.drop_rows("1.ndjson", *rows(400))
    until(lambda: first.named("file.taken") or second.named("file.taken"), "the records")

    words = ("backfill", "mirror", "--per-second", "20")
    asking = begin(first, *words)
    until(lambda: len(receiver.received) > 20, "some of it")
    refused = second.command(*words, "--admin-address", f"unix:{second.state}/admin.sock")
    assert refused.returncode == 1
    assert "at another daemon" in refused.stderr
    first.kill()
    asking.communicate(30)
    until(lambda: second.named("backfill.resumed"), "another that goes on")
    until(lambda: second.named("backfill.ended"), "its end")
    first.start()
    until(lambda: fleet.is_settled, "all of it")

    assert fleet.look("SELECT count(*) FROM deliveries") == 400
    assert len({one.id for one in receiver.received}) == 400


def test_a_backfill_is_ended_at_another_daemon(fleet, receiver):
    fleet.configure({"mirror": hook(receiver)}, source={"start": "now"})
    fleet.start()
    first, second = fleet.daemons
    fleet.drop_rows("1.ndjson", *rows(400))
    until(lambda: first.named("file.taken") or second.named("file.taken"), "the records")
    asking = begin(first, "backfill", "mirror", "--per-second", "20")
    until(lambda: receiver.received, "some of it")
    ask(second, "backfill", "mirror", "--stop")
    asking.communicate(30)

    assert first.named("backfill.ended")[0]["error"] == "ended by hand, at another daemon"
    assert fleet.rows("SELECT * FROM backfills") == []


def test_a_record_is_forgotten_by_whichever_daemon_is_asked(fleet):
    """Its deliveries are in the memory of both, and attempts at some are under way."""
    canary, go_on = "canary-4711", threading.Event()

    def held(received):
        go_on.wait(60)
        return Answer(500, {"X-Echo": canary}, received.body)

    with Receiver(held) as receiver:
        fleet.configure({"mirror": hook(receiver, concurrency=4)})
        fleet.start()
        for number in range(30):
            fleet.drop_rows(f"{number}.ndjson", {"id": "7", "name": f"{canary} {number}"})
        until(lambda: fleet.look("SELECT count(*) FROM deliveries") == 30, "all are stored")
        until(lambda: len(receiver.received) >= 2, "attempts")
        done = json.loads(ask(fleet.daemons[0], "records", "forget", "contacts/7", "--json"))
        go_on.set()
        idle = "SELECT count(*) FROM deliveries WHERE owner IS NOT NULL"
        until(lambda: fleet.look(idle) == 0, "outcomes are written")
        requests = len(receiver.received)
        assert fleet.stop() == [0, 0]

    assert (done["deliveries"], done["is_rewritten"]) == (30, None)
    assert requests < 30
    tables = (
        "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
    )
    for (table,) in fleet.rows(tables):
        rows = fleet.rows(f'SELECT * FROM "{table}"')  # noqa: S608 - of the catalogue
        assert canary not in repr(rows), table
    assert set(fleet.rows("SELECT state, record_id FROM deliveries")) == {("cancelled", "")}
