"""Errors that nobody handles are reported: of tasks, of callbacks, of threads."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from webhookd import telemetry
from webhookd.telemetry import unhandled
from webhookd.telemetry.reporter import Reporter


@pytest.fixture
def reported(monkeypatch):
    """Return the events that are reported during a test; threads report as before afterwards."""
    found = []
    before = telemetry.use_reporter(Reporter(found.append))
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    yield found
    telemetry.use_reporter(before)


def told(events):
    return [(one.name, one.facts["task"], str(one.error)) for one in events]


async def _fail():
    raise RuntimeError("not today")


def test_a_watched_task_that_fails_is_reported_though_somebody_keeps_it(reported):
    async def main():
        task = unhandled.watched(asyncio.create_task(_fail()), "keeper")
        await asyncio.wait([task])
        await asyncio.sleep(0)

    asyncio.run(main())

    assert told(reported) == [("daemon.task_broke", "keeper", "not today")]


def test_a_watched_task_that_ends_or_is_cancelled_is_not(reported):
    async def main():
        ended = unhandled.watched(asyncio.create_task(asyncio.sleep(0)), "ends")
        cancelled = unhandled.watched(asyncio.create_task(asyncio.sleep(60)), "is cancelled")
        await ended
        cancelled.cancel()
        await asyncio.wait([cancelled])

    asyncio.run(main())

    assert reported == []


def test_a_callback_and_a_task_that_nobody_keeps_are_reported(reported):
    async def main():
        unhandled.report_all(asyncio.get_running_loop())
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        asyncio.create_task(_fail(), name="lost")  # noqa: RUF006 - that is the case
        await asyncio.sleep(0.01)
        gc.collect()
        await asyncio.sleep(0)

    asyncio.run(main())

    names = [name for name, _, _ in told(reported)]
    assert names == ["daemon.task_broke"] * 2
    assert ("daemon.task_broke", "lost", "not today") in told(reported)


def test_a_thread_that_ends_with_an_error_is_reported(reported):
    async def main():
        unhandled.report_all(asyncio.get_running_loop())

    asyncio.run(main())
    thread = threading.Thread(target=lambda: 1 / 0, name="reader")
    thread.start()
    thread.join()

    assert told(reported) == [("daemon.task_broke", "thread reader", "division by zero")]
