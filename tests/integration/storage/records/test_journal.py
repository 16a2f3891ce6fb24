"""The journal of changes: bounded in every way, and honest about what it does not hold."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.making import NOW, a_change
from webhookd.model import Asked, ChangeKind
from webhookd.operations.view_builders import journal_page, latest_change
from webhookd.storage.records import journal, journal_pages, known_records
from webhookd.storage.records.journal import KEPT_PER_MINUTE, LARGEST, Admission
from webhookd.views.json_writer import written

MINUTE = timedelta(minutes=1)
BEGINNING = NOW - timedelta(days=365)


@pytest.fixture
def keep(database, with_writer):
    """Return what keeps batches of changes, each at its time, in one journal."""
    admission = Admission()

    def run(*batches):
        async def work(writer):
            for source, at, changes in batches:
                entries = admission.entries(source, at)
                for change in changes:
                    entries.add(*(change if isinstance(change, tuple) else (change, None)))
                admission.took(source, entries)
                await writer.write(lambda connection: journal.write(connection, source, entries))  # noqa: B023 - awaited here

        with_writer(work)

    return run


@pytest.fixture
def page(database):
    """Return what gives a page, as programs read it."""

    def read(since=BEGINNING, after=0, limit=1000):
        found = journal_pages.page(database, since=since, after=after, limit=limit)
        return json.loads(written(journal_page(found)))

    return read


@pytest.fixture
def tidy(with_writer):
    """Return what runs a step of housekeeping."""

    def run(step, *arguments, **named):
        async def work(writer):
            return await writer.write(lambda connection: step(connection, *arguments, **named))

        return with_writer(work)

    return run


def changes(count, source="crm", first=0):
    return [a_change(record_id=str(first + one), source=source) for one in range(count)]


def left_out(page):
    return {(one["source"], one["reason"]): one["count"] for one in page()["left_out"]}


def test_a_change_comes_back_as_it_was(keep, page):
    asked = Asked(frozenset({"x", "y", "when"}), instants=frozenset({"when"}))
    updated = a_change(properties={"x": '"ä"', "new": "1.10"}, previous={"x": '"ä"', "gone": "[1]"})
    created = a_change(ChangeKind.CREATED, record_id="\u001b[31m", previous=None)
    keep(("crm", NOW, [(updated, asked), (created, None)]))

    found = page()

    first, second = found["changes"]
    assert first["properties"] == {"x": '"ä"', "new": "1.10"}
    assert first["before"] == {"new": None, "gone": "[1]"}
    assert found["asked"][first["asked"]] == {
        "names": ["when", "x", "y"],
        "instants": ["when"],
    }
    assert (second["before"], second["asked"], second["change"]) == (None, None, "created")
    assert second["record_id"] == "\u001b[31m"
    assert (found["next"], found["last"], found["left_out"]) == (None, 2, [])


@pytest.mark.parametrize(
    ("record_id", "number"), [(None, 4), ("1", 1), ("2", 4), ("9", None)], ids=str
)
def test_the_latest_change_is_that_of_the_source_and_object_or_of_a_record(
    keep, page, database, record_id, number
):
    asked = Asked(frozenset({"x", "email"}), instants=frozenset({"x"}))
    keep(
        ("crm", NOW, [a_change(source="crm", record_id="1")]),
        ("crm", NOW, [(a_change(source="crm", record_id="2"), asked)]),
        ("erp", NOW, [a_change(source="erp", record_id="1")]),
        ("crm", NOW, [(a_change(source="crm", record_id="2"), asked)]),
        ("crm", NOW, [a_change(source="crm", record_id="1", object="deals")]),
    )

    found = json.loads(
        written(latest_change(journal_pages.latest(database, "crm", "contacts", record_id)))
    )

    listed = {one["number"]: one for one in page()["changes"]}
    if number is None:
        assert found == {"change": None, "asked": []}
    elif number == 1:
        assert (found["change"], found["asked"]) == (listed[1], [])
    else:
        assert found["change"] == listed[number] | {"asked": 0}
        assert found["asked"] == [{"names": ["email", "x"], "instants": ["x"]}]


def test_the_latest_change_tells_who_had_enrolled_its_record_before(keep, database, tidy):
    def enroll(connection, webhook, at):
        known_records.enroll(connection, webhook, "crm", "contacts", "1", at)

    keep(("crm", NOW, [a_change(source="crm", record_id="1")]))
    tidy(enroll, "before", NOW - MINUTE)
    tidy(enroll, "by-it", NOW)

    assert journal_pages.latest(database, "crm", "contacts").enrolled == ("before",)


def test_a_minute_keeps_so_many_of_a_source_and_counts_the_rest(keep, page):
    keep(
        ("crm", NOW, changes(KEPT_PER_MINUTE - 1)),
        ("crm", NOW, changes(5)),
        ("erp", NOW, changes(2, "erp")),
        ("crm", NOW + MINUTE, changes(3)),
    )

    found = page(limit=10_000)["changes"]

    assert sum(one["source"] == "crm" for one in found) == KEPT_PER_MINUTE + 3
    assert sum(one["source"] == "erp" for one in found) == 2
    assert left_out(page) == {("crm", "rate"): 4}


def test_a_large_change_is_counted_and_takes_no_room(keep, page):
    keep(("crm", NOW, [a_change(properties={"x": f'"{"x" * LARGEST}"'}), *changes(1)]))

    assert len(page()["changes"]) == 1
    assert left_out(page) == {("crm", "size"): 1}


def test_what_is_old_goes_a_few_at_a_time_and_is_counted(keep, page, tidy):
    keep(("crm", NOW, changes(7)), ("crm", NOW + MINUTE, changes(2)))
    now = NOW + timedelta(days=1, seconds=1)

    first = tidy(journal.retire, now, timedelta(days=1), 5)
    second = tidy(journal.retire, now, timedelta(days=1), 5)

    assert (first, second) == (5, 2)
    assert len(page()["changes"]) == 2
    assert left_out(page) == {("crm", "age"): 7}
    assert page(since=NOW + MINUTE)["left_out"] == []


def test_nothing_is_kept_longer_than_a_week_whatever_the_retention(keep, page, tidy):
    keep(("crm", NOW, changes(1)), ("crm", NOW, [a_change(properties={"x": "9" * LARGEST})]))

    assert tidy(journal.retire, NOW + timedelta(days=7), timedelta(days=30), 5) == 0
    assert tidy(journal.retire, NOW + timedelta(days=7, seconds=1), timedelta(days=30), 5) == 1
    assert page(since=NOW)["changes"] == []


@pytest.mark.parametrize(
    ("counts", "kept", "surplus"),
    [
        ({}, 10, {}),
        ({"a": 4, "b": 6}, 10, {}),
        ({"a": 4, "b": 7}, 10, {"b": 1}),
        ({"a": 1, "b": 8, "c": 9}, 10, {"b": 4, "c": 4}),
        ({"a": 2, "b": 2, "c": 2}, 3, {"a": 1, "b": 1, "c": 1}),
        ({"a": 2, "b": 2}, 0, {"a": 2, "b": 2}),
    ],
)
def test_sources_share_the_room_and_those_with_few_keep_all(keep, database, counts, kept, surplus):
    keep(*((source, NOW, changes(count, source)) for source, count in counts.items()))

    assert journal.surplus(database, kept) == surplus


def test_the_oldest_make_room_and_are_counted(keep, page, tidy):
    keep(
        ("quiet", NOW, changes(3, "quiet")),
        ("busy", NOW, changes(20, "busy")),
        ("busy", NOW + MINUTE, changes(1, "busy", first=20)),
    )

    tidy(journal.make_room, "busy", 12)

    found = page()["changes"]
    assert [one["record_id"] for one in found if one["source"] == "busy"] == [
        str(number) for number in range(12, 21)
    ]
    assert sum(one["source"] == "quiet" for one in found) == 3
    assert left_out(page) == {("busy", "room"): 12}


def test_pages_follow_each_other_and_end(keep, page):
    keep(("crm", NOW - MINUTE, changes(4)), ("crm", NOW, changes(5, first=4)))

    found, after = [], 0
    while after is not None:
        one = page(since=NOW, after=after, limit=2)
        found += [told["record_id"] for told in one["changes"]]
        after = one["next"]

    assert found == ["4", "5", "6", "7", "8"]


def test_a_page_of_large_changes_is_cut(keep, page):
    large = replace(a_change(), properties={"x": f'"{"x" * 8000}"'})
    keep(("crm", NOW, [large] * 400))

    one = page()

    assert 100 < len(one["changes"]) < 200
    assert one["next"] == one["changes"][-1]["number"]


def test_who_enrolled_a_record_before_is_told(keep, page, tidy):
    keep(("crm", NOW, changes(2)))
    for webhook, record_id, at in (
        ("early", "0", NOW - MINUTE),
        ("late", "0", NOW),
        ("other", "7", NOW - MINUTE),
        ("early", "1", NOW - MINUTE),
        ("first", "1", NOW - MINUTE),
    ):
        tidy(known_records.enroll, webhook, "crm", "contacts", record_id, at)

    found = {one["record_id"]: one["enrolled"] for one in page(since=NOW)["changes"]}

    assert found == {"0": ["early"], "1": ["early", "first"]}
