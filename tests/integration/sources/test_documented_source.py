"""The source that the documents show is one that works: alone, in a fleet, through crashes."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from tests import postgresql
from tests.source_harness import SourceDaemon, check_every_crash, until

PAGE = Path(__file__).parents[3] / "docs" / "sources.md"
SOURCE, TRIAL = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.fixture
def page():
    """Return the names that the page defines, the test of the source among them."""
    names = {"__name__": "page"}
    code = compile(SOURCE + TRIAL, PAGE.name, "exec", dont_inherit=True)
    exec(code, names)  # noqa: S102 - it is our own page
    return names


@pytest.fixture
def shared_url():
    server = postgresql.server()
    return server.url(server.new())


def told(changes):
    return [
        (one["objectId"], one["eventType"].rpartition(".")[2], one["properties"]) for one in changes
    ]


def test_it_reads_what_changed_alone(page, tmp_path):
    file = tmp_path / "things.json"
    settings = page["JsonFileSource"]("inventory", file)

    async def scenario():
        async with SourceDaemon(f"sqlite:///{tmp_path}/a.db", settings, page["JsonFile"]) as daemon:
            await daemon.poll()
            for content in ({"1": {"a": 1}}, {"1": {"a": 1}}, {"1": {"a": 2}, "2": {}}):
                file.write_text(json.dumps(content))
                await daemon.poll()
            file.write_text("{")
            await daemon.poll()
            return await daemon.changes()

    assert told(asyncio.run(scenario())) == [
        ("1", "created", {"a": 1}),
        ("1", "updated", {"a": 2}),
        ("2", "created", {}),
    ]


def test_one_daemon_of_a_fleet_reads_and_another_takes_over(page, tmp_path, shared_url):
    file = tmp_path / "things.json"
    settings = page["JsonFileSource"]("inventory", file)
    file.write_text(json.dumps({"1": {"a": 1}}))

    def daemon(member):
        return SourceDaemon(shared_url, settings, page["JsonFile"], member=member)

    async def scenario():
        async with daemon("second") as second, daemon("first") as first:
            await until(lambda: first.is_reading or second.is_reading)
            assert (first.is_reading, second.is_reading) == (False, True)
            await second.poll()
            await second.__aexit__()
            await until(lambda: first.is_reading)
            file.write_text(json.dumps({"1": {"a": 2}, "2": {}}))
            await first.poll(times=2)
            return await first.changes()

    assert told(asyncio.run(scenario())) == [
        ("1", "created", {"a": 1}),
        ("1", "updated", {"a": 2}),
        ("2", "created", {}),
    ]


def test_the_trial_on_the_page_says_what_the_page_says(page, tmp_path, capsys):
    page["test_no_crash_loses_a_thing"](tmp_path)

    assert capsys.readouterr().out.strip() in PAGE.read_text()


def test_the_trial_holds_for_members_of_a_fleet_too(page, tmp_path):
    server, file = postgresql.server(), tmp_path / "things.json"

    report = check_every_crash(
        lambda: server.url(server.new()),
        page["JsonFileSource"]("inventory", file),
        page["JsonFile"],
        put=lambda state: file.write_text(json.dumps(state)),
        states=[{"1": {"a": 1}}, {"1": {"a": 2}}],
    )

    assert (report.batches, report.crashes, report.changes) == (2, 4, 2)


def test_the_trial_finds_a_source_that_commits_its_cursor_too_early(page, tmp_path):
    class TooEarly(page["JsonFile"]):
        """Commits that a file was read before its records are."""

        def __init__(self, settings, dependencies):
            async def ingest(batch):
                await dependencies.ingest(replace(batch, observations=()))
                return await dependencies.ingest(batch)

            super().__init__(settings, replace(dependencies, ingest=ingest))

    page["JsonFile"] = TooEarly

    with pytest.raises(AssertionError, match=r"killed at step 2: state 0 is .*, reported is {}"):
        page["test_no_crash_loses_a_thing"](tmp_path)
