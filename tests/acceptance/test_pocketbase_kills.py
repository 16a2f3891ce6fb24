"""The real daemon reads a real PocketBase that is written to, and is killed at random moments.

`make sources` reads ten thousand records and kills it twenty times; here are a few hundred, and
three. Nothing is lost, no deletion is invented, and no change is told by two deliveries.
"""

import json
import os
import random
import time
from collections import Counter

import pytest

from tests import pocketbase
from tests.daemon import until
from tests.pocketbase import Writes
from tests.receiver import Answer, Receiver

pytestmark = pytest.mark.skipif(pocketbase.binary() is None, reason="PocketBase is not installed")

IS_LONG = bool(os.environ.get("WEBHOOKD_TEST_SOURCES"))
RECORDS, SECONDS, KILLS = (10_000, 15.0, 20) if IS_LONG else (600, 4.0, 3)
QUIET_WITHIN = 600.0 if IS_LONG else 120.0
PATH = "collections/persons/records"
PERSONS = {
    "path": PATH,
    "records": "items",
    "query": {"skipTotal": True},
    # A batch, which has one time, is longer than a page.
    "paging": {"by": "page", "limit": 150, "query": {"page": "${page}", "perPage": "${limit}"}},
    "modified": "updated",
    "created": "created",
    "one": {"path": f"{PATH}/${{id}}"},
    "deletions": {"by": "absence", "every": "1s", "query": {"fields": "id", "sort": "id"}},
}
TIME = {
    "by": "time",
    "order": "modified",
    "query": {"filter": "updated >= '${since}'", "sort": "updated,id"},
}
TIES = {"query": {"filter": "updated = '${since}' && id > '${after}'", "sort": "id"}}
STRATEGIES = {
    "time": {"detect": TIME},
    "ties": {"detect": TIME | {"ties": TIES}},
    "comparison": {
        "detect": {"by": "comparison"},
        "query": {"skipTotal": True, "sort": "id"},
        "deletions": {"by": "absence", "every": "1s"},
    },
}


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    with pocketbase.running(tmp_path_factory.mktemp("pocketbase")) as running:
        yield running


def configure(daemon, base, receiver, name):
    daemon.environment["CRM_TOKEN"] = base.token
    source = {
        "type": "rest",
        "base_url": f"{base.url}/api",
        "authentication": {"type": "bearer", "token": {"env": "CRM_TOKEN"}, "prefix": ""},
        "poll_every": "200ms",
        "requests_per_second": 500,
        "objects": {"persons": PERSONS | STRATEGIES[name]},
    }
    hook = {
        "source": "crm",
        "object": "persons",
        "trigger": {"changes": ["created", "updated", "deleted"]},
        "request": {"url": receiver.url, "allow_http": True},
        "delivery": {"retry": {"first_after": "100ms", "at_most_every": "1s"}},
    }
    daemon.configure({"mirror": hook}, sources={"crm": source})


def told(receiver):
    """Return how often each change was told: by record and kind, each delivery once."""
    bodies = {one.id: json.loads(one.body) for one in tuple(receiver.received)}
    found = {}
    for body in bodies.values():
        kind = body["eventType"].partition(".")[2]
        found.setdefault(kind, Counter())[body["objectId"]] += 1
    return found


def updates(receiver):
    """Return the updates that were told, each by record and by what it says the record is."""
    bodies = {one.id: json.loads(one.body) for one in tuple(receiver.received)}
    return Counter(
        (body["objectId"], json.dumps(body["properties"], sort_keys=True))
        for body in bodies.values()
        if body["eventType"].endswith(".updated")
    )


@pytest.mark.parametrize("name", STRATEGIES)
def test_killed_at_random_moments_it_tells_the_truth_and_once(daemon, base, name):
    base.delete_all()
    ids = base.create(RECORDS)
    time.sleep(1.1)
    with Receiver(lambda _: Answer(200)) as receiver:
        configure(daemon, base, receiver, name)
        daemon.start()
        until(lambda: len(daemon.known()) == RECORDS, "the first read", QUIET_WITHIN)
        writes, dice = Writes(base, ids, SECONDS), random.Random(3)
        writes.start()
        for _ in range(KILLS):
            time.sleep(dice.uniform(0.05, 2 * SECONDS / KILLS))
            daemon.kill()
            daemon.start()
        writes.join()
        there = base.dump()

        def is_quiet():
            return daemon.known() == there and daemon.tally("pending") == 0

        until(is_quiet, "all that is there is known, in every property", QUIET_WITHIN)
        time.sleep(3)
        found, changed = told(receiver), updates(receiver)
        assert daemon.stop() == 0

    deleted, created = found.get("deleted", Counter()), found.get("created", Counter())
    assert set(deleted) <= writes.gone
    assert writes.gone & set(ids) <= set(deleted)
    assert set(created) <= writes.created
    assert writes.created - writes.gone <= set(created)
    assert {*deleted.values(), *created.values()} <= {1}
    assert {*changed.values()} <= {1}
