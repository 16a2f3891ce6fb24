"""Each source of a fleet is read by one daemon at a time, and by another when that one is gone."""

import json
from collections import Counter

from tests.daemon import until
from tests.fake_hubspot import Account, FakeHubspot
from tests.fleet import hook

TAKEN_OVER_WITHIN_SECONDS = 10
FREE_WITHIN_SECONDS = 30
"""What the killed one had in memory, and its part of the concurrency, is free after its lease."""

_STORED = "SELECT count(*) FROM deliveries"


def other_than(fleet, one):
    return next(daemon for daemon in fleet.daemons if daemon is not one)


def told(receiver):
    """Return how often each change was told, by its record and kind."""
    bodies = [json.loads(one.body) for one in tuple(receiver.received)]
    return Counter((body["objectId"], body["eventType"]) for body in bodies)


def test_a_file_is_taken_on_by_another_daemon_where_the_killed_one_was(fleet, receiver):
    """The kill comes in the middle of a long file, every hundredth row of which is told."""
    chosen = {"property": "kind", "operator": "EQ", "value": "chosen"}
    fleet.configure({"mirror": hook(receiver, timeout="1s") | {"trigger": {"when": [chosen]}}})
    fleet.start()
    rows = [
        {"id": str(number), "kind": "common" if number % 100 else "chosen"}
        for number in range(30_000)
    ]
    fleet.drop_rows("1.ndjson", *rows)
    taken = "SELECT coalesce(max(rows_taken), 0) FROM files"
    until(lambda: fleet.look(taken) > 0, "its first rows")
    reader = fleet.reader()
    reader.kill()
    left_at = fleet.look(taken)
    heir = other_than(fleet, reader)
    until(lambda: heir.named("file.claimed"), "the other claims it", TAKEN_OVER_WITHIN_SECONDS)
    until(lambda: heir.named("file.taken"), "it is taken", 60)
    until(lambda: fleet.is_settled, "everything is settled", FREE_WITHIN_SECONDS)

    assert 0 < left_at < len(rows)
    assert fleet.look(_STORED) == len(told(receiver)) == 300
    assert heir.named("file.taken")[0]["rows"] == len(rows)
    assert heir.stop() == 0


def test_a_poll_goes_on_in_another_daemon_where_the_killed_one_was(fleet, receiver):
    account = Account({"contacts": {"email": "string"}})
    crm = FakeHubspot(account)
    with crm.serving() as url:
        poll(fleet, url, receiver)
        for daemon in fleet.daemons:
            daemon.environment["CRM_TOKEN"] = "pat-token"
        fleet.start()
        until(lambda: crm.requests["search", 200] > 1, "it is polled")
        with crm.lock:
            ids = [account.create("contacts", {"email": "a@example.com"}) for _ in range(20)]
        until(lambda: len(told(receiver)) == 20, "what was created")
        (reader,) = [daemon for daemon in fleet.daemons if daemon.named("source.polled")]
        reader.kill()
        with crm.lock:
            account.change_all("contacts", ids[:10], {"email": "b@example.com"})
        until(lambda: fleet.look(_STORED) == 30, "what was changed", TAKEN_OVER_WITHIN_SECONDS)
        searches = crm.requests["search", 200]
        until(lambda: crm.requests["search", 200] > searches + 3, "more polls")
        until(lambda: fleet.is_settled, "everything is settled", FREE_WITHIN_SECONDS)
        assert other_than(fleet, reader).stop() == 0

    assert fleet.look(_STORED) == 30
    kinds = Counter(kind for _, kind in told(receiver))
    assert kinds == {"contacts.created": 20, "contacts.updated": 10}
    assert crm.bad == []


def poll(fleet, url, receiver):
    source = {
        "type": "hubspot",
        "base_url": url,
        "token": {"env": "CRM_TOKEN"},
        "poll_every": "300ms",
        "overlap": "5s",
        "objects": {"contacts": {"properties": ["email"]}},
    }
    fleet.configure(
        {"mirror": hook(receiver, timeout="1s") | {"source": "crm"}}, sources={"crm": source}
    )
