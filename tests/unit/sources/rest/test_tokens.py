"""Changes by token: what changed since it, what is told of one that expired, and which counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from tests.delta_api import DeltaApi
from tests.rest_in_memory import InMemory
from webhookd.definitions import (
    RestDeletions,
    RestDetect,
    RestError,
    RestObject,
    RestOne,
    RestPaging,
)
from webhookd.telemetry import logs

CURSORS = RestPaging(
    by="cursor", next="cursor", limit=10, query={"cursor": "${cursor}", "limit": "${limit}"}
)
TOKEN = RestDetect(by="token", next="delta", token_of="first_page", query={"token": "${token}"})
ITEMS = RestObject(
    "items",
    records="data",
    paging=CURSORS,
    modified="updated",
    created="created",
    deleted="gone",
    detect=TOKEN,
    one=RestOne("items/${id}", record="data"),
    deletions=RestDeletions("flag"),
)
LINKED = {
    "paging": RestPaging(by="link", next="next", limit=10, query={"limit": "${limit}"}),
    "detect": RestDetect(by="token", next="delta_link", is_link=True),
}


@pytest.fixture
def api():
    return DeltaApi()


@pytest.fixture
def logged():
    logs.configure("console", "WARNING")
    with capture_logs() as lines:
        yield lines


@pytest.fixture
def crm(api):
    """Return what makes a reading of an object that differs from `ITEMS` so, after a first poll."""

    def make(count=35, **changes):
        api.create(count)
        api.later(60)
        made = InMemory(api, replace(ITEMS, **changes))
        assert made.poll(), made.error
        assert made.told == []
        api.asked.clear()
        return made

    return make


def shown(api):
    return {id_: api.shown(one) for id_, one in api.records.items()}


def change(api):
    """Change records: two are made, some updated, one deleted, one made and deleted."""
    api.later(60)
    made = api.create(3)
    api.update("r0000003", "r0000030", name="moved")
    api.delete("r0000007", made[2])
    return {"created": made[:2], "updated": ["r0000003", "r0000030"], "deleted": ["r0000007"]}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"detect": replace(TOKEN, next=None, next_header="X-Delta")},
        LINKED,
    ],
    ids=["in the answer", "header", "link"],
)
def test_what_changed_since_the_token_is_told_once(crm, api, changes):
    api.answer = unquoted
    reading = crm(**changes)
    assert reading.there == shown(api)
    expected = change(api)
    assert reading.poll(), reading.error
    assert len(api.asked) == 1
    assert {kind: reading.changes(kind) for kind in expected} == expected
    assert reading.there == shown(api)

    told = list(reading.told)
    assert reading.poll()
    assert reading.told == told


def unquoted(request):
    """Take the quotes off a token that came in a header."""
    query = request[2]
    if "token" in query:
        query["token"] = query["token"].strip('"')


def test_a_list_of_changes_of_many_pages_is_read_whole_however_often_it_is_broken_off(crm, api):
    reading = crm()
    api.update(*list(api.records)[:33], name="moved")
    for kill_at in (1, 1, 2, 1):
        reading.poll(kill_at)
    assert reading.poll()
    assert reading.there == shown(api)
    assert len(reading.changes("updated")) == 33
    assert len(set(reading.changes("updated"))) == 33


def delete_between_pages(api):
    """Delete one of the first page's records after that was read."""

    def between(request):
        if "cursor" in request[2] and "r0000003" in api.records:
            api.delete("r0000003")

    api.between = between


def test_the_first_pages_token_tells_what_went_while_the_list_was_read(api):
    delete_between_pages(api)
    api.create(35)
    reading = InMemory(api, ITEMS)
    reading.poll()
    reading.poll()
    assert reading.changes("deleted") == ["r0000003"]


def test_the_last_pages_token_of_such_an_api_loses_it(api):
    """Why `token_of` is a key: this API's tokens stand for the time of their own answer."""
    delete_between_pages(api)
    api.create(35)
    reading = InMemory(api, replace(ITEMS, detect=replace(TOKEN, token_of="last_page")))
    reading.poll()
    reading.poll()
    assert reading.changes("deleted") == []
    assert "r0000003" in reading.there


@pytest.mark.parametrize("changes", [{"detect": replace(TOKEN, token_of="last_page")}, LINKED])
def test_a_token_that_only_the_last_page_has_is_found_there(crm, api, changes):
    api.is_on_last = True
    reading = crm(**changes)
    expected = change(api)
    assert reading.poll(), reading.error
    assert {kind: reading.changes(kind) for kind in expected} == expected


def test_tombstones_may_have_their_id_elsewhere(crm, api):
    api.deleted_key = "uid"
    reading = crm(detect=replace(TOKEN, deleted_id="uid"))
    api.delete("r0000001")
    reading.poll()
    assert reading.changes("deleted") == ["r0000001"]


@pytest.mark.parametrize("one", [ITEMS.one, None], ids=["by one", "twice"])
@pytest.mark.parametrize("is_rule", [False, True], ids=["status", "errors"])
def test_after_a_token_that_expired_all_of_the_gap_arrives(api, logged, one, is_rule):
    api.create(35)
    api.later(60)
    if is_rule:
        api.refusal = (400, {"error": "the delta token is too old"})
    rules = (RestError("restart", status=400, body="delta token"),) if is_rule else ()
    reading = InMemory(api, replace(ITEMS, one=one), errors=rules)
    reading.poll()
    reading.poll()
    api.later(60)
    api.delete("r0000001", "r0000011", "r0000022")
    api.update("r0000005", "r0000015", name="moved")
    made = api.create(1)
    api.later(60)
    api.oldest = api.version + 1
    api.version += 5
    assert reading.poll(), reading.error
    assert [one["event"] for one in logged if one["log_level"] == "warning"] == [
        "source.token_expired"
    ]
    assert reading.changes("updated") == ["r0000005", "r0000015"]
    assert reading.changes("created") == made
    if one is None:
        reading.poll()
    assert sorted(reading.changes("deleted")) == ["r0000001", "r0000011", "r0000022"]
    assert reading.there == shown(api)

    api.asked.clear()
    told = list(reading.told)
    assert reading.poll()
    assert len(api.asked) == 1
    assert reading.told == told


def test_a_record_that_the_list_skipped_is_not_deleted_after_an_expiry(crm, api):
    reading = crm()
    api.oldest = api.version + 1
    api.version += 1
    whole = api.page

    def page(query, token):
        answer = whole(query, token)
        if token is None:
            answer["data"] = [one for one in answer["data"] if one["id"] != "r0000005"]
        return answer

    api.page = page
    reading.poll()
    assert reading.told == []


def test_most_of_the_records_missing_after_an_expiry_is_set_aside_until_it_is_accepted(
    crm, api, logged
):
    reading = crm()
    api.delete(*list(api.records)[:30])
    api.oldest = api.version
    api.version += 1
    reading.poll()
    reading.poll()
    assert [one["event"] for one in logged].count("source.absence_set_aside") == 1
    assert reading.told == []

    reading.accept(reading.cursor["set_aside"]["number"])
    reading.poll()
    assert len(reading.changes("deleted")) == 30


@pytest.mark.parametrize("detect", [TOKEN, RestDetect()], ids=["token", "comparison"])
def test_what_was_accepted_is_deleted_without_a_second_question_where_it_must_miss_twice(
    api, logged, detect
):
    api.create(20)
    deletions = RestDeletions("flag" if detect is TOKEN else "absence")
    reading = InMemory(api, replace(ITEMS, one=None, detect=detect, deletions=deletions))
    reading.poll()
    api.delete(*api.records)
    api.oldest = api.version = api.version + 1
    api.later(60)
    reading.poll()
    reading.accept(reading.cursor["set_aside"]["number"])
    reading.poll()
    reading.poll()
    assert len(reading.changes("deleted")) == 20
    assert [one["event"] for one in logged].count("source.absence_set_aside") == 1


def test_a_kill_behind_the_first_read_leaves_no_deletion_untold_when_the_token_expires(api):
    api.create(15)
    api.later(60)
    reading = InMemory(api, ITEMS)
    assert not reading.poll(kill_at=3)
    assert reading.cursor["is_first"]
    api.delete("r0000001")
    api.oldest = api.version = api.version + 1
    api.later(60)
    assert reading.poll()
    assert reading.changes("deleted") == ["r0000001"]


def test_a_first_read_that_is_begun_anew_tells_what_went_since_it_was_broken_off(api):
    api.create(15)
    api.answer = lambda request: (400, {}) if "cursor" in request[2] else None
    reading = InMemory(api, ITEMS)
    assert not reading.poll()
    api.answer = lambda _: None
    api.delete("r0000001")
    api.later(60)
    assert reading.poll()
    assert reading.poll()
    assert reading.there == shown(api)


def test_what_no_answer_tells_of_is_asked_for_again_after_the_time_between_passes(crm, api):
    reading = crm()
    api.delete("r0000001")
    api.oldest = api.version
    api.version += 1
    api.answer = lambda request: (500, {}) if request[1].endswith("r0000001") else None
    reading.poll()
    api.answer = lambda _: None
    api.later(60)
    reading.poll()
    assert reading.told == []
    api.later(3600)
    reading.poll()
    assert reading.changes("deleted") == ["r0000001"]


@pytest.mark.parametrize(
    ("detect", "error"),
    [
        ({"next": "dleta"}, "items.detect.next: 'dleta' finds nothing in the answer, whose keys"),
        (
            {"next": None, "next_header": "ETag"},
            "items.detect.next_header: the answer has no header 'ETag'",
        ),
        ({"next": "data"}, "items.detect.next: it finds a list, which leads nowhere"),
        (
            {"next": "delta_link", "is_link": True},
            "items.detect.next: the link is not followed: it leads to 'elsewhere.example",
        ),
    ],
)
@pytest.mark.parametrize("token_of", ["first_page", "last_page"])
def test_a_token_that_is_not_there_is_an_error_with_its_key(api, detect, error, token_of):
    api.links_to = "https://elsewhere.example.com"
    api.create(35)
    detect = replace(TOKEN, **detect, token_of=token_of)
    reading = InMemory(api, replace(ITEMS, detect=detect, paging=CURSORS))
    assert not reading.poll()
    assert error in reading.error


@pytest.mark.parametrize("changes", [{}, LINKED])
def test_a_token_that_is_ignored_is_an_error(api, changes):
    api.ignored.add("token")
    for _ in range(35):
        api.create()
        api.later(1)
    reading = InMemory(api, replace(ITEMS, **changes))
    assert not reading.poll()
    assert "detect: the token is ignored: what changed since it is the first page" in reading.error


def test_an_object_that_is_defined_otherwise_tells_what_went_meanwhile(crm, api):
    reading = crm()
    api.delete("r0000002")
    api.update("r0000003", name="moved")
    api.later(60)
    reading.read = replace(ITEMS, properties=("name", "updated"))
    reading.poll()
    assert reading.changes("deleted") == ["r0000002"]
    assert reading.changes("updated") == ["r0000003"]


def test_passes_over_the_whole_list_go_on_beside_the_token(crm, api):
    reading = crm(deletions=RestDeletions("absence"))
    reading.poll()
    del api.records["r0000004"]
    api.later(3700)
    reading.poll()
    assert reading.changes("deleted") == ["r0000004"]
