"""Which state of a record stays, when several files have it."""

from __future__ import annotations

import os

import pytest

from tests.integration.sources.dropping import Dropping
from webhookd.telemetry.events import FileOlder


def drop_all(dropping, *files):
    for age, (name, content) in enumerate(reversed(files), 10):
        dropping.drop(name, content)
        os.utime(dropping.root / "new" / name, (10**9 - age, 10**9 - age))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("crm-2026-01-27.csv", "crm-2026-01-27-1.csv"),
        ("crm.csv", "crm (1).csv"),
        ("crm-9.csv.gz.csv", "crm-10.csv"),
    ],
)
def test_the_second_export_of_a_day_is_not_undone_by_the_first(tmp_path, first, second):
    dropping = Dropping(tmp_path)
    drop_all(dropping, (second, "id,name\n1,new\n"), (first, "id,name\n1,old\n"))

    dropping.run()

    assert [told[2]["name"] for told in dropping.deliveries()] == ["old", "new"]


def test_the_last_snapshot_by_number_says_which_records_there_are(tmp_path):
    dropping = Dropping(tmp_path, content="snapshot")
    drop_all(dropping, ("dump-9.csv", "id\n1\n2\n"), ("dump-10.csv", "id\n1\n2\n3\n"))

    dropping.run()

    assert [told[:2] for told in dropping.deliveries()] == [
        ("1", "created"), ("2", "created"), ("3", "created")
    ]  # fmt: skip


def test_by_modified_the_file_that_was_written_last_wins(tmp_path):
    dropping = Dropping(tmp_path, order="modified")
    drop_all(dropping, ("z.csv", "id,name\n1,old\n"), ("a.csv", "id,name\n1,new\n"))

    dropping.run()

    assert [told[2]["name"] for told in dropping.deliveries()] == ["old", "new"]


def drop_of(dropping, name, *, day):
    dropping.drop(name, f"id\n{name}\n")
    os.utime(dropping.root / "new" / name, (86_400 * day,) * 2)


def older(dropping):
    return [(event.file, event.taken_before) for event in dropping.reported.of(FileOlder)]


@pytest.mark.parametrize("order", ["name", "modified"])
def test_a_file_older_than_the_one_taken_before_it_is_warned_of_after_a_restart_too(
    tmp_path, order
):
    dropping = Dropping(tmp_path, order=order)
    for name, day in (("b.csv", 3), ("a.csv", 2), ("c.csv", 2), ("d.csv", 4)):
        drop_of(dropping, name, day=day)
        dropping.run()

    (event,) = dropping.reported.of(FileOlder)
    assert event == FileOlder(
        "export",
        "a.csv",
        modified_at="1970-01-03T00:00:00.000+00:00",
        taken_before="b.csv",
        taken_modified_at="1970-01-04T00:00:00.000+00:00",
    )


def test_names_that_disagree_with_the_age_are_warned_of_each_once(tmp_path):
    dropping = Dropping(tmp_path, on_done="delete")
    for name, day in (("a.csv", 4), ("b.csv", 3), ("c.csv", 3), ("d.csv", 2)):
        drop_of(dropping, name, day=day)

    dropping.run()

    assert older(dropping) == [("b.csv", "a.csv"), ("d.csv", "c.csv")]


def test_a_file_of_which_nothing_was_taken_is_not_what_others_are_older_than(tmp_path):
    dropping = Dropping(tmp_path)
    dropping.drop("a.csv", "name\nx\n")
    os.utime(dropping.root / "new" / "a.csv", (86_400 * 9,) * 2)
    drop_of(dropping, "b.csv", day=2)

    dropping.run()

    assert older(dropping) == []


def test_a_time_that_no_calendar_has_is_no_reason_to_stop(tmp_path):
    dropping = Dropping(tmp_path, order="modified")
    for name, at in (("a.csv", 2**33 * 10**9), ("b.csv", -(2**31) * 10**9)):
        dropping.drop(name, "id\n1\n")
        os.utime(dropping.root / "new" / name, ns=(at, at))
        dropping.run()

    assert older(dropping) == [("b.csv", "a.csv")]
