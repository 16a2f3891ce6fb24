"""kill -9 at random moments: nothing is lost, nothing is taken in twice."""

import gzip
import json
import random
import signal
import sqlite3
import threading
from contextlib import closing

from tests.daemon import until
from tests.receiver import Answer, Receiver
from webhookd.sources.taking import MOST_OPENINGS

ROWS, FILES, KILLS = 4000, 4, 20


def content(number):
    rows = range(number * ROWS // FILES, (number + 1) * ROWS // FILES)
    return "".join(json.dumps({"id": row, "value": f"v{row}"}) + "\n" for row in rows).encode()


def test_nothing_is_lost_and_nothing_comes_in_twice(daemon):
    chance = random.Random(20260301)

    def answer(_received):
        return Answer(503 if chance.random() < 0.1 else 200, delay=chance.random() * 0.005)

    with Receiver(answer) as receiver:
        hook = {
            "source": "export",
            "object": "contacts",
            "request": {"url": receiver.url, "allow_http": True},
            "delivery": {"retry": {"first_after": "200ms", "at_most_every": "1s"}},
        }
        daemon.configure({"mirror": hook})
        daemon.start()
        for number in range(KILLS):
            if number % (KILLS // FILES) == 0:
                packed = content(number // (KILLS // FILES))
                name = f"{number:02}.ndjson"
                if number % 2:
                    name, packed = f"{name}.gz", gzip.compress(packed)
                daemon.drop(name, packed)
            before = len(receiver.received)
            until(lambda: len(receiver.received) > before, "it goes on at once", 10)  # noqa: B023 - called here
            _rest(chance.random() * 0.15)
            _kill(daemon)
            daemon.start()
        until(lambda: _pending(daemon) == 0, "everything settled", 60)
        assert daemon.stop() == 0
        received = list(receiver.received)

    ids = {}
    for one in received:
        ids.setdefault(json.loads(one.body)["objectId"], set()).add(one.id)
    lost = {str(row) for row in range(ROWS)} - ids.keys()
    twice = {record: seen for record, seen in ids.items() if len(seen) > 1}
    assert not lost
    assert not twice
    assert _integrity(daemon) == "ok"
    assert not list((daemon.folder / "crm" / "work").iterdir())


def test_a_receiver_that_coalesces_has_the_last_state_of_every_record(daemon):
    """Its records change all the time, some attempts fail, and the daemon is killed in between."""
    chance = random.Random(20260302)
    records, rounds, kills = 40, 60, 8

    def answer(_received):
        return Answer(503 if chance.random() < 0.2 else 200, delay=chance.random() * 0.01)

    with Receiver(answer) as receiver:
        hook = {
            "source": "export",
            "object": "contacts",
            "request": {"url": receiver.url, "allow_http": True, "body": {"previous": True}},
            "delivery": {
                "order": "record",
                "coalesce": True,
                "concurrency": 4,
                "retry": {"first_after": "50ms", "factor": 1},
            },
        }
        daemon.configure({"mirror": hook})
        daemon.start()
        for number in range(rounds):
            rows = ({"id": record, "round": number} for record in range(records))
            daemon.drop_rows(f"{number:02}.ndjson", *rows)
            if number % (rounds // kills) == 1:
                _rest(chance.random() * 0.3)
                _kill(daemon)
                daemon.start()
        until(lambda: not any((daemon.folder / "crm" / "new").iterdir()), "all files taken")
        until(lambda: not any((daemon.folder / "crm" / "work").iterdir()), "all rows taken")
        until(lambda: _pending(daemon) == 0, "everything settled", 60)
        found = {one["id"]: one["state"] for one in daemon.deliveries("--limit", "9999")}
        assert daemon.stop() == 0
        received = list(receiver.received)

    last, states = {}, {}
    for one in received:
        body = json.loads(one.body)
        assert last.get(body["objectId"], 0) <= body["properties"]["round"]
        last[body["objectId"]] = body["properties"]["round"]
        states.setdefault(found[one.id], set()).add(one.id)
    assert last == {str(record): rounds - 1 for record in range(records)}
    assert set(found.values()) == {"delivered", "superseded"}
    assert {id_ for id_, state in found.items() if state == "delivered"} == states["delivered"]
    assert len(found) == records * rounds
    assert _integrity(daemon) == "ok"


def test_a_stop_in_the_middle_loses_nothing_and_repeats_nothing(daemon):
    with Receiver(lambda _: Answer(delay=0.01)) as receiver:
        hook = {
            "source": "export",
            "object": "contacts",
            "request": {"url": receiver.url, "allow_http": True},
        }
        daemon.configure({"mirror": hook})
        daemon.start()
        daemon.drop("1.ndjson", content(0))
        for _ in range(3):
            before = len(receiver.received)
            until(lambda: len(receiver.received) > before + 50, "some requests")  # noqa: B023 - called here
            assert daemon.stop() == 0
            daemon.start()
        until(lambda: _pending(daemon) == 0, "everything settled")
        daemon.stop()
        received = list(receiver.received)

    records = [json.loads(one.body)["objectId"] for one in received]
    assert len(records) == len(set(records)) == ROWS // FILES


def test_a_second_signal_ends_it_at_once(daemon):
    with Receiver(lambda _: Answer(is_silent=True)) as receiver:
        hook = {
            "source": "export",
            "object": "contacts",
            "request": {"url": receiver.url, "allow_http": True},
        }
        daemon.configure({"mirror": hook})
        daemon.start()
        daemon.drop_rows("1.ndjson", {"id": 1})
        until(lambda: receiver.received, "a request")
        daemon.signal(signal.SIGTERM)
        until(lambda: daemon.named("daemon.stopping"), "the stop")
        daemon.signal(signal.SIGTERM)
        assert daemon.wait() == 128 + signal.SIGTERM


def test_a_second_daemon_on_the_same_state_is_refused(daemon, another):
    with Receiver() as receiver:
        hook = {
            "source": "export",
            "object": "contacts",
            "request": {"url": receiver.url, "allow_http": True},
        }
        daemon.configure({"mirror": hook})
        daemon.start()
        second = another("second")
        second.configure({"mirror": hook})
        second.state = daemon.state
        second.start(is_awaited=False)

        assert second.wait() == 1
        assert f"another webhookd (process {daemon.process.pid})" in second.log
        assert "Traceback" not in second.log
        daemon.stop()


def _kill(daemon):
    """Kill it, but never so often within one file that the file would be suspected of it."""
    until(lambda: _openings(daemon) < MOST_OPENINGS, "the file gets on")
    daemon.kill()


def _openings(daemon):
    with closing(_database(daemon)) as connection:
        return connection.execute("SELECT coalesce(max(openings), 0) FROM files").fetchone()[0]


def _database(daemon):
    return sqlite3.connect(f"file:{daemon.state}/webhookd.db?mode=ro", uri=True)


def _pending(daemon):
    with closing(_database(daemon)) as connection:
        query = "SELECT (SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL), count(*)"
        waiting, stored = connection.execute(f"{query} FROM deliveries").fetchone()
        files = connection.execute("SELECT count(*) FROM files").fetchone()[0]
    dropped = sum(1 for _ in (daemon.folder / "crm" / "new").iterdir())
    return waiting + files + dropped + (0 if stored else 1)


def _integrity(daemon):
    with sqlite3.connect(daemon.state / "webhookd.db") as connection:
        (found,) = connection.execute("PRAGMA integrity_check").fetchone()
    connection.close()
    return found


def _rest(seconds):
    """Let the daemon work for a moment that is chosen at random: it is the point of the test."""
    threading.Event().wait(seconds)


def test_a_record_s_order_outlives_kills(daemon):
    """A delivery may come twice, but never one of a record after a later one was answered."""
    chance, records, changes = random.Random(5), 20, 30

    def answer(_received):
        return Answer(503 if chance.random() < 0.1 else 200, delay=chance.random() * 0.003)

    with Receiver(answer) as receiver:
        hook = {
            "source": "export",
            "object": "contacts",
            "request": {"url": receiver.url, "allow_http": True},
            "delivery": {
                "order": "record",
                "retry": {"first_after": "50ms", "at_most_every": "200ms"},
            },
        }
        daemon.configure({"mirror": hook})
        daemon.start()
        for number in range(changes):
            before = len(receiver.received)
            rows = [{"id": record, "value": number} for record in range(records)]
            daemon.drop_rows(f"{number:02}.ndjson", *rows)
            if number % 5 == 4:
                until(lambda: len(receiver.received) > before, "it goes on at once", 10)  # noqa: B023 - called here
                _kill(daemon)
                daemon.start()
        until(lambda: _files_taken(daemon) == changes, "every file taken")
        until(lambda: _pending(daemon) == 0, "everything settled", 60)
        assert daemon.stop() == 0
        received = list(receiver.received)

    values = {}
    for one in received:
        body = json.loads(one.body)
        values.setdefault(body["objectId"], []).append(body["properties"]["value"])
    assert len(values) == records
    assert all(sorted(set(seen)) == list(range(changes)) for seen in values.values())
    assert {record: seen for record, seen in values.items() if seen != sorted(seen)} == {}


def _files_taken(daemon):
    return len(list((daemon.folder / "crm" / "done").iterdir()))
