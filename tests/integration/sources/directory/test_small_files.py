"""Small files that wait together are taken together, as if each had been taken alone."""

import asyncio

import pytest

from tests.integration.sources.fakes import Drop, FakeStorage, eventually, rows
from webhookd.sources.directory.ingest import MOST_OPENINGS
from webhookd.sources.directory.reader import FileReader
from webhookd.sources.directory.small_files import MOST_FILES
from webhookd.telemetry.events import (
    FileClaimed,
    FileColumnsIgnored,
    FileFailed,
    FileOlder,
    FileTaken,
)


class Steps(list):
    """The names of the steps that a ledger made."""

    def __call__(self, name):
        self.append(name)


@pytest.fixture
def drop(tmp_path):
    return Drop(tmp_path / "crm", FakeStorage(Steps()))


async def settled(drop):
    async with drop.running() as task:
        await eventually(lambda: task.done() or drop.is_settled)


def test_many_cost_three_transactions_for_all_that_go_together(drop):
    names = [f"{number:04}.ndjson" for number in range(2 * MOST_FILES + 1)]
    for name in names:
        drop.drop(name, rows(name))

    asyncio.run(settled(drop))

    assert drop.storage.ids == names
    assert drop.names("done") == names
    assert [drop.storage.step.count(f"after {what}") for what in ("open", "ingest", "forget")] == [
        *(3, 3, 3)
    ]
    for kind in (FileClaimed, FileTaken):
        assert [event.file for event in drop.reported.of(kind)] == names


def test_one_that_is_being_written_is_left_and_those_behind_it_are_taken(drop):
    for name in "acd":
        drop.drop(f"{name}.ndjson", rows(name))
    with (drop.root / "new" / "b.ndjson").open("w") as writing:
        writing.write(rows("b"))
        writing.flush()

        async def scene():
            async with drop.running():
                await eventually(lambda: len(drop.storage.ids) == 3)
                writing.close()
                await eventually(lambda: drop.is_settled)

        asyncio.run(scene())

    assert drop.storage.ids == ["a", "c", "d", "b"]


def test_each_is_told_that_is_older_than_the_one_before_it(drop):
    for name, age in (("1", 10), ("2", 30), ("3", 20), ("4", 5)):
        drop.drop(f"{name}.ndjson", rows(name), seconds_ago=age)

    asyncio.run(settled(drop))

    told = [(event.file, event.taken_before) for event in drop.reported.of(FileOlder)]
    assert told == [("2.ndjson", "1.ndjson")]
    assert drop.storage.latest_file.name == "4.ndjson"


def test_what_is_odd_about_one_that_is_then_taken_alone_is_told_once(drop):
    drop.drop("1.csv", "id,,name\n1,x,Ada\n")
    drop.drop("2.csv", "id,,name\n2,x,Ada\n,x,Bob\n")
    drop.drop("3.csv", "id,,name\n3,x,Ada\n")

    asyncio.run(settled(drop))

    assert drop.storage.ids == ["1", "2", "3"]
    assert [event.file for event in drop.reported.of(FileColumnsIgnored)] == [
        *("1.csv", "2.csv", "3.csv")
    ]
    assert [event.file for event in drop.reported.of(FileFailed)] == ["2.csv"]


@pytest.mark.parametrize("start", ["now", "beginning"])
def test_of_several_that_are_there_at_first_only_the_first_is_taken_as_known(tmp_path, start):
    drop = Drop(tmp_path / "crm", start=start)
    for name in "abc":
        drop.drop(f"{name}.ndjson", rows(name))

    asyncio.run(settled(drop))

    assert drop.storage.ids == ["a", "b", "c"]
    assert drop.storage.as_known == [start == "now", False, False]


class DiedError(BaseException):
    """The daemon was killed."""


def test_one_that_kills_the_daemon_is_set_aside_and_no_other_is(drop, monkeypatch):
    for name in "abcd":
        drop.drop(f"{name}.ndjson", rows(name))
    portion = FileReader.portion

    def deadly(self):
        if self._path.name == "c.ndjson":
            raise DiedError
        return portion(self)

    monkeypatch.setattr(FileReader, "portion", deadly)
    deaths = 0
    while not (drop.storage.ids and drop.is_settled):
        try:
            asyncio.run(settled(drop))
        except DiedError:
            deaths += 1

    assert deaths == MOST_OPENINGS
    assert drop.storage.ids == ["a", "b", "d"]
    assert drop.names("failed") == ["c.ndjson", "c.ndjson.error.json"]


def test_a_stop_leaves_what_was_opened_in_good_order(drop, monkeypatch):
    """However often it is stopped in the middle, nothing is suspected of having killed it."""
    for name in "abc":
        drop.drop(f"{name}.ndjson", rows(name))
    portion = FileReader.portion

    def stopped(self):
        if self._path.name == "b.ndjson":
            assert self._stopping.wait(60)
        return portion(self)

    monkeypatch.setattr(FileReader, "portion", stopped)

    async def scene():
        async with drop.running() as task:
            await eventually(lambda: len(drop.storage.files) == 3 or task.done())

    for _ in range(MOST_OPENINGS + 2):
        asyncio.run(scene())
        assert {file.openings for file in drop.storage.files.values()} <= {0}
    monkeypatch.undo()
    asyncio.run(settled(drop))

    assert drop.storage.ids == ["a", "b", "c"]
    assert drop.names("failed") == []
