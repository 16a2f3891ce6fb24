"""A definition that an API does not live up to is refused, with the key and what was seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.integration.sources.rest.conftest import PAGES, TIME, dump, kinds
from webhookd.definitions import NO_DELETIONS, RestDetect, RestPaging

COMPARED = {"detect": RestDetect(), "query": {"sort": "id"}}


@pytest.fixture
def error(reading, api, logged):
    """Return what makes a poll of thirty records, and returns why it failed."""

    def poll(**changes):
        for _ in range(30):
            api.create()
            api.later(7.3)
        api.later(600)
        reading(**changes).poll()
        return [one["error"] for one in logged if one["event"] == "source.poll_failed"]

    return poll


def test_a_filter_that_is_ignored(error, api):
    api.ignored.add("since")

    assert error() == [
        "objects.items.detect: the filter is ignored: 10 records are older than asked for"
    ]


def test_a_filter_in_another_form(error):
    (found,) = error(detect=replace(TIME, time_format="rfc3339"))

    assert found.startswith("objects.items.detect: the filter finds nothing since '2026-03-01T00:")
    assert found.endswith(": see format and inclusive")


def test_a_strict_filter_that_is_said_to_be_inclusive(error, api):
    api.is_strict = True

    (found,) = error()
    assert "finds nothing since '2026-03-01 00:01:05.700Z'" in found


def test_an_order_that_is_none(error):
    (found,) = error(detect=replace(TIME, query={"since": "${since}", "sort": "-updated"}))

    assert found.startswith("objects.items.detect: the list is not sorted: 2026-03-01 00:")


@pytest.mark.parametrize("changes", [{}, COMPARED])
def test_a_limit_that_is_cut(error, api, changes):
    api.at_most = 12
    paging = replace(PAGES, limit=25)

    assert error(paging=paging, **changes) == [
        "objects.items.paging: the API gives at most 12 rows a page, but limit is 25"
    ]


def test_a_page_that_is_ignored(error, api):
    api.ignored.add("page")

    assert error(**COMPARED) == ["objects.items.paging: page 2 is page 1 again: is ${page} read?"]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        (
            {"records": "date"},
            "items.records: 'date' finds nothing in the answer, whose keys are",
        ),
        ({"records": "total"}, "finds '30' and no list in the answer"),
        ({"id": "key"}, "objects.items.id: no row has one; the first: its id is missing"),
        ({"ok": "!total"}, "objects.items.ok: the API says that it went wrong"),
        (
            {"paging": replace(PAGES, more="sum(data)")},
            "paging.more: 'sum(data)' breaks: sum()",
        ),
    ],
)
def test_expressions_that_find_nothing(error, changes, part):
    (found,) = error(**changes)

    assert part in found


def test_pages_that_nobody_reads_are_warned_of(reading, api, logged):
    api.create(30)
    api.later(600)
    reading(paging=RestPaging(limit=10, query={"limit": "${limit}"}), **COMPARED).poll()

    (told,) = [one for one in logged if one["event"] == "source.more_unread"]
    assert (told["rows"], told["is_full"], told["sign"]) == (10, True, "next")


@pytest.mark.parametrize("is_strict", [True, False])
@pytest.mark.parametrize("unit", [1000, 1_000_000])
def test_equal_coarse_and_strict_times_lose_nothing(reading, api, is_strict, unit):
    api.unit, api.is_strict = unit, is_strict
    ids = api.create(43)
    api.later(0.7)
    ids += api.create(5)
    api.later(60)
    crm = reading(detect=replace(TIME, inclusive=not is_strict))
    assert crm.poll() == []
    assert crm.known() == dump(api)
    for _ in range(3):
        api.later(0.4)
        api.update(*ids[:17], name=str(api.now))
        crm.poll()
        assert crm.known() == dump(api)
    assert kinds(crm.poll()).get("deleted") is None


def test_three_thousand_in_one_second_are_read_inside_it_and_an_idle_poll_is_one_request(
    reading, api
):
    api.unit = 1_000_000
    api.create(3000)
    api.later(1)
    for _ in range(3):
        api.create(100)
        api.later(1)
    api.later(60)
    crm = reading(paging=replace(PAGES, limit=200), deletions=NO_DELETIONS)
    crm.poll()
    assert len(crm.known()) == 3300
    assert len(api.asked) <= 25
    api.asked.clear()
    crm.poll()
    assert len(api.asked) == 1
