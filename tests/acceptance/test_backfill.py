"""`webhookd backfill` against the running daemon."""

import json

import pytest

from tests.daemon import until
from tests.receiver import Receiver
from webhookd.errors import counted

CUSTOMER = "{property: stage, operator: EQ, value: customer}"
COUNT = 300


def hook(url, **changes):
    request = {"url": url, "allow_http": True}
    return {"source": "export", "object": "contacts", "request": request} | changes


@pytest.fixture
def filled(daemon):
    """Return a daemon that knows 300 contacts, a third of them customers, and no webhook yet."""

    def start(webhooks):
        daemon.configure({})
        daemon.start()
        stages = ("customer", "lead", "other")
        rows = ({"id": number, "stage": stages[number % 3]} for number in range(COUNT))
        daemon.drop_rows("1.ndjson", *rows)
        until(lambda: daemon.named("file.taken"), "the file taken")
        daemon.configure(webhooks)
        daemon.reload()

    return start


def test_without_a_daemon_it_ends_with_3(ask):
    done = ask("backfill", "mirror")

    assert (done.returncode, "no daemon answers" in done.stderr) == (3, True)


@pytest.mark.parametrize("operator", ["EQ", "NEQ"])
def test_a_property_that_nobody_has_is_said_and_nothing_is_made(daemon, ask, filled, operator):
    """With NEQ, which holds where there is no value, a typo would tell every record."""
    with Receiver() as receiver:
        when = [{"property": "naem", "operator": "NOT_HAS_PROPERTY"}]
        filled({"mirror": hook(receiver.url, trigger={"when": when})})
        typo = f"{{property: stagee, operator: {operator}, value: customer}}"
        estimate = ask("backfill", "mirror", "--dry-run", "--where", typo)
        done = ask("backfill", "mirror", "--where", CUSTOMER, "--where", typo)
        right = ask("backfill", "mirror", "--dry-run", "--where", CUSTOMER)
        daemon.stop()

    assert receiver.received == []
    for said in (estimate, done):
        assert (said.returncode, said.stdout) == (1, "")
        assert (
            "stagee: no known record has a property of this name; did you mean 'stage'?\n"
            in said.stderr
        )
    assert (right.returncode, right.stdout) == (
        0,
        "100 deliveries of 300 known records would be made\n",
    )
    assert right.stderr == "naem: no known record has a property of this name\n"


def test_without_known_records_no_property_is_missing(daemon, ask):
    daemon.configure({"mirror": hook("http://127.0.0.1:9/")})
    daemon.start()
    done = ask("backfill", "mirror", "--dry-run", "--where", CUSTOMER)
    daemon.stop()

    assert (done.returncode, done.stderr) == (0, "")


def test_known_records_are_counted_then_told_and_logged(daemon, ask, filled):
    with Receiver() as receiver:
        filled({"mirror": hook(receiver.url)})
        estimate = ask("backfill", "mirror", "--dry-run", "--where", CUSTOMER)
        nothing = daemon.deliveries()
        done = ask("backfill", "mirror", "--where", CUSTOMER, "--per-second", "80")
        until(lambda: len(receiver.received) == COUNT // 3, "all customers told")
        daemon.stop()

    assert estimate.stdout == "100 deliveries of 300 known records would be made\n"
    assert nothing == []
    assert done.returncode == 0, done.stderr
    assert "of 100\n" in done.stdout
    assert done.stdout.endswith("100 deliveries made; 300 records looked at\n")
    bodies = [json.loads(one.body) for one in receiver.received]
    assert {one["properties"]["stage"] for one in bodies} == {"customer"}
    assert len({one["objectId"] for one in bodies}) == COUNT // 3
    (began,), (ended,) = daemon.named("backfill.began"), daemon.named("backfill.ended")
    assert (began["webhook"], began["per_second"]) == ("mirror", 80)
    assert (ended["records"], ended["deliveries"]) == (300, 100)


def test_what_cannot_be_is_refused_with_what_to_do(daemon, ask, filled):
    with Receiver() as receiver:
        filled(
            {
                "mirror": hook(receiver.url),
                "off": hook(receiver.url, enabled=False),
                "gone": hook(receiver.url, trigger={"changes": ["deleted"]}),
            }
        )
        wrong = ask("backfill", "mirror", "--where", "{property: stage, operator: EQQ, value: 1}")
        of_a_change = ask("backfill", "mirror", "--where", "{property: a, operator: CHANGED}")
        off, gone = ask("backfill", "off"), ask("backfill", "gone")
        unknown = ask("backfill", "nope")
        daemon.stop()
        told = list(receiver.received)

    assert "--where:1:29: when[0].operator: 'EQQ' is not one of" in wrong.stderr
    assert "CHANGED looks at a change" in of_a_change.stderr
    assert "is disabled; set `enabled: true`" in off.stderr
    assert "nothing but deletions" in gone.stderr
    assert "no webhook 'nope'" in unknown.stderr
    assert {one.returncode for one in (wrong, of_a_change, off, gone, unknown)} == {1}
    assert told == []


def test_a_paused_webhook_stores_what_it_is_told(daemon, ask, filled):
    with Receiver() as receiver:
        filled({"mirror": hook(receiver.url)})
        ask("pause", "mirror")
        assert ask("backfill", "mirror", "--per-second", "10000").returncode == 0
        held, nothing = daemon.deliveries("--state", "held"), list(receiver.received)
        ask("resume", "mirror")
        until(lambda: len(receiver.received) == COUNT, "what was held")
        daemon.stop()

    assert (len(held), nothing) == (COUNT, [])


def slow(daemon, per_second="5"):
    """Begin a backfill that takes a while; return its process when it has told something."""
    address = f"unix:{daemon.state}/admin.sock"
    process = daemon.begin(
        "backfill", "mirror", "--per-second", per_second, "--admin-address", address
    )
    until(lambda: daemon.named("backfill.began"), "the beginning")
    return process


def test_a_client_that_goes_away_changes_nothing_and_there_is_one_at_a_time(daemon, ask, filled):
    with Receiver() as receiver:
        filled({"mirror": hook(receiver.url)})
        client = slow(daemon)
        until(lambda: receiver.received, "the first")
        second = ask("backfill", "mirror")
        client.kill()
        client.communicate()
        count = len(receiver.received)
        until(lambda: len(receiver.received) > count + 5, "it goes on")
        assert daemon.stop() == 0

    assert (second.returncode, "is under way" in second.stderr) == (1, True)
    assert "Traceback" not in daemon.log


def test_a_stop_of_the_daemon_ends_it_and_says_how_far_it_came(daemon, filled):
    with Receiver() as receiver:
        filled({"mirror": hook(receiver.url)})
        client = slow(daemon)
        until(lambda: len(receiver.received) >= 5, "the first")
        status = daemon.stop()
        _, told = client.communicate(timeout=30)
        (ended,) = daemon.named("backfill.ended")
        stored = len(daemon.deliveries())

    why = "the daemon stops; it goes on when that runs again"
    assert status == 0
    assert client.returncode == 1
    assert (
        f"{why}; made by then: {counted(stored, 'delivery')} of {counted(stored, 'record')}" in told
    )
    assert (ended["deliveries"], ended["error"]) == (stored, why)
    assert 5 <= stored < COUNT


def test_it_goes_on_after_a_stop_and_after_a_kill(daemon, ask, filled):
    """Each record is told once, though no client is there any more and nobody asks again."""
    with Receiver() as receiver:
        filled({"mirror": hook(receiver.url)})
        # So slow that it cannot be over before it is killed, however long `status` takes to start.
        client = slow(daemon, "12")
        until(lambda: len(receiver.received) > COUNT // 6, "a part")
        daemon.stop()
        client.communicate(timeout=30)
        daemon.start()
        until(lambda: len(receiver.received) > COUNT // 2, "more")
        status = ask("status").stdout
        daemon.kill()
        daemon.start()
        until(lambda: "error" not in daemon.named("backfill.ended")[-1], "its end")
        until(lambda: len({one.id for one in receiver.received}) == COUNT, "all told")
        over = json.loads(ask("status", "--json").stdout)
        daemon.stop()
        again = len(daemon.named("backfill.resumed"))
        daemon.start()
        daemon.stop()

    told = {one.id: json.loads(one.body)["objectId"] for one in receiver.received}
    assert sorted(told.values(), key=int) == [str(number) for number in range(COUNT)]
    assert "backfill of mirror: " in status
    assert over["backfills"] == []
    assert daemon.named("backfill.ended")[-1]["deliveries"] == COUNT
    assert (again, len(daemon.named("backfill.resumed"))) == (2, 2)


def test_it_can_be_ended_by_hand(daemon, ask, filled):
    with Receiver() as receiver:
        filled({"mirror": hook(receiver.url)})
        client = slow(daemon)
        until(lambda: receiver.received, "the first")
        ended = ask("backfill", "mirror", "--stop")
        nothing = ask("backfill", "mirror", "--stop")
        _, told = client.communicate(timeout=30)
        count = len(daemon.deliveries())
        daemon.stop()
        daemon.start()
        daemon.stop()

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith(
        f"ended; made by then: {counted(count, 'delivery')} of {counted(count, 'record')}"
    )
    assert (nothing.returncode, nothing.stderr) == (
        1,
        "webhookd: no backfill of 'mirror' is under way\n",
    )
    assert "ended by hand" in told
    assert not daemon.named("backfill.resumed")


def test_a_webhook_that_is_disabled_meanwhile_ends_it(daemon, filled):
    with Receiver() as receiver:
        filled({"mirror": hook(receiver.url)})
        client = slow(daemon)
        until(lambda: receiver.received, "the first")
        daemon.configure({"mirror": hook(receiver.url, enabled=False)})
        daemon.reload()
        _, told = client.communicate(timeout=30)
        daemon.stop()

    assert client.returncode == 1
    assert "is disabled" in told
