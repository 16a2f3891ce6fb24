"""Bad days: a full disk, reloads without end, signals at the wrong moment. It goes on by itself."""

import json
import resource
import signal
import sqlite3
from collections import Counter
from contextlib import closing

from tests.daemon import until
from tests.receiver import Answer, Receiver

ROWS = 80


def hook(receiver, **delivery):
    retry = {"first_after": "100ms", "at_most_every": "500ms", "give_up_after": "1h"}
    return {
        "source": "export",
        "object": "contacts",
        "request": {"url": receiver.url, "allow_http": True},
        "delivery": {"retry": retry} | delivery,
    }


def every(count, answer):
    """Return a receiver's behaviour: *answer* to each so-manieth request."""
    number = 0

    def behave(_received):
        nonlocal number
        number += 1
        return answer if number % count == 0 else Answer()

    return behave


def attempts(daemon):
    return {one["id"]: one["attempts"] for one in daemon.deliveries()}


def are_all_delivered(daemon, count):
    path = f"file:{daemon.state}/webhookd.db?mode=ro"
    query = "SELECT count(*) FROM deliveries WHERE state = 'delivered'"
    with closing(sqlite3.connect(path, uri=True)) as connection:
        return connection.execute(query).fetchone() == (count,)


def test_a_full_disk_stops_it_until_there_is_room_and_nothing_is_lost_or_repeated(daemon):
    behave = every(5, Answer(503))
    with Receiver(lambda received: Answer(behave(received).status, delay=0.005)) as receiver:
        daemon.configure({"mirror": hook(receiver, concurrency=2)})
        daemon.start()
        daemon.drop_rows("1.ndjson", *({"id": row} for row in range(ROWS)))
        until(lambda: len(receiver.received) > 10, "some requests")
        limits = resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE)
        # No file may grow beyond its first page: to the database that is a full disk.
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (4096, limits[1]))
        until(lambda: daemon.named("storage.refused"), "a refusal")
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, limits)
        until(lambda: are_all_delivered(daemon, ROWS), "all are delivered")
        assert Counter(one.id for one in receiver.received) == attempts(daemon)
        assert daemon.stop() == 0

    assert "Traceback" not in daemon.log


def test_reloads_without_end_lose_nothing_and_repeat_nothing(daemon):
    busy = every(30, Answer(429, headers={"Retry-After": "1"}))
    with (
        Receiver(every(4, Answer(500))) as flaky,
        Receiver(busy) as pausing,
        Receiver() as paced,
        Receiver() as leaving,
    ):

        def webhooks(number):
            wanted = {
                "flaky": hook(flaky, timeout=f"{10 + number % 2}s"),
                "pausing": hook(pausing, concurrency=1 + number % 3),
                "paced": hook(paced, rate_limit="50/s"),
                "leaving": hook(leaving) | {"enabled": number % 3 != 1},
            }
            if number % 4 == 2:
                del wanted["leaving"]
            return wanted

        daemon.configure(webhooks(0))
        daemon.start("--max-in-flight", "3")
        daemon.drop_rows("1.ndjson", *({"id": row} for row in range(ROWS)))
        until(lambda: flaky.received, "a request")
        for number in range(1, 21):
            daemon.configure(webhooks(number))
            daemon.reload()
        daemon.configure(webhooks(0))
        daemon.reload()
        until(lambda: are_all_delivered(daemon, 4 * ROWS), "all are delivered")
        made = attempts(daemon)
        assert daemon.stop() == 0
        received = [one for each in (flaky, pausing, paced, leaving) for one in each.received]

    assert Counter(one.id for one in received) == made
    starts = [one.at for one in paced.received]
    spans = [later - earlier for earlier, later in zip(starts, starts[50:], strict=False)]
    assert min(spans) >= 0.9, "50 a second, and a loaded machine"
    assert "Traceback" not in daemon.log


def test_a_rate_limit_is_kept_over_a_restart_while_disabled(daemon):
    with Receiver() as paced, Receiver() as witness:
        limited = hook(paced, rate_limit="3/h")
        daemon.configure({"paced": limited, "witness": hook(witness)})
        daemon.start()
        daemon.drop_rows("1.ndjson", *({"id": row} for row in range(6)))
        until(lambda: len(paced.received) == 3, "as many as allowed")
        daemon.stop()
        daemon.configure({"paced": limited | {"enabled": False}, "witness": hook(witness)})
        daemon.start()
        daemon.configure({"paced": limited, "witness": hook(witness)})
        assert daemon.reload()["event"] == "config.reloaded"
        daemon.drop_rows("2.ndjson", {"id": 7})
        until(lambda: "7" in map(record, witness.received), "the other webhook goes on")
        assert daemon.stop() == 0

    assert len(paced.received) == 3


def test_a_reload_asked_for_during_the_start_comes_after_it(daemon):
    with Receiver() as receiver:
        daemon.configure({"mirror": hook(receiver)})
        daemon.start(is_awaited=False)
        until(lambda: daemon.named("daemon.started"), "the start")
        daemon.signal(signal.SIGHUP)
        until(lambda: daemon.has_ended or daemon.named("config.unchanged"), "the reload")
        assert daemon.stop() == 0


def record(received):
    return json.loads(received.body)["objectId"]
