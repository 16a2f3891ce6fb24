"""What a webhook's delivery policy limits holds for a whole fleet, and is used by all of it."""

from itertools import pairwise

import pytest

from tests import postgresql
from tests.crash.fleet_account import most_within
from tests.daemon import until
from tests.fleet import Fleet, hook
from tests.receiver import Answer, Receiver

ALL_LOGGED = {"WEBHOOKD_LOG_SUCCESSES": "all"}


@pytest.fixture
def fleet(tmp_path):
    server = postgresql.server()
    with Fleet(tmp_path, server.url(server.empty()), 2, ALL_LOGGED) as running:
        yield running


def drop(fleet, rows):
    fleet.drop_rows("1.ndjson", *({"id": str(number)} for number in range(rows)))


def most_open(received, seconds):
    """Return how many requests were open together, if each is for so many *seconds*."""
    return most_within(seconds, (one.at for one in received))


def test_a_concurrency_is_shared_and_never_exceeded(fleet):
    rows, delay = 240, 0.05
    with Receiver(lambda _: Answer(delay=delay)) as receiver:
        fleet.configure({"mirror": hook(receiver, concurrency=4)})
        fleet.start()
        drop(fleet, rows)
        until(lambda: fleet.is_settled and len(receiver.received) == rows, "all of it", 60)
        assert fleet.stop() == [0, 0]
        received = list(receiver.received)

    assert most_open(received, delay) == 4
    by_each = [len(daemon.named("delivery.attempted")) for daemon in fleet.daemons]
    assert sum(by_each) == rows
    assert min(by_each) > rows / 10, by_each


def test_a_rate_limit_is_shared_reached_and_never_exceeded_by_more_than_a_batch(fleet):
    rows, rate, batch = 100, 25, 5
    with Receiver() as receiver:
        fleet.configure({"mirror": hook(receiver, concurrency=batch, rate_limit=f"{rate}/s")})
        fleet.start()
        drop(fleet, rows)
        until(lambda: fleet.is_settled and len(receiver.received) == rows, "all of it", 60)
        assert fleet.stop() == [0, 0]
        came = [one.at for one in receiver.received]

    assert most_within(1.0, came) <= rate + batch
    assert came[-1] - came[0] < 1.5 * rows / rate, "it is used, too"


def test_a_webhook_that_nobody_answers_is_probed_by_one_of_them_at_a_time(fleet):
    timeout = 0.5
    with Receiver(lambda _: Answer(is_silent=True)) as receiver:
        retry = {"first_after": "100ms", "at_most_every": "200ms"}
        dead = hook(receiver, concurrency=10, timeout=f"{timeout * 1000:g}ms", retry=retry)
        fleet.configure({"dead": dead})
        fleet.start()
        drop(fleet, 100)
        until(lambda: len(receiver.received) > 20, "nobody answers")
        until(lambda: any(one.named("webhook.probed") for one in fleet.daemons), "it is probed")
        # What was under way then may end, and the others may hear of it.
        probed = len(receiver.received) + 20
        until(lambda: len(receiver.received) > probed + 10, "it is probed on", 60)
        fleet.stop()

    # As the daemons saw it: a busy receiver may see two at once. Each reckons the time of the
    # database's server, and may be wrong by less than half an attempt.
    attempts = fleet.rows("SELECT started_at, seconds FROM attempts ORDER BY started_at, seconds")
    later = attempts[probed:]
    assert len(later) >= 10
    for (started, seconds), (following, _) in pairwise(later):
        assert following >= started + seconds / 2
