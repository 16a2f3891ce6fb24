"""The real daemon reads any REST API: killed at any moment, it loses and repeats nothing."""

import json
import random
import threading
import time
from collections import Counter

import pytest

from tests.daemon import until
from tests.fake_api import RealTime, running
from tests.receiver import Answer, Receiver
from tests.token_server import TokenServer, granting

KILLS, SECONDS = 6, 12.0
ITEMS = {
    "records": "data",
    "query": {"limit": "${limit}"},
    "modified": "updated",
    "created": "created",
    "paging": {"by": "page", "limit": 50, "query": {"page": "${page}"}},
    "detect": {
        "by": "time",
        "order": "modified",
        "query": {"since": "${since}", "sort": "updated,id"},
    },
    "one": {"path": "items/${id}", "record": "data"},
    "deletions": {"by": "absence", "every": "1s", "query": {"sort": "id"}},
}


@pytest.fixture
def api():
    with running(RealTime()) as served:
        yield served


def configure(daemon, api, receiver, *, more=None, **changes):
    source = {
        "type": "rest",
        "base_url": api.url,
        "authentication": {"type": "bearer", "token": {"env": "CRM_TOKEN"}},
        "poll_every": "200ms",
        "requests_per_second": 500,
        "objects": {"items": {**ITEMS, **changes}},
    } | (more or {})
    hook = {
        "source": "crm",
        "object": "items",
        "trigger": {"changes": ["created", "updated", "deleted"]},
        "request": {"url": receiver.url, "allow_http": True},
        "delivery": {"retry": {"first_after": "100ms", "at_most_every": "1s"}},
    }
    daemon.configure({"mirror": hook}, sources={"crm": source})


class Writes(threading.Thread):
    """Changes records at random for some seconds."""

    def __init__(self, api):
        super().__init__(daemon=True)
        self.api = api
        self.created, self.gone = set(), set()

    def run(self):
        dice, ends = random.Random(5), time.monotonic() + SECONDS
        while time.monotonic() < ends:
            time.sleep(0.02)
            with self.api.lock:
                ids, what = sorted(self.api.records), dice.random()
                if what < 0.25 and len(ids) > 50:
                    self.api.delete(one := dice.choice(ids))
                    self.gone.add(one)
                elif what < 0.4:
                    self.created.update(self.api.create())
                elif what < 0.42:
                    self.api.update(*dice.sample(ids, 40), name="batch")
                else:
                    self.api.update(dice.choice(ids), name=f"u{dice.random()}")


def told(receiver):
    """Return what arrived by kind: the ids of records, each delivery once."""
    bodies = {one.id: json.loads(one.body) for one in tuple(receiver.received)}
    found = {}
    for body in bodies.values():
        found.setdefault(body["eventType"].partition(".")[2], []).append(body["objectId"])
    return found


@pytest.mark.parametrize("strategy", ["time", "comparison"])
def test_killed_at_any_moment_it_loses_nothing_and_tells_nothing_twice(daemon, api, strategy):
    changes = {}
    if strategy == "comparison":
        compared = {"detect": {"by": "comparison"}, "query": {"limit": "${limit}", "sort": "id"}}
        changes = {**compared, "deletions": {"by": "absence"}}
    daemon.environment["CRM_TOKEN"] = "tok-5c1d7e9a"
    api.create(300)
    time.sleep(1.1)
    with Receiver(lambda _: Answer(200)) as receiver:
        configure(daemon, api, receiver, **changes)
        daemon.start()
        until(lambda: len(daemon.known()) == 300, "the first read")
        writes, dice = Writes(api), random.Random(3)
        writes.start()
        for _ in range(KILLS):
            time.sleep(dice.uniform(0.2, 2.0))
            daemon.kill()
            daemon.start()
        writes.join()

        def is_quiet():
            with api.lock:
                there = {id_: api.shown(one) for id_, one in api.records.items()}
            return daemon.known() == there and daemon.tally("pending") == 0

        until(is_quiet, "everything", 60)
        time.sleep(1.5)
        found = told(receiver)
    deleted, created = Counter(found.get("deleted", ())), Counter(found.get("created", ()))
    assert set(deleted) <= writes.gone
    assert set(created) <= writes.created
    assert writes.created - writes.gone <= set(created)
    assert max(deleted.values()) == max(created.values()) == 1


def test_a_token_that_dies_midway_is_replaced_by_another(daemon, api):
    api.create(100)
    time.sleep(1.1)
    daemon.environment["CRM_TOKEN"] = "client-secret-9d2e"
    newest = []

    def grant(number):
        newest.append(f"token-{number}-of-the-server")
        return granting(newest[-1])

    def answer(request):
        header = request[3].get("authorization") or request[3].get("Authorization")
        return None if newest and header == f"Bearer {newest[-1]}" else (401, {"message": "no"})

    api.answer = answer
    with Receiver(lambda _: Answer(200)) as receiver, TokenServer(grant) as server:
        client = {
            "type": "oauth2",
            "token_url": server.token_url,
            "client_id": "crm",
            "client_secret": {"env": "CRM_TOKEN"},
        }
        configure(daemon, api, receiver, more={"authentication": client})
        daemon.start()
        until(lambda: len(daemon.known()) == 100, "the first read")
        newest.append("a-token-that-nobody-has")
        api.create(3)
        until(lambda: len(daemon.known()) == 103, "another token")
        assert len(server.received) == 2
        assert not daemon.named("source.unauthorized")


def test_the_log_says_what_a_preset_was_held_against(daemon):
    crm = {
        "type": "rest",
        "extends": "pocketbase",
        "base_url": "http://127.0.0.1:9/api/",
        "authentication": {"type": "none"},
        "objects": {"persons": {}},
    }
    daemon.configure({}, sources={"crm": crm})
    daemon.start()
    (used,) = daemon.named("source.preset_used")

    assert (used["source"], used["preset"]) == ("crm", "pocketbase")
    assert used["status"].startswith("live 2026-11, PocketBase")
    assert daemon.stop() == 0
