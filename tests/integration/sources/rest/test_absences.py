"""What a whole list lacks is doubted before it is deleted."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from typer.testing import CliRunner

from tests.integration.sources.rest.conftest import ABSENCE, PAGES, dump, kinds
from webhookd.cli.app import app
from webhookd.definitions import RestDeletions, RestDetect, RestPaging

COMPARED = {"detect": RestDetect(), "query": {"sort": "id"}, "deletions": ABSENCE}
HOUR = {"every": 3600}


@pytest.fixture(params=["by time", "by comparison"])
def crm(request, reading, api):
    """Return a reading of thirty records that are known."""
    for _ in range(30):
        api.create()
        api.later(0.5)
    api.later(60)
    made = reading() if request.param == "by time" else reading(**COMPARED)
    made.poll(times=2, **HOUR)
    api.later(7200)
    return made


def test_what_is_gone_is_deleted_with_its_last_properties(crm, api):
    gone = sorted(api.records)[3:6]
    last = [api.shown(api.records[one]) for one in gone]
    api.delete(*gone)

    told = [one for one in crm.poll() if one["eventType"] == "items.deleted"]
    assert [one["objectId"] for one in told] == gone
    assert [one["properties"] for one in told] == last
    assert crm.known() == dump(api)


def test_what_the_list_leaves_out_and_is_there_is_not_deleted(crm, api):
    hidden = sorted(api.records)[4]
    api.answer = lambda request: _without(api, request, {hidden})

    assert crm.poll(times=3, **HOUR) == []
    assert hidden in crm.known()


def test_what_was_never_seen_is_healed_in_silence(reading, api):
    for _ in range(30):
        api.create()
        api.later(0.5)
    hidden = sorted(api.records)[4]
    api.later(60)
    api.answer = lambda request: _without(api, request, {hidden})
    crm = reading()
    crm.poll()
    assert hidden not in crm.known()
    api.answer = lambda _: None
    api.later(7200)

    assert crm.poll() == []
    assert crm.known() == dump(api)


@pytest.mark.parametrize("kept", [0, 12])
def test_a_list_that_lacks_most_is_set_aside_until_a_person_lets_it_through(
    crm, api, kept, logged, tmp_path
):
    gone = sorted(api.records)[kept:]
    api.delete(*gone)
    for _ in range(2):
        assert kinds(crm.poll()) == {}
        api.later(7200)
    (told,) = [one for one in logged if one["event"] == "source.absence_set_aside"]
    assert (told["missing"], told["known"]) == (len(gone), 30)

    run = CliRunner().invoke(app, ["sources", "accept", "crm/items", "--database-url", crm.url])
    assert run.exit_code == 0, run.output
    assert run.output.startswith(f"accepted: {len(gone)} of 30 records of crm/items")
    api.later(60)
    assert sorted(kinds(crm.poll())["deleted"]) == gone
    again = CliRunner().invoke(app, ["sources", "accept", "crm/items", "--database-url", crm.url])
    assert again.exit_code == 1


def test_a_list_that_breaks_off_deletes_nothing(crm, api):
    api.answer = lambda request: (500, {"message": "no"}) if request[2].get("page") == "3" else None
    api.delete(*sorted(api.records)[:3])

    assert "deleted" not in kinds(crm.poll(times=2, **HOUR))


def test_bad_rows_delete_nothing_until_they_have_stayed_so_for_three_passes(crm, api, logged):
    bad = min(api.records)
    api.records[bad]["name"] = "x" * 2_000_000
    api.update(bad)
    (gone,) = sorted(api.records)[7:8]
    api.delete(gone)
    polls = []
    for _ in range(3):
        polls.append(kinds(crm.poll()).get("deleted", []))
        api.later(7200)

    assert polls == [[], [], [gone]]
    told = [one["record_ids"] for one in logged if one["event"] == "source.bad_rows"]
    assert told
    assert set(map(tuple, told)) == {(bad,)}
    assert bad in crm.known()


def test_without_single_records_what_is_missing_twice_in_turn_is_deleted(reading, api):
    api.create(30)
    api.later(60)
    crm = reading(one=None, **COMPARED)
    crm.poll()
    one, two = sorted(api.records)[5], sorted(api.records)[6]
    api.later(60)
    api.answer = lambda request: _without(api, request, {one})
    assert crm.poll() == []
    api.answer = lambda request: _without(api, request, {two})
    assert crm.poll() == []
    assert kinds(crm.poll()) == {"deleted": [two]}
    api.answer = lambda _: None
    assert kinds(crm.poll()) == {"deleted": [two], "created": [two]}


def test_a_list_of_deletions_is_one(reading, api):
    api.create(30)
    api.later(60)
    deletions = RestDeletions(
        "list", path="deleted", query={"since": "${since}"}, modified="at", paging=RestPaging()
    )
    crm = reading(one=None, deletions=deletions)
    crm.poll()
    gone = sorted(api.records)[3:5]
    api.later(60)
    api.delete(*gone)
    assert kinds(crm.poll()) == {"deleted": gone}
    api.later(60)
    assert kinds(crm.poll()) == {"deleted": gone}


def test_rows_that_are_marked_are_deletions(reading, api):
    ids = api.create(30, gone="false")
    api.later(60)
    crm = reading(deleted="gone", deletions=RestDeletions("flag"))
    crm.poll()
    api.later(60)
    api.update(ids[3], gone=True)
    assert kinds(crm.poll()) == {"deleted": [ids[3]]}


def _without(api, request, hidden):
    """Return a page of the list as if some records were not in it; None for other requests."""
    _, path, query, *_ = request
    if path != "/api/items":
        return None
    rows = {id_: one for id_, one in api.records.items() if id_ not in hidden}
    there, api.records = api.records, rows
    try:
        return 200, api.listed(query)
    finally:
        api.records = there


def test_pages_and_passes_are_as_the_others_have_them():
    assert (PAGES.limit, ABSENCE.every) == (10, timedelta(hours=1))
    assert replace(ABSENCE, query={}) == RestDeletions("absence")
