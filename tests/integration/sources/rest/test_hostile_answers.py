"""Whatever an API answers ends in an error that names the key: no hang, loss or leaked token."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from email.utils import formatdate

import pytest

from tests.integration.sources.rest.conftest import PAGES, dump, kinds
from webhookd.definitions import (
    NO_DELETIONS,
    ApiKey,
    RestDeletions,
    RestDetect,
    RestError,
    RestPaging,
)
from webhookd.model import Secret

COMPARED = {
    "detect": RestDetect(),
    "query": {"sort": "id"},
    "deletions": NO_DELETIONS,
    "modified": None,
}
CURSORS = RestPaging(
    by="cursor", limit=10, next="cursor", query={"cursor": "${cursor}", "limit": "${limit}"}
)
LINKS = RestPaging(by="link", limit=10, next="next", query={"limit": "${limit}"})
KEY = ApiKey("key", "query", Secret("s3cr3t-k3y"))
OK = b'{"data": [{"id": 1}]}'


@pytest.fixture
def failed(reading, api, logged):
    """Return what polls once by comparison, and returns why that failed."""

    def poll(answer, **changes):
        source = changes.pop("source", {})
        api.answer = answer
        crm = reading(source=source, **{**COMPARED, **changes})
        crm.poll()
        told = [one["error"] for one in logged if one["event"] == "source.poll_failed"]
        logged.clear()
        return told

    return poll


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"<html>Please log in</html>", "cannot be read: it is not JSON"),
        (b'{"data": [', "cannot be read"),
        (b"[" * 100_000, "cannot be read: it is nested absurdly deep"),
        (b'{"data": [{"id": 1}], "x": "' + b"x" * (33 << 20) + b'"}', "too long"),
        (b'"data"', "items.records: 'data' finds nothing in the answer, which is 'data'"),
        (b'{"data": {"id": 1}}', "'data' finds an object and no list"),
        (b'{"data": [1, 2, null]}', "items.id: no row has one; the first: it is not an object"),
        (b'{"error": "no"}', "whose keys are error"),
    ],
)
def test_what_is_no_list_fails_the_poll(failed, content, part):
    (error,) = failed(lambda _: (200, content))
    assert part in error


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"id": True}, "its id is True, neither text nor a number"),
        ({"id": None}, "its id is missing"),
        ({"id": 1.5}, "its id 1.5 is no whole number"),
        ({"id": " "}, "its id is empty"),
        ({"id": "a\nb"}, "its id is 'a\\nb'"),
        ({"id": "x" * 501}, "its id is over 500 characters"),
        ({"id": 2, "a": "x" * 1_100_000}, "it is over 1 MiB"),
        ({"id": 2, "a": json.loads("[" * 70 + "]" * 70)}, "nested more than 64 levels deep"),
    ],
)
def test_a_bad_row_costs_itself_alone(reading, api, logged, row, reason):
    api.answer = lambda _: (200, {"data": [{"id": 1, "n": 1.10}, row]})
    crm = reading(**COMPARED, paging=RestPaging())
    crm.poll()

    (told,) = [one for one in logged if one["event"] == "source.bad_rows"]
    assert reason in told["reason"]
    assert list(crm.known()) == ["1"]


@pytest.mark.parametrize(
    ("status", "headers", "least", "most"),
    [
        (429, {"Retry-After": "40"}, 40, 70),
        (429, {"Retry-After": formatdate(1_772_323_200 + 40, usegmt=True)}, 35, 70),
        (429, {"X-RateLimit-Reset": "40"}, 40, 70),
        (429, {"RateLimit-Reset": str(1_772_323_200 + 40)}, 35, 70),
        (429, {}, 10, 20),
        (503, {"Retry-After": "40"}, 40, 70),
    ],
)
def test_a_limit_is_kept(reading, api, logged, status, headers, least, most):
    api.answer = lambda _: (status, {"message": "slow down"}, headers)
    reading(**COMPARED).poll()

    pauses = [one["again_in"] for one in logged if one["event"] == "source.poll_failed"]
    assert pauses == [pytest.approx((least + most) / 2, abs=(most - least) / 2)] or (
        status == 429 and least == 10
    )


def test_a_wait_in_milliseconds_is_one_where_the_api_is_said_to_write_so(reading, api, logged):
    api.answer = lambda _request: (429, {}, {"Retry-After": "40000"})
    reading(source={"retry_after_unit": "milliseconds"}).poll()
    (told,) = [one for one in logged if one["event"] == "source.poll_failed"]
    assert 40 <= told["again_in"] <= 70


def test_a_limit_that_is_used_up_is_not_run_into(reading, api, logged):
    """The poll ends before the request that would be refused."""
    api.create(35)
    api.headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "40"}
    reading(**COMPARED).poll()
    (told,) = [one for one in logged if one["event"] == "source.poll_failed"]
    assert "the API asked for a pause" in told["error"]
    assert len(api.asked) == 1


@pytest.mark.parametrize("place", ["first", "behind"])
def test_an_error_that_says_200_fails_the_poll_and_deletes_nothing(reading, api, logged, place):
    api.create(35)
    api.later(60)
    crm = reading(**{**COMPARED, "deletions": RestDeletions("absence"), "ok": "!error"})
    crm.poll()
    number = "1" if place == "first" else "3"
    api.answer = lambda request: (
        (200, {"error": "overloaded", "data": []}) if request[2].get("page") == number else None
    )
    api.later(60)
    assert crm.poll(times=3, every=3600) == []
    told = [one["error"] for one in logged if one["event"] == "source.poll_failed"]
    assert set(told) == {"objects.items.ok: the API says that it went wrong: False"}
    assert len(crm.known()) == 35


@pytest.mark.parametrize("length", [3, 600])
def test_a_circle_of_pages_is_an_error(failed, length):
    def answer(request):
        number = int(request[2].get("cursor", 0))
        return 200, {"data": [{"id": f"r{number}"}], "cursor": str((number + 1) % length + 1)}

    assert failed(answer, paging=CURSORS) == ["objects.items.paging: the pages lead in a circle"]


def test_empty_pages_with_a_cursor_go_on_but_not_for_ever(failed, reading, api):
    def answer(request):
        number = int(request[2].get("cursor", 0))
        rows = [{"id": "last"}] if number == 5 else []
        return 200, {"data": rows, "cursor": None if number == 5 else str(number + 1)}

    crm = reading(**COMPARED, paging=CURSORS)
    api.answer = answer
    crm.poll()
    assert list(crm.known()) == ["last"]
    (error,) = failed(
        lambda request: (
            200,
            {"data": [], "cursor": str(int(request[2].get("cursor", 0)) + 1)},
        ),
        paging=replace(CURSORS, limit=11),
    )
    assert error == "objects.items.paging: 100 pages in a row have no row"


def test_a_cursor_that_dies_midway_is_begun_behind_what_was_read(reading, api, logged):
    for _ in range(35):
        api.create()
        api.later(1)
    api.later(60)
    api.answer = lambda request: (
        (400, {"message": "the cursor has expired"}) if request[2].get("cursor") == "20" else None
    )
    crm = reading(paging=CURSORS, deletions=NO_DELETIONS)
    crm.poll()
    assert [one["event"] for one in logged] == ["source.poll_failed"]
    assert len(crm.known()) == 20
    api.asked.clear()
    crm.poll()

    assert crm.known() == dump(api)
    assert "cursor" not in api.asked[0][2]
    assert api.asked[0][2]["since"] == "2026-03-01 00:00:19.000Z"


@pytest.mark.parametrize(
    "link", ["https://evil.example/api/items", "//evil.example/x", "http://127.0.0.1:1/api/items"]
)
def test_a_foreign_link_is_not_followed(failed, link):
    def answer(_):
        return 200, {"data": [{"id": 1}], "next": link}

    (error,) = failed(answer, paging=LINKS, source={"authentication": KEY})
    assert "objects.items.paging.next: the link is not followed: it leads to '" in error
    assert "s3cr3t" not in error


def test_a_link_keeps_no_secret(reading, api):
    def answer(request):
        assert request[2]["key"] == "s3cr3t-k3y"
        if "more" in request[2]:
            return 500, {}
        return 200, {"data": [{"id": 1}], "next": f"{api.url}/items?key=s3cr3t-k3y&more=1"}

    api.answer = answer
    crm = reading(**COMPARED, paging=LINKS, source={"authentication": KEY})
    crm.poll()
    assert crm.cursor()["listing"]["place"]["next"] == "/api/items?more=1"


@pytest.mark.parametrize("status", [204, 304])
def test_an_answer_without_content_is_an_empty_page(reading, api, logged, status):
    api.create(25)
    api.later(60)
    crm = reading(deletions=NO_DELETIONS)
    crm.poll()
    known = crm.known()
    api.answer = lambda _: (status, b"")
    crm.poll(times=2)

    assert [one for one in logged if one["event"] == "source.poll_failed"] == []
    assert crm.known() == known


def test_the_end_may_be_a_404_behind_the_last_page(reading, api, logged):
    api.create(20)
    api.later(60)
    api.answer = lambda request: (
        (404, {"detail": "Invalid page."}) if request[2].get("page") == "3" else None
    )
    crm = reading(**COMPARED, paging=PAGES)
    crm.poll()

    assert len(crm.known()) == 20
    assert not [one for one in logged if one["event"].startswith("source.")]


@pytest.mark.parametrize(
    ("rule", "event"),
    [
        (RestError("rest", status=400), "source.object_refused"),
        (RestError("stop", body="expired"), "source.unauthorized"),
        (RestError("pause", status=400, length=timedelta(minutes=15)), "source.poll_failed"),
        (RestError("empty", status=400, body="expired"), None),
    ],
)
def test_exceptions_to_what_answers_mean(reading, api, logged, rule, event):
    api.answer = lambda _: (400, {"message": "the session has expired"})
    reading(**COMPARED, source={"errors": (rule,)}).poll()

    told = [one for one in logged if one["event"].startswith("source.")]
    assert [one["event"] for one in told] == ([] if event is None else [event])
    if rule.then == "pause":
        assert told[0]["again_in"] >= 900


@pytest.mark.parametrize(
    ("answer", "event"),
    [
        ((401, {}), "source.unauthorized"),
        ((403, {"message": "no"}), "source.object_refused"),
        ((404, [1]), "source.object_refused"),
        ((403, b"<html>"), "source.poll_failed"),
        ((302, b"", {"Location": "https://evil.example/"}), "source.poll_failed"),
    ],
)
def test_refusals_concern_whom_they_concern(reading, api, logged, answer, event):
    api.answer = lambda _: answer
    reading(**COMPARED).poll()

    assert [one["event"] for one in logged if one["event"].startswith("source.")] == [event]


def test_numbers_stay_as_they_were_written(reading, api):
    row = b'{"id": 12345678901234567890123, "price": 1.10, "exp": 1e999999999999999999999}'
    api.answer = lambda _: (200, b'{"data": [' + row + b"]}")
    crm = reading(**COMPARED, paging=RestPaging(), properties={"p": "price", "e": "exp"})
    told = kinds(crm.poll())
    assert told == {}

    assert list(crm.known()) == ["12345678901234567890123"]


def test_by_link_everything_is_read(reading, api):
    api.create(35)
    api.later(60)
    crm = reading(**COMPARED, paging=LINKS)
    crm.poll()
    assert crm.known().keys() == dump(api).keys()
