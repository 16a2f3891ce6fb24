"""What the looks at the configuration's files lead to, whatever becomes of the reloads."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from webhookd.model import ReloadResult
from webhookd.operations.reloading.files_seen import FilesSeen
from webhookd.operations.reloading.watched_config import WatchedConfig


class FakeReloader:
    """Reads files as a reload does; *fails* says whether the database is away."""

    def __init__(self, *paths):
        self.paths = paths
        self.files = self.seen()
        self.fails = False
        self.count = 0

    def seen(self):
        files = FilesSeen()
        for path in self.paths:
            files.note(path)
        return files

    async def reload(self):
        self.count += 1
        if not self.fails:
            self.files = self.seen()
        outcome = "rejected" if self.fails else "reloaded"
        return ReloadResult(outcome, datetime.now(UTC), "hash", ())


@pytest.fixture
def watching(tmp_path):
    """Return a file, its reloader, and what runs a scenario while looks are made."""
    path = tmp_path / "config.yaml"
    path.write_text("one")
    reloader = FakeReloader(tmp_path, path)

    def run(scenario):
        async def main():
            watched = WatchedConfig(reloader, timedelta(milliseconds=10))
            task = asyncio.create_task(watched.run())
            async with asyncio.timeout(30):
                await scenario()
                watched.stop()
                await task

        asyncio.run(main())

    return path, reloader, run


async def until(condition):
    while True:
        if condition():
            return
        await asyncio.sleep(0.005)


def test_what_fails_for_another_reason_than_the_content_is_tried_at_every_look(watching):
    path, reloader, run = watching

    async def scenario():
        reloader.fails = True
        path.write_text("another")
        await until(lambda: reloader.count >= 3)
        reloader.fails = False
        tried = reloader.count
        await until(lambda: reloader.count > tried)
        tried = reloader.count
        await asyncio.sleep(0.1)
        assert reloader.count == tried

    run(scenario)


def test_a_file_that_is_still_written_is_waited_for(watching):
    path, reloader, run = watching

    async def scenario():
        with path.open("a") as file:
            for _ in range(30):
                file.write("x")
                file.flush()
                await asyncio.sleep(0.002)
        await until(lambda: reloader.count)
        assert reloader.files.stamps == reloader.files.look()

    run(scenario)


def test_what_changes_back_before_it_is_read_is_no_change(watching):
    path, reloader, run = watching

    async def scenario():
        away = path.with_suffix(".away")
        path.rename(away)
        away.rename(path)
        await asyncio.sleep(0.1)
        assert reloader.count == 0

    run(scenario)


def test_a_name_that_is_hidden_is_none_of_the_folder_s(watching):
    path, reloader, run = watching

    async def scenario():
        (path.parent / ".swap").write_text("")
        await asyncio.sleep(0.1)
        assert reloader.count == 0
        (path.parent / "more.yaml").write_text("")
        await until(lambda: reloader.count)

    run(scenario)


def test_what_changes_between_the_look_and_the_reading_is_seen_at_the_next_look(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("one")
    files = FilesSeen()
    files.note(path)
    path.write_text("another")

    assert files.look() != files.stamps
