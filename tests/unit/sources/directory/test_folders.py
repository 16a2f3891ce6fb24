"""How many files wait, failed, or are left alone."""

from __future__ import annotations

import pytest

from webhookd.definitions import DirectorySource
from webhookd.sources import kinds
from webhookd.sources.source import FileCounts


@pytest.fixture
def root(tmp_path):
    for folder in ("new", "failed"):
        (tmp_path / folder).mkdir()
    for name in ("a.csv", "b.csv.part", "Thumbs.db", "old.BAK", ".c.csv.x7Yz", "sub"):
        (tmp_path / "new" / name).touch()
    for name in ("a.csv", "a.csv.error.json", "b.csv", "b.csv.error.json", ".webhookd.tmp"):
        (tmp_path / "failed" / name).touch()
    return tmp_path


def counted(root, **settings):
    return kinds.count_files(DirectorySource("crm", root, "contacts", **settings))


def test_reports_and_hidden_names_do_not_count(root):
    assert counted(root) == FileCounts(waiting=3, failed=2, ignored=2)


def test_the_patterns_of_the_source_are_ignored_too(root):
    assert counted(root, ignore=("*.bak",)) == FileCounts(waiting=2, failed=2, ignored=3)


def test_every_name_waits_where_nothing_is_ignored(root):
    assert counted(root, ignore=()) == FileCounts(waiting=6, failed=2, ignored=0)


def test_nothing_is_counted_where_the_folders_are_not_seen(root):
    assert counted(root / "elsewhere") is None
    (root / "failed").rename(root / "gone")
    assert counted(root) is None
