"""Every way to end or starve the process: nothing is lost, nothing is taken in twice.

The stories are those of `make crash`, told in short.
"""

import json
import signal
from contextlib import closing

import pytest

from tests.crash import killing, surroundings
from tests.daemon import until
from tests.receiver import Answer, Receiver

ROWS = 1000
SEED = 20260301


def content():
    return "".join(json.dumps({"id": row, "value": f"v{row}"}) + "\n" for row in range(ROWS))


def test_kills_at_random_moments_lose_nothing_and_repeat_only_what_was_unsettled(tmp_path):
    assert killing.killed(tmp_path, SEED, kills=8).faults == []


def test_a_process_frozen_past_every_timeout_goes_on(tmp_path):
    assert killing.frozen(tmp_path, SEED, seconds=0).faults == []


def test_what_the_watchdog_aborts_is_taken_up_again(tmp_path):
    assert killing.given_up_on(tmp_path, SEED).faults == []


def test_a_receiver_that_dies_gets_everything_when_it_returns(tmp_path):
    assert surroundings.receiver_gone(tmp_path, SEED, seconds=2).faults == []


def test_a_database_locked_for_longer_than_one_waits_loses_nothing(tmp_path):
    assert surroundings.database_locked(tmp_path, SEED, seconds=7).faults == []


@pytest.mark.skipif(not surroundings.may_mount(), reason="only root may mount a small disk")
def test_a_disk_that_runs_full_stops_it_until_there_is_room(tmp_path):
    assert surroundings.disk_full(tmp_path, SEED, seconds=1).faults == []


@pytest.mark.parametrize("days", [1, -1])
def test_a_clock_that_jumps_by_a_day_loses_nothing_and_floods_nobody(tmp_path, days):
    assert surroundings.clock_jumped(tmp_path, SEED, days).faults == []


def test_a_stop_in_the_middle_loses_nothing_and_repeats_nothing(daemon):
    with Receiver(lambda _: Answer(delay=0.01)) as receiver:
        hook = {
            "source": "export",
            "object": "contacts",
            "request": {"url": receiver.url, "allow_http": True},
        }
        daemon.configure({"mirror": hook})
        daemon.start()
        daemon.drop("1.ndjson", content())
        for _ in range(3):
            before = len(receiver.received)
            until(lambda: len(receiver.received) > before + 50, "some requests")  # noqa: B023 - called here
            assert daemon.stop() == 0
            daemon.start()
        until(lambda: _pending(daemon) == 0, "everything settled")
        daemon.stop()
        received = list(receiver.received)

    records = [json.loads(one.body)["objectId"] for one in received]
    assert len(records) == len(set(records)) == ROWS


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


def _pending(daemon):
    with closing(daemon.connect()) as connection:
        query = "SELECT (SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL), count(*)"
        waiting, stored = connection.execute(f"{query} FROM deliveries").fetchone()
        files = connection.execute("SELECT count(*) FROM files").fetchone()[0]
    dropped = sum(1 for _ in (daemon.folder / "crm" / "new").iterdir())
    return waiting + files + dropped + (0 if stored else 1)
