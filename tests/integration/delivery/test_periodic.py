"""Periodic work beside the deliveries: at once, one at a time, until it is ended."""

import asyncio
from datetime import UTC, datetime, timedelta

import apscheduler.schedulers.base
import httpx

from tests.engine import engine, until
from webhookd import clock


def test_work_runs_at_once_and_again_never_twice_at_a_time_until_it_is_ended(url, caplog):
    begun, under_way = [], []

    async def scenario():
        async with engine(url, lambda _: httpx.Response(200)) as running:
            go_on = asyncio.Event()

            async def work():
                begun.append(len(under_way))
                under_way.append(1)
                await go_on.wait()
                under_way.pop()

            end = running.scheduler.at_once_and_every(timedelta(milliseconds=20), work, "work")
            await until(lambda: begun)
            ticks = []
            running.scheduler.every(timedelta(milliseconds=20), _ticking(ticks), "ticks")
            await until(lambda: len(ticks) > 5)
            assert len(begun) == 1
            go_on.set()
            await until(lambda: len(begun) > 3)
            end()
            count = len(begun)
            ticks.clear()
            await until(lambda: len(ticks) > 5)
            assert len(begun) <= count + 1

    asyncio.run(scenario())

    assert set(begun) == {0}
    assert caplog.records == []


def test_a_clock_that_is_set_back_does_not_stop_periodic_work(url, monkeypatch):
    offset = timedelta()

    class WallClock(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + offset

    monkeypatch.setattr(apscheduler.schedulers.base, "datetime", WallClock)
    monkeypatch.setattr(clock, "now", lambda: WallClock.now(UTC))

    async def scenario():
        nonlocal offset
        async with engine(url, lambda _: httpx.Response(200)) as running:
            ticks = []
            running.scheduler.every(timedelta(milliseconds=20), _ticking(ticks), "ticks")
            await until(lambda: ticks)
            offset = -timedelta(days=1)
            ticks.clear()
            # The timer rings once a minute at the latest; this is such a time.
            running.scheduler.wakeup()
            await until(lambda: len(ticks) > 3)

    asyncio.run(scenario())


def _ticking(ticks):
    async def tick():
        ticks.append(1)

    return tick
