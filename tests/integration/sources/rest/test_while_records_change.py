"""Records change before each answer: nothing is lost or told twice, no deletion invented."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest

from tests.integration.sources.rest.conftest import (
    ABSENCE,
    ITEMS,
    PAGES,
    TIES,
    TIME,
    dump,
    kinds,
)
from webhookd.definitions import NO_DELETIONS, RestDeletions, RestDetect, RestPaging

COMPARED = RestDetect(by="comparison", query={"sort": "id"})
OFFSETS = RestPaging(by="offset", limit=10, query={"offset": "${offset}", "limit": "${limit}"})
CURSORS = RestPaging(
    by="cursor", limit=10, next="cursor", query={"cursor": "${cursor}", "limit": "${limit}"}
)
LINKS = RestPaging(by="link", limit=10, next="next", query={"limit": "${limit}"})
BY_ID = {"query": {"sort": "id"}}
# Links and cursors lead forwards only, so that pages of an instant shift as any do: what they
# skip is found by a pass that has whole rows.
WHOLE = {"deletions": replace(ABSENCE, query={})}
STRATEGIES = {
    "time": {},
    "time, ties": {"detect": replace(TIME, ties=TIES)},
    "time, by offset": {"paging": OFFSETS},
    "time, by link": {"paging": LINKS, **WHOLE},
    "time, by cursor": {"paging": CURSORS, **WHOLE},
    "time, overlap": {"detect": replace(TIME, overlap=timedelta(seconds=5))},
    "time, no order": {
        "detect": replace(TIME, order="none", query={"since": "${since}"}),
        "deletions": replace(ABSENCE, every=timedelta(minutes=1), query={}),
    },
    "time, by more": {"paging": replace(OFFSETS, more="more")},
    "comparison": {"detect": RestDetect(), **BY_ID},
    "comparison, no time": {"detect": RestDetect(), "modified": None, **BY_ID},
    "comparison, absent twice": {"detect": RestDetect(), "one": None, **BY_ID},
    "comparison, by cursor": {"detect": RestDetect(), "paging": CURSORS, **BY_ID},
    "whole rows, absent twice": {"one": None, "deletions": RestDeletions("absence"), **BY_ID},
}


class Writes:
    """Changes records at random before each answer, and knows what it did."""

    def __init__(self, api, seed):
        self.api = api
        self.dice = Random(seed)
        self.left = 0
        self.created = set()
        self.gone = set()

    def __call__(self, _request):
        with self.api.lock:
            for _ in range(min(self.left, self.dice.randrange(4))):
                self.left -= 1
                self.api.later(self.dice.choice([0, 0.001, 0.2]))
                self._write()

    def _write(self):
        ids = sorted(self.api.records)
        what = self.dice.random()
        if what < 0.25 and len(ids) > 20:
            id_ = self.dice.choice(ids)
            self.api.delete(id_)
            self.gone.add(id_)
        elif what < 0.45:
            self.created.update(self.api.create(self.dice.choice([1, 1, 1, 25])))
        elif what < 0.5:
            self.api.update(*self.dice.sample(ids, min(len(ids), 30)), name="batch")
        else:
            self.api.update(self.dice.choice(ids), name=f"u{self.dice.random()}")


def written_to(api, count, seed):
    """Return writes to an API that has so many records, of different times."""
    for _ in range(count):
        api.create()
        api.later(0.05)
    writes = Writes(api, seed)
    api.later(60)
    api.between = writes
    return writes


def at_quiet(crm, api, writes):
    """Poll until nothing is open any more, and return what was told by then."""
    writes.left = 0
    for _ in range(4):
        told = kinds(crm.poll(times=2, every=3600))
        api.later(3600)
    return told


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("seed", [1])
def test_at_quiet_all_is_known_and_deletions_are_true(reading, api, name, seed):
    writes = written_to(api, 60, seed)
    there = set(api.records)
    crm = reading(**STRATEGIES[name])
    for _ in range(4):
        writes.left = 40
        crm.poll(times=2, every=3600)
        api.later(3600)
    told = at_quiet(crm, api, writes)

    assert crm.known() == dump(api)
    deleted, created = told.get("deleted", []), told.get("created", [])
    assert sorted(deleted) == sorted(set(deleted))
    assert set(deleted) <= writes.gone
    assert not set(deleted) & set(api.records)
    assert sorted(created) == sorted(set(created))
    assert set(created) <= writes.created
    assert writes.created & set(api.records) <= set(created)
    assert writes.created & set(deleted) <= set(created)
    assert len(there & writes.gone - set(deleted)) < 10, "those that were never read"


@pytest.mark.parametrize("seed", [1, 2])
def test_a_kill_at_any_step_tells_nothing_twice_and_loses_nothing(reading, api, seed):
    dice = Random(seed)
    writes = written_to(api, 40, seed)
    crm = reading(detect=replace(TIME, ties=TIES))
    crm.poll()
    for _ in range(8):
        writes.left = 20
        crm.poll(kill_at=dice.randrange(1, 12))
        api.later(3600)
    told = at_quiet(crm, api, writes)

    assert crm.known() == dump(api)
    for kind in ("created", "deleted"):
        assert sorted(told.get(kind, [])) == sorted(set(told.get(kind, [])))
    assert not set(told.get("deleted", [])) & set(api.records)


@pytest.mark.parametrize("paging", [PAGES, OFFSETS], ids=["page", "offset"])
def test_an_instant_of_many_pages_is_read_whole_while_its_records_change(reading, api, paging):
    api.unit = 1_000_000
    ids = api.create(300)
    api.later(3600)
    dice = Random(3)

    def between(_request):
        with api.lock:
            there = [id_ for id_ in ids if id_ in api.records]
            for id_ in dice.sample(there, 3):
                if dice.random() < 0.5:
                    api.delete(id_)
                else:
                    api.update(id_, name="moved")
            api.later(0.1)

    api.between = between
    crm = reading(paging=paging, deletions=NO_DELETIONS)
    crm.poll()
    api.between = lambda _: None
    assert len(api.records) < 250
    quiet = [id_ for id_ in ids if id_ in api.records and api.records[id_]["name"] != "moved"]
    assert len(quiet) > 100
    assert set(quiet) <= set(crm.known())

    api.later(60)
    crm.poll()
    assert set(api.records) <= set(crm.known())


def test_an_instant_that_is_over_is_not_read_at_every_poll(reading, api):
    api.unit = 1_000_000
    api.create(300)
    api.later(30)
    crm = reading(deletions=NO_DELETIONS)
    crm.poll()
    api.asked.clear()
    crm.poll()
    assert len(api.asked) > 30, "what joins it may yet come"

    api.later(3600)
    crm.poll()
    api.asked.clear()
    crm.poll()
    assert len(api.asked) == 1


def test_what_joins_a_minute_that_is_being_read_is_found(reading, api):
    api.unit = 60_000_000
    api.later(30)
    ids = api.create(15)
    calls = []

    def between(_request):
        calls.append(1)
        if len(calls) in {6, 9}:
            ids.extend(api.create(5))
        api.later(20 if len(calls) == 12 else 0.2)

    api.between = between
    crm = reading(deletions=NO_DELETIONS)
    crm.poll()
    api.between = lambda _: None
    api.later(90)
    ids.extend(api.create(1))
    crm.poll(times=2)

    assert set(crm.known()) == set(ids)


def test_items_are_the_object_of_most_tests():
    assert (ITEMS.paging, ITEMS.detect, ITEMS.deletions) == (PAGES, TIME, ABSENCE)
