"""A list that has not changed is not read; nothing that is open is left lying for that."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fake_api import EPOCH, FakeApi
from tests.rest_in_memory import InMemory
from webhookd.definitions import NO_DELETIONS, RestDeletions, RestDetect, RestObject, RestPaging

PAGES = RestPaging(by="page", limit=10, query={"page": "${page}", "limit": "${limit}"})
ITEMS = RestObject(
    "items",
    records="data",
    query={"sort": "id"},
    paging=PAGES,
    detect=RestDetect(conditional="etag"),
    deletions=RestDeletions("absence"),
)
BY_TIME = RestDetect(
    by="time",
    order="modified",
    query={"since": "${since}", "sort": "updated,id"},
    conditional="etag",
)


class ConditionalApi(FakeApi):
    """Its ETag is one of the whole list, or of the page alone where it *is_of_page*."""

    def __init__(self):
        super().__init__()
        self.is_of_page = False
        self.bodies = 0
        self.modified = self.now
        self.fixed = None

    def later(self, seconds=1.0):
        super().later(seconds)
        state = json.dumps(self.records, sort_keys=True)
        if state != getattr(self, "state", None):
            self.state, self.modified = state, self.now

    def reply(self, request):
        status, told = super().reply(request)[:2]
        if request[1] != "/api/items":
            return status, told
        whole = told if self.is_of_page else self.records
        etag = self.fixed or f'"{hashlib.sha256(json.dumps(whole).encode()).hexdigest()[:9]}"'
        changed = format_datetime(
            EPOCH.fromtimestamp(self.modified // 1_000_000, EPOCH.tzinfo), usegmt=True
        )
        headers = {"ETag": etag, "Last-Modified": changed}
        asked = request[3]
        if asked.get("If-None-Match") == etag or asked.get("If-Modified-Since") == changed:
            return 304, b"", headers
        self.bodies += 1
        return 200, told, headers


@pytest.fixture
def api():
    return ConditionalApi()


def polls(reading, api, times=1, seconds=60):
    """Poll so many times, and return how many answers had a body."""
    before = api.bodies
    for _ in range(times):
        api.later(seconds)
        assert reading.poll(), reading.error
    return api.bodies - before


@pytest.mark.parametrize("kind", ["etag", "last_modified"])
def test_what_has_not_changed_is_not_read(api, kind):
    api.create(35)
    api.later(60)
    reading = InMemory(api, replace(ITEMS, detect=RestDetect(conditional=kind)))
    assert polls(reading, api) == 5
    assert polls(reading, api, times=5) == 0
    made = api.create(1)
    api.update("r0000034", name="moved")
    assert polls(reading, api) > 0
    assert reading.changes("created") == made
    assert reading.changes("updated") == ["r0000034"]


def test_an_etag_of_a_page_alone_leaves_nothing_unread(api):
    api.is_of_page = True
    api.create(35)
    reading = InMemory(api, ITEMS)
    polls(reading, api, times=2)
    api.update("r0000034", name="moved")
    polls(reading, api)
    assert reading.changes("updated") == ["r0000034"]


def test_one_page_has_an_etag_of_its_own(api):
    api.is_of_page = True
    api.create(5)
    reading = InMemory(api, replace(ITEMS, paging=replace(PAGES, by="none", query={})))
    polls(reading, api)
    assert polls(reading, api, times=3) == 0


def test_no_condition_is_sent_while_an_absence_is_open(api):
    api.create(5)
    reading = InMemory(api, ITEMS)
    polls(reading, api, times=2)
    api.delete("r0000003")
    polls(reading, api)
    assert reading.changes("deleted") == []
    assert polls(reading, api) > 0
    assert reading.changes("deleted") == ["r0000003"]
    assert polls(reading, api, times=2) == 0


def test_no_condition_is_sent_while_an_absence_is_set_aside(api):
    api.create(30)
    reading = InMemory(api, ITEMS)
    polls(reading, api, times=2)
    api.delete(*list(api.records)[:20])
    assert polls(reading, api, times=3) > 5
    reading.accept(reading.cursor["set_aside"]["number"])
    polls(reading, api, times=3)
    assert len(reading.changes("deleted")) == 20


def test_an_api_whose_etag_never_changes_is_read_every_hour(api):
    api.fixed = '"always"'
    api.create(5)
    reading = InMemory(api, ITEMS)
    polls(reading, api)
    api.update("r0000001", name="moved")
    assert polls(reading, api, times=58) == 0
    polls(reading, api, times=2)
    assert reading.changes("updated") == ["r0000001"]


def test_a_time_within_the_second_is_no_condition(api):
    """What is modified twice in one second has one Last-Modified."""
    api.create(5)
    reading = InMemory(api, replace(ITEMS, detect=RestDetect(conditional="last_modified")))
    polls(reading, api, seconds=0.2)
    api.records["r0000001"]["name"] = "moved"
    api.later(0.2)
    api.modified -= api.modified % 1_000_000
    polls(reading, api, seconds=0)
    assert reading.changes("updated") == ["r0000001"]


def test_an_object_that_is_defined_otherwise_is_read(api):
    api.create(5)
    reading = InMemory(api, ITEMS)
    polls(reading, api, times=2)
    reading.read = replace(ITEMS, properties=("name",))
    assert polls(reading, api) > 0


def test_a_list_by_time_is_not_sent_again_either(api):
    api.create(5)
    reading = InMemory(
        api, replace(ITEMS, detect=BY_TIME, modified="updated", deletions=NO_DELETIONS)
    )
    polls(reading, api, times=3)
    assert polls(reading, api, times=5) == 0
    made = api.create(1)
    assert polls(reading, api) > 0
    assert reading.changes("created") == made


@given(
    script=st.lists(st.lists(st.tuples(st.sampled_from("ucd"), st.integers(0, 99)), max_size=2)),
    detect=st.sampled_from([ITEMS.detect, RestDetect(conditional="last_modified"), BY_TIME]),
    is_of_page=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_whatever_changes_between_requests_is_found(script, detect, is_of_page):
    api = ConditionalApi()
    api.is_of_page = is_of_page
    api.create(12)
    writes = iter(script)

    def between(_request):
        for what, number in next(writes, ()):
            ids = sorted(api.records)
            match what:
                case "c":
                    api.create(1)
                case "u" if ids:
                    api.update(ids[number % len(ids)], name=f"u{number}")
                case "d" if len(ids) > 6:
                    api.delete(ids[number % len(ids)])
            api.later(0.3)

    api.between = between
    reading = InMemory(api, replace(ITEMS, detect=detect, modified="updated"))
    for _ in range(6):
        api.later(20)
        reading.poll()
    api.between = lambda _: None
    for _ in range(3):
        api.later(3700 if detect is BY_TIME else 60)
        reading.poll()
    assert reading.there == {id_: api.shown(one) for id_, one in api.records.items()}
