"""A real Kinto is read: by its tokens, with tombstones, and by its strict filter on times."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import pytest

from tests import kinto
from tests.fake_api import START
from tests.integration.sources.rest.conftest import Reading, kinds
from webhookd.definitions import (
    NO_DELETIONS,
    RestDeletions,
    RestDetect,
    RestObject,
    RestOne,
    RestPaging,
)
from webhookd.sources.rest.answers.meaning import Meaning
from webhookd.sources.rest.asking.list_pages import ListReader

pytestmark = pytest.mark.skipif(kinto.binary() is None, reason="Kinto is not installed")

PATH = kinto.RECORDS.lstrip("/")
PAGES = RestPaging(by="link", header="Next-Page", limit=50, query={"_limit": "${limit}"})
TOKEN = RestDetect(
    by="token", next_header="ETag", token_of="first_page", query={"_since": "${token}"}
)
PERSONS = RestObject(
    "persons",
    path=PATH,
    records="data",
    paging=PAGES,
    modified="last_modified",
    deleted="deleted",
    one=RestOne(f"{PATH}/${{id}}", record="data"),
    detect=TOKEN,
    deletions=RestDeletions("flag"),
)
IDS = [f"p{n:04}" for n in range(300)]


class _Served:
    """Kinto as a reading takes it: its URL, and the time."""

    def __init__(self, url):
        self.url = url

    @property
    def now(self):
        return START + int((datetime.now(UTC).timestamp() - START / 1e6) * 1e6)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    with kinto.running(tmp_path_factory.mktemp("kinto")) as running:
        yield running


@pytest.fixture
def crm(base, tmp_path, logged):
    numbers = count()

    def make(**changes):
        base.anew()
        url = f"sqlite:///{tmp_path / str(next(numbers))}.db"
        return Reading(_Served(base.url), url, replace(PERSONS, **changes))

    return make


@pytest.fixture
def counted(monkeypatch):
    """Return the statuses of answers, as they come."""
    statuses = []

    class Counting(Meaning):
        def __call__(self, received, hide):
            statuses.append(received.status)
            return super().__call__(received, hide)

    monkeypatch.setattr("webhookd.sources.rest.rest_factory.Meaning", Counting)
    return statuses


def deleting_while_it_is_read(base, reading, monkeypatch):
    """Delete some records behind the first page of the first read; return their ids."""
    gone = IDS[290:295]
    page, calls = ListReader.page, []

    async def deleting(self, *given, **more):
        calls.append(1)
        if len(calls) == 2:
            base.delete(gone)
        return await page(self, *given, **more)

    monkeypatch.setattr(ListReader, "page", deleting)
    reading.poll()
    return gone


def test_tombstones_and_changes_arrive_once(base, crm):
    reading = crm()
    base.create(IDS)
    time.sleep(1.1)
    assert reading.poll() == []
    assert reading.known() == base.dump()

    base.update(IDS[10:80], "moved")
    base.delete(IDS[100:110])
    base.create(["new1", "new2"])
    base.delete(["new2"])
    told = kinds(reading.poll())
    assert {kind: sorted(ids) for kind, ids in told.items()} == {
        "updated": IDS[10:80],
        "deleted": IDS[100:110],
        "created": ["new1"],
    }
    assert reading.known() == base.dump()
    assert kinds(reading.poll(times=2)) == told


def test_the_first_pages_token_loses_nothing_and_the_last_pages_does(base, crm, monkeypatch):
    """Kinto's ETag stands for the time of its own page."""
    lost = {}
    for token_of in ("first_page", "last_page"):
        reading = crm(detect=replace(TOKEN, token_of=token_of))
        base.create(IDS)
        gone = deleting_while_it_is_read(base, reading, monkeypatch)
        monkeypatch.undo()
        told = kinds(reading.poll(times=2))
        lost[token_of] = set(gone) - set(told.get("deleted", []))
    assert lost == {"first_page": set(), "last_page": set(gone)}


def test_writes_while_it_is_read_are_all_told_at_quiet(base, crm):
    reading = crm()
    base.create(IDS)
    dice, gone = random.Random(5), set()

    def write():
        there = list(IDS)
        for n in range(60):
            match dice.randrange(4):
                case 0:
                    id_ = there.pop(dice.randrange(len(there)))
                    base.delete([id_])
                    gone.add(id_)
                case 1:
                    base.create([f"made{n}"])
                case _:
                    base.update([dice.choice(there)], f"u{n}")

    writes = threading.Thread(target=write, daemon=True)
    writes.start()
    while writes.is_alive():
        reading.poll()
    writes.join()
    told = kinds(reading.poll(times=2))

    assert reading.known() == base.dump()
    assert set(told.get("deleted", [])) <= gone
    assert not set(told.get("deleted", [])) & set(base.dump())


@pytest.mark.parametrize("order", ["none", "modified"])
def test_a_strict_filter_on_milliseconds(base, crm, order):
    detect = RestDetect(
        by="time",
        order=order,
        inclusive=False,
        time_format="epoch_ms",
        query={"gt_last_modified": "${since}", "_sort": "last_modified"},
    )
    reading = crm(detect=detect, deleted=None, deletions=NO_DELETIONS)
    base.create(IDS)
    time.sleep(1.1)
    assert reading.poll() == []
    assert reading.known() == base.dump()

    base.update(IDS[10:80], "moved")
    time.sleep(1.1)
    assert sorted(kinds(reading.poll())["updated"]) == IDS[10:80]
    assert reading.known() == base.dump()


def test_a_list_that_has_not_changed_is_compared_without_a_body(base, crm, counted):
    reading = crm(
        detect=RestDetect(conditional="etag"),
        paging=replace(PAGES, limit=None, query={}),
        deleted=None,
        one=None,
        deletions=RestDeletions("absence"),
    )
    base.create(IDS[:50])
    time.sleep(1.1)
    assert reading.poll() == []
    counted.clear()
    assert reading.poll(times=3, every=0.1) == []
    assert counted == [304, 304, 304]

    base.delete(IDS[:1])
    base.update(IDS[1:2], "moved")
    counted.clear()
    told = kinds(reading.poll(times=2, every=0.1))
    assert told == {"updated": IDS[1:2], "deleted": IDS[:1]}
    assert counted == [200, 200], "an absence is open after the first"
    counted.clear()
    reading.poll(times=2, every=0.1)
    assert counted == [304, 304]


def test_that_filter_said_to_be_inclusive_is_refused(base, crm, logged):
    detect = RestDetect(by="time", time_format="epoch_ms", query={"gt_last_modified": "${since}"})
    reading = crm(detect=detect, deleted=None, deletions=NO_DELETIONS)
    base.create(IDS[:1])
    reading.poll()
    (error,) = [one["error"] for one in logged if one["event"] == "source.poll_failed"]
    assert "the filter finds nothing since" in error


def test_a_token_in_the_wrong_place_is_told(base, crm, logged):
    reading = crm(detect=replace(TOKEN, next_header="X-Token"))
    base.create(IDS[:1])
    reading.poll()
    (error,) = [one["error"] for one in logged if one["event"] == "source.poll_failed"]
    assert error == "objects.persons.detect.next_header: the answer has no header 'X-Token'"
