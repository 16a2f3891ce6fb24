"""`running`: which sources are read here, and what a reload does to them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from webhookd.definitions import DirectorySource, HubspotSource
from webhookd.model import Secret
from webhookd.sources.runner import NeverContested, RunningSources
from webhookd.telemetry import figures, logs


@pytest.fixture(autouse=True)
def _told_logs(_quiet_logs):
    """Let what went well be captured too."""
    logs.configure("console", "INFO")


class FakeSource:
    """Writes down what is done to it."""

    def __init__(self, name, done):
        self.name = name
        self._done = done

    async def is_there(self):
        return True

    async def prepare(self):
        self._done.append(f"prepare {self.name}")

    async def run(self):
        self._done.append(f"run {self.name}")
        try:
            await asyncio.Event().wait()
        finally:
            self._done.append(f"stop {self.name}")


def a_directory(host=None, **more):
    return DirectorySource("export", Path("/drop"), "contacts", host=host, **more)


async def adopted(*plans, host="alpha"):
    """Return what was done and said when *plans* came into force one after the other."""
    done = []
    running = RunningSources(
        lambda one: FakeSource(one.name, done),
        host=host,
        exclusive_work=NeverContested(),
        has_others=lambda: False,
    )
    with capture_logs() as said:
        for sources in plans:
            await running.adopt({one.name: one for one in sources})
            await asyncio.sleep(0)
            done.append("|")
        await running.stop()
    return " ".join(done), [(one["source"], one["host"], one["this_host"]) for one in said]


@pytest.mark.parametrize("host", [None, "alpha", "ALPHA", "Alpha"])
def test_a_source_of_this_host_or_of_any_is_read(host):
    done, said = asyncio.run(adopted([a_directory(host)]))

    assert done == "prepare export run export | stop export"
    assert said == []


@pytest.mark.parametrize("host", ["beta", "alpha.example.com", "alph"])
def test_one_of_another_host_is_not_even_prepared_and_told_once(host):
    source = a_directory(host)

    done, said = asyncio.run(adopted([source], [source], [a_directory(host, partial=True)]))

    assert done == "| | |"
    assert said == [("export", host, "alpha")]


def test_what_is_polled_is_read_wherever_a_daemon_is():
    hubspot = HubspotSource("crm", "https://api.example.com", Secret("x"), ())

    done, _ = asyncio.run(adopted([hubspot, a_directory("beta")]))

    assert done == "prepare crm run crm | stop crm"


def test_a_changed_host_stops_and_starts_it_and_each_move_is_told():
    here, beta, gamma = a_directory("alpha"), a_directory("beta"), a_directory("gamma")

    done, said = asyncio.run(adopted([here], [beta], [gamma], [here], [], [gamma]))

    assert done == (
        "prepare export run export | stop export | | prepare export run export | stop export | |"
    )
    assert [host for _, host, _ in said] == ["beta", "gamma", "gamma"]


class TakenOver:
    """The exclusive work of a daemon whose source another one reads from the first moment on."""

    def __init__(self):
        self.is_anothers = asyncio.Event()

    async def try_acquire(self, _):
        return True

    async def run(self, _, work):
        if self.is_anothers.is_set():
            await asyncio.Event().wait()
        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        self.is_anothers.set()


def test_how_late_a_source_is_read_is_told_by_the_daemon_that_reads_it_alone():
    """Another daemon's polls would go unnoticed here, and the lag grow for ever."""
    at = datetime(2026, 3, 1, tzinfo=UTC)
    told = figures.figures_of("crm", "contacts")
    told.read(5, 2)
    told.note_lag(3.0, at)
    told.poll_failed("503", at, budget_left=7)
    told.begin_parts(["owners"])
    told.part_rests("owners", "403", at)

    async def run():
        work = TakenOver()
        running = RunningSources(
            lambda one: FakeSource(one.name, []),
            host="alpha",
            exclusive_work=work,
            has_others=lambda: True,
        )
        await running.adopt({"crm": HubspotSource("crm", "https://api", Secret("x"), ())})
        await work.is_anothers.wait()
        await asyncio.sleep(0)
        await running.stop()

    try:
        asyncio.run(run())

        assert told.lag(at + timedelta(hours=1)) is None
        assert (told.last_error, told.resting, told.budget_left) == (None, {}, 0)
        assert (told.records, told.changes, told.failures) == (5, 2, 1)
    finally:
        figures.keep(())
