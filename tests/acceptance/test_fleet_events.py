"""`/v1/events` of one daemon tells what the whole fleet does, each thing once."""

from collections import Counter
from contextlib import closing

from tests.acceptance.test_admin_events import Stream
from tests.daemon import until
from tests.fleet import hook
from tests.receiver import Answer

RECORDS = 120


def test_one_daemon_tells_what_all_of_them_deliver(fleet, receiver):
    receiver.answer = lambda _: Answer(200, delay=0.02)
    fleet.configure({"mirror": hook(receiver, concurrency=8)})
    fleet.start()
    with closing(Stream(fleet.daemons[0])) as first, closing(Stream(fleet.daemons[1])) as second:
        for number in range(6):
            rows = ({"id": f"{number}-{one}"} for one in range(RECORDS // 6))
            fleet.drop_rows(f"{number}.ndjson", *rows)
        until(lambda: delivered(fleet) == RECORDS, "deliveries")
        told = [counted(stream) for stream in (first, second)]

    own = [len(daemon.named("delivery.attempted")) for daemon in fleet.daemons]
    assert sum(own) == RECORDS
    assert all(own), "one of them did everything"
    for ids, skipped in told:
        assert max(ids.values()) == 1
        assert len(ids) + skipped == RECORDS


def delivered(fleet):
    ((count,),) = fleet.rows("SELECT count(*) FROM deliveries WHERE state = 'delivered'")
    return count


def counted(stream):
    """Return how often each delivery was told, and how many were only counted."""
    ids, skipped = Counter(), 0
    for kind, told in stream.events():
        if kind == "attempts":
            ids.update(one["id"] for one in told["attempts"])
            skipped += told["skipped"]
        if len(ids) + skipped >= RECORDS:
            return ids, skipped
    raise AssertionError((ids, skipped))


def test_the_stop_of_one_daemon_breaks_no_stream_of_another(fleet, receiver):
    fleet.configure({"mirror": hook(receiver)})
    fleet.start()
    with closing(Stream(fleet.daemons[0])) as stream:
        fleet.daemons[1].stop()
        fleet.drop_rows("a.ndjson", {"id": "1"})
        told = stream.until("attempts")
    assert [one["record_id"] for one in told["attempts"]] == ["1"]
