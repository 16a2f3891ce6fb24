"""Which state of a record stays, when several files have it."""

from __future__ import annotations

import os

import pytest

from tests.integration.sources.dropping import Dropping


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
