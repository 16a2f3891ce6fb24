"""Coalescing on the real process, killed in between: the receiver ends with what is."""

import json
import random
import threading

from tests.daemon import until
from tests.receiver import Answer, Receiver

WAITING = (
    "SELECT (SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL)"
    " + (SELECT count(*) FROM files)"
)


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
                threading.Event().wait(chance.random() * 0.3)
                daemon.kill_unsuspecting()
                daemon.start()
        until(lambda: not any((daemon.folder / "crm" / "new").iterdir()), "all files taken")
        until(lambda: not any((daemon.folder / "crm" / "work").iterdir()), "all rows taken")
        until(lambda: daemon.look(WAITING) == 0, "everything settled", 60)
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
    assert daemon.look("PRAGMA integrity_check") == "ok"
