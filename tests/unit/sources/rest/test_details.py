"""Lists of little more than ids: each row that changed is read again by itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.delta_api import DeltaApi
from tests.fake_api import FakeApi
from tests.rest_in_memory import NEVER, InMemory
from webhookd.definitions import (
    NO_DELETIONS,
    RestDeletions,
    RestDetect,
    RestObject,
    RestOne,
    RestPaging,
)
from webhookd.telemetry import logs

PAGES = RestPaging(by="page", limit=10, query={"page": "${page}", "limit": "${limit}"})
CURSORS = RestPaging(
    by="cursor", next="cursor", limit=10, query={"cursor": "${cursor}", "limit": "${limit}"}
)
TIME = RestDetect(by="time", order="modified", query={"since": "${since}", "sort": "updated,id"})
TOKEN = RestDetect(by="token", next="delta", token_of="first_page", query={"token": "${token}"})
ITEMS = RestObject(
    "items",
    records="data",
    paging=PAGES,
    modified="updated",
    created="created",
    deleted="gone",
    one=RestOne("items/${id}", record="data"),
    detail=True,
    detect=TIME,
    deletions=RestDeletions("absence"),
)
WAYS = {
    "time": (FakeApi, {}),
    "comparison": (FakeApi, {"detect": RestDetect(), "query": {"sort": "id"}}),
    "token": (DeltaApi, {"detect": TOKEN, "paging": CURSORS}),
}


def bare(api):
    """Let the list of *api* have ids and times alone."""
    reply = api.reply

    def only_ids(request):
        status, told, *more = reply(request)
        if request[1] == "/api/items" and status == 200:
            kept = ("id", "updated", "gone")
            told["data"] = [{k: v for k, v in row.items() if k in kept} for row in told["data"]]
        return status, told, *more

    api.reply = only_ids
    return api


def read_alone(api):
    """Return how often each record was asked for since this was asked last."""
    found = Counter(path.rpartition("/")[2] for _, path, *_ in api.asked if path != "/api/items")
    api.asked.clear()
    return found


def shown(api):
    return {id_: api.shown(one) for id_, one in api.records.items()}


@pytest.fixture(params=WAYS)
def crm(request):
    """Return a reading of thirty records, after its first poll."""
    kind, changes = WAYS[request.param]
    api = bare(kind())
    api.unit = 1_000_000
    for _ in range(30):
        api.create()
        api.later(1)
    api.later(600)
    reading = InMemory(api, replace(ITEMS, **changes))
    assert reading.poll(), reading.error
    alone = read_alone(api)
    # The last row of a page by time is the first one of the next page, too.
    assert set(alone) == set(api.records)
    assert alone.total() <= 33
    assert reading.there == shown(api)
    assert reading.told == []
    return reading


@pytest.fixture
def logged():
    logs.configure("console", "WARNING")
    with capture_logs() as lines:
        yield lines


def test_what_changed_is_read_by_itself_and_nothing_else(crm):
    api = crm.api
    api.later(60)
    assert crm.poll()
    assert not read_alone(api)

    api.update("r0000003", name="moved")
    made = api.create(1)
    api.later(600)
    crm.poll()
    assert read_alone(api) == Counter(["r0000003", *made])
    assert crm.changes("updated") == ["r0000003"]
    assert crm.changes("created") == made
    assert crm.there == shown(api)
    api.later(600)
    crm.poll()
    read_alone(api)
    api.later(600)
    crm.poll()
    assert not read_alone(api)


def test_what_changes_twice_in_one_second_is_found(crm):
    api = crm.api
    api.update("r0000003", name="moved")
    crm.poll()
    api.later(0.2)
    api.update("r0000003", name="moved again")
    for _ in range(3):
        api.later(60)
        crm.poll()
    assert crm.there == shown(api)


def test_a_record_that_is_gone_by_then_is_deleted(crm):
    api = crm.api
    api.later(60)
    api.update("r0000003", "r0000004", name="moved")

    def between(request):
        if request[1].endswith("r0000003") and "r0000003" in api.records:
            api.delete("r0000003")

    api.between = between
    crm.poll()
    assert crm.changes("deleted") == ["r0000003"]
    assert crm.changes("updated") == ["r0000004"]


def test_where_deletions_are_not_looked_for_it_is_left_out():
    api = bare(FakeApi())
    api.create(3)
    api.answer = lambda request: (404, {}) if request[1].endswith("r0000002") else None
    reading = InMemory(api, replace(ITEMS, deleted=None, deletions=NO_DELETIONS))
    assert reading.poll()
    assert sorted(reading.known) == ["r0000001", "r0000003"]


def test_a_record_that_is_refused_is_a_bad_row_and_others_are_read_on(crm, logged):
    api = crm.api
    api.later(60)
    api.update("r0000003", "r0000004", "r0000005", name="moved")
    api.answer = lambda request: (
        (400, {"message": "no"}) if request[1].endswith("r0000004") else None
    )
    assert crm.poll(), crm.error
    assert crm.changes("updated") == ["r0000003", "r0000005"]
    (told,) = [one for one in logged if one["event"] == "source.bad_rows"]
    assert told["record_ids"] == ["r0000004"]


@pytest.mark.parametrize("status", [400, 403, 500])
def test_where_none_can_be_read_the_poll_has_failed_and_all_is_read_later(crm, status):
    api = crm.api
    api.later(60)
    api.update("r0000003", "r0000004", name="moved")
    api.answer = lambda request: (status, {"message": "no"}) if request[1] != "/api/items" else None
    assert not crm.poll()
    api.answer = lambda _: None
    assert crm.poll()
    assert crm.changes("updated") == ["r0000003", "r0000004"]


def test_an_object_that_is_defined_otherwise_is_read_by_itself_once_more(crm):
    api = crm.api
    api.later(600)
    crm.poll()
    read_alone(api)
    crm.read = replace(crm.read, properties=("name", "updated"))
    crm.poll()
    assert set(read_alone(api)) == set(api.records)


WRITES = st.lists(st.tuples(st.sampled_from("uuucd"), st.integers(0, 99)), max_size=2)


@given(
    way=st.sampled_from(sorted(WAYS)),
    unit=st.sampled_from([1000, 1_000_000, 60_000_000]),
    scripts=st.lists(
        st.tuples(st.lists(WRITES, max_size=20), st.sampled_from([NEVER, 1, 3])), max_size=4
    ),
)
@settings(max_examples=50, deadline=None)
def test_whatever_changes_between_requests_is_found(way, unit, scripts):
    kind, changes = WAYS[way]
    api = bare(kind())
    api.unit = unit
    api.create(12)
    reading = InMemory(api, replace(ITEMS, **changes))
    for script, kill_at in scripts:
        writes = iter(script)

        def between(_request, writes=writes):
            for what, number in next(writes, ()):
                ids = sorted(api.records)
                match what:
                    case "c":
                        api.create(1)
                    case "u":
                        api.update(ids[number % len(ids)], name=f"u{number}{api.now}")
                    case "d" if len(ids) > 6:
                        api.delete(ids[number % len(ids)])
                api.later(0.3)

        api.between = between
        api.later(20)
        reading.poll(kill_at)
    api.between = lambda _: None
    for _ in range(3):
        api.later(3700)
        assert reading.poll(), reading.error
    assert reading.there == shown(api)
