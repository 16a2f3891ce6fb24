"""Two daemons of a fleet, one host's clock a minute ahead, the other's a minute behind.

Whoever makes an attempt, and whoever makes its retry: it comes at the time it should.
"""

import json
from collections import defaultdict

import pytest

from tests import postgresql
from tests.daemon import ANOTHER_CLOCK, until
from tests.fleet import Fleet
from tests.receiver import Answer, Receiver

AHEAD, BEHIND = 0, 1
OFFSETS = {AHEAD: 60, BEHIND: -60}
RETRY_SECONDS = 4.0
EARLY_SECONDS, LATE_SECONDS = 0.2, 2.5
"""Requests come a little after they were sent; a poll may be what finds a retry that is due."""

RECORDS, CHANGES = 15, 3


@pytest.fixture
def fleet(tmp_path):
    server = postgresql.server()
    with Fleet(tmp_path, server.url(server.empty()), 2) as running:
        for number, offset in OFFSETS.items():
            told = tmp_path / f"offset-{number}"
            told.write_text(str(offset))
            running.daemons[number].environment["CLOCK_OFFSET_FILE"] = str(told)
            running.daemons[number].command_line = ANOTHER_CLOCK
        yield running


class FailsAtFirst:
    """Answers the first attempt of each delivery with 503."""

    def __init__(self):
        self.attempts = defaultdict(list)

    def __call__(self, received):
        self.attempts[received.target, received.id].append(received.at)
        return Answer(503 if len(self.attempts[received.target, received.id]) == 1 else 200)

    def gaps(self):
        """Return the seconds between the two attempts of each delivery."""
        return [second - first for first, second in self.attempts.values()]


def configure(fleet, receiver):
    def hook(path, **delivery):
        retry = {"first_after": f"{RETRY_SECONDS:g}s", "jitter": 0}
        return {
            "source": "export",
            "object": "contacts",
            "request": {"url": f"{receiver.url}/{path}", "allow_http": True},
            "delivery": {"retry": retry, **delivery},
        }

    fleet.configure({"plain": hook("plain", concurrency=50), "ordered": hook("o", order="record")})


def rows():
    return [{"id": str(id_), "n": n} for n in range(CHANGES) for id_ in range(RECORDS)]


@pytest.mark.parametrize("stopped", [AHEAD, BEHIND])
def test_retries_come_when_they_should_and_in_order(fleet, stopped):
    """Where one is stopped after the first attempts, the other makes its retries."""
    answer = FailsAtFirst()
    with Receiver(answer) as receiver:
        configure(fleet, receiver)
        fleet.start()
        fleet.drop_rows("1.ndjson", *rows())
        until(lambda: len(answer.attempts) >= RECORDS * (CHANGES + 1), "the first attempts")
        assert fleet.daemons[stopped].stop() == 0
        until(lambda: len(answer.attempts) == 2 * RECORDS * CHANGES, "all of it", 60)
        until(lambda: fleet.is_settled, "everything is settled", 60)
        received = list(receiver.received)

    early = [gap for gap in answer.gaps() if gap < RETRY_SECONDS - EARLY_SECONDS]
    late = [gap for gap in answer.gaps() if gap > RETRY_SECONDS + LATE_SECONDS]
    assert (early, late) == ([], [])
    latest = defaultdict(int)
    for change in (json.loads(one.body) for one in received if one.target == "/o"):
        n = change["properties"]["n"]
        assert n >= latest[change["objectId"]], change
        latest[change["objectId"]] = n
    assert fleet.look("SELECT count(*) FROM deliveries WHERE state = 'delivered'") == len(
        answer.attempts
    )
