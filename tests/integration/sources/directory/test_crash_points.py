"""Wherever the daemon dies, no row is lost, none is taken twice, and each file ends once."""

from __future__ import annotations

import asyncio
import os
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.integration.sources.fakes import Drop, FakeStorage, eventually, rows
from webhookd.sources.directory.ingest import MOST_OPENINGS
from webhookd.sources.directory.small_files import SMALL

CALLS = ("mkdir", "rename", "replace", "link", "unlink", "rmdir", "fsync")
MANY = [str(number) for number in range(700)]


class Died(BaseException):
    """The daemon was killed."""


class Killer:
    """Kills the daemon before its *last* step, and every step after it."""

    def __init__(self, last):
        self.last = last
        self.steps = 0

    def __call__(self, _=""):
        """Count a step."""
        self.steps += 1
        if self.steps >= self.last:
            raise Died

    def around(self, call):
        """Return *call* with a step before and a step behind it."""

        def killing(*arguments, **options):
            self()
            result = call(*arguments, **options)
            self()
            return result

        return killing


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a drop directory until it is settled or killed."""

    def run(drop, last=None) -> int:
        killer = Killer(last or 10**9)
        drop.storage.step = killer
        with monkeypatch.context() as patched:
            for name in CALLS:
                patched.setattr(os, name, killer.around(getattr(os, name)))
            asyncio.run(until_settled(drop))
        return killer.steps

    return run


async def until_settled(drop):
    task = asyncio.create_task(drop.source().run())
    try:
        await eventually(lambda: task.done() or ((drop.root / "new").exists() and is_settled(drop)))
    finally:
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled() and not isinstance(task.exception(), Died):
        task.result()


def is_settled(drop):
    try:
        return drop.is_settled
    except FileNotFoundError:
        return False


def put_good(drop):
    drop.drop("a.ndjson", rows(*MANY))
    return MANY, {"done": ["a.ndjson"], "failed": []}


def put_bad(drop):
    drop.drop("a.ndjson", rows(*MANY) + "oops\n")
    return MANY, {"done": [], "failed": ["a.ndjson", "a.ndjson.error.json"]}


def put_broken(drop):
    drop.drop("a.json", "[" + rows(*MANY).replace("}\n", "},") + '{"id":')
    return MANY, {"done": [], "failed": ["a.json", "a.json.error.json"]}


def put_link(drop):
    drop.drop("a.ndjson", "")
    (drop.root / "new" / "a.ndjson").unlink()
    (drop.root / "new" / "a.ndjson").symlink_to("/etc/passwd")
    return [], {"done": [], "failed": ["a.ndjson", "a.ndjson.error.json"]}


def put_two_of_a_name(drop):
    (drop.root / "done").mkdir(parents=True)
    (drop.root / "done" / "a.ndjson").write_text("older")
    drop.drop("a.ndjson", rows("1"))
    return ["1"], {"done": ["a.ndjson", "a.ndjson~2"], "failed": []}


def put_small_ones(drop):
    """Several that are taken together."""
    for number in range(4):
        drop.drop(f"{number}.ndjson", rows(f"a{number}", f"b{number}"))
    ids = [f"{letter}{number}" for number in range(4) for letter in "ab"]
    return ids, {"done": [f"{number}.ndjson" for number in range(4)], "failed": []}


def put_small_ones_and_others(drop):
    """Small and good ones around one that is bad, one that is large, and one that is empty."""
    drop.drop("1.ndjson", rows("1"))
    drop.drop("2.ndjson", rows("2") + "oops\n")
    drop.drop("3.ndjson", rows("3"))
    drop.drop("4.ndjson", rows(*MANY) + " " * SMALL)
    drop.drop("5.ndjson", "")
    drop.drop("6.ndjson", rows("6"))
    done = [f"{number}.ndjson" for number in (1, 3, 4, 5, 6)]
    folders = {"done": done, "failed": ["2.ndjson", "2.ndjson.error.json"]}
    return ["1", "2", "3", *MANY, "6"], folders


def check(drop, ids, folders):
    assert drop.storage.ids == ids
    assert {name: drop.names(name) for name in folders} == folders
    assert drop.is_settled


@pytest.mark.parametrize(
    "put",
    [
        *(put_good, put_bad, put_broken, put_link, put_two_of_a_name),
        *(put_small_ones, put_small_ones_and_others),
    ],
    ids=lambda put: put.__name__,
)
def test_a_death_at_any_step_changes_nothing_in_the_end(tmp_path, run, put):
    drop = Drop(tmp_path / "whole")
    put(drop)
    steps = run(drop)
    assert steps > 30

    # Of very many steps every second or third: the property below meets the others.
    for last in range(1, steps + 1, max(steps // 120, 1)):
        drop = Drop(tmp_path / "crm")
        ids, folders = put(drop)
        run(drop, last)
        run(drop)
        check(drop, ids, folders)
        shutil.rmtree(drop.root)


@settings(max_examples=25)
@given(
    # One more, each right after the file was opened, and it would be suspected of them.
    deaths=st.lists(st.integers(1, 45), max_size=MOST_OPENINGS - 1),
    put=st.sampled_from([put_good, put_bad, put_small_ones, put_small_ones_and_others]),
)
def test_deaths_during_recovery_change_nothing_in_the_end(tmp_path_factory, deaths, put):
    with pytest.MonkeyPatch.context() as monkeypatch:
        drop = Drop(tmp_path_factory.mktemp("crm"), FakeStorage())
        ids, folders = put(drop)
        for last in [*deaths, None]:
            killer = Killer(last or 10**9)
            drop.storage.step = killer
            with monkeypatch.context() as patched:
                for name in CALLS:
                    patched.setattr(os, name, killer.around(getattr(os, name)))
                asyncio.run(until_settled(drop))
        check(drop, ids, folders)


def test_a_deleted_file_that_was_not_forgotten_is_forgotten(tmp_path, run):
    for last in range(1, 60):
        drop = Drop(tmp_path / "crm", on_done="delete")
        drop.drop("a.ndjson", rows("1"))
        run(drop, last)
        run(drop)
        check(drop, ["1"], {"done": [], "failed": []})
        shutil.rmtree(drop.root)


@pytest.mark.parametrize(
    ("content", "folder", "error"),
    [
        (rows("1"), "done", None),
        (rows("1") + "oops\n", "failed", "a.ndjson: 1 of 2 rows is bad; all others were taken"),
    ],
)
def test_how_a_file_ended_is_remembered_wherever_the_daemon_died_after_its_move(
    tmp_path, run, content, folder, error
):
    def dropped(name):
        drop = Drop(tmp_path / name)
        drop.drop("a.ndjson", content)
        return drop

    for last in range(1, run(dropped("whole")) + 1):
        drop = dropped(str(last))
        run(drop, last)
        run(drop)

        assert drop.names(folder)[0] == "a.ndjson"
        assert {(one.name, one.error) for one in drop.storage.put_away} == {("a.ndjson", error)}
