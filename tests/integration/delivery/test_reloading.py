"""Replies that come while a reload is under way: neither side loses what the other did."""

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from tests.engine import engine, until
from tests.making import a_delivery, a_policy, a_webhook
from webhookd import clock
from webhookd.definitions import Bearer, RetryPolicy
from webhookd.model import Secret

SOON = RetryPolicy(first_after=timedelta(milliseconds=50), jitter=0.0)


def fresh():
    now = clock.now()
    return a_delivery(created_at=now, due_at=now)


def hook(path="/", key="first", **policy):
    webhook = a_webhook(delivery=a_policy(**({"concurrency": 1, "retry": SOON} | policy)))
    request = replace(
        webhook.request,
        url=f"https://receiver.example{path}",
        authentication=Bearer(Secret(key)),
    )
    return replace(webhook, request=request)


class Meeting:
    """A receiver whose first answer comes between a reload's write and its end."""

    def __init__(self, first: httpx.Response) -> None:
        self._first = first
        self._may_answer = asyncio.Event()
        self.seen: list[float] = []

    async def answer(self, _request: httpx.Request) -> httpx.Response:
        self.seen.append(clock.monotonic())
        if len(self.seen) > 1:
            return httpx.Response(200)
        await self._may_answer.wait()
        self.seen[0] = clock.monotonic()
        return self._first

    async def meet(self, running, webhook) -> None:
        """Reload to *webhook*, and answer while the database has the reload and nobody else."""
        begun, go = threading.Event(), threading.Event()
        running.writer.write(lambda _: (begun.set(), go.wait(10)))
        await asyncio.to_thread(begun.wait, 10)
        adopting = asyncio.create_task(running.adopt(webhook))
        await self._turns_of_the_loop()
        self._may_answer.set()
        await self._turns_of_the_loop()
        go.set()
        await adopting

    async def _turns_of_the_loop(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)


async def all_delivered(running, count):
    async def check():
        query = "SELECT count(*) FROM deliveries WHERE state = 'delivered'"
        return await running.query(query) == [(count,)]

    await until(check)


def test_a_pause_asked_for_during_a_reload_is_kept(url):
    async def scenario():
        meeting = Meeting(httpx.Response(429, headers={"Retry-After": "1"}))
        async with engine(url, meeting.answer) as running:
            await running.adopt(hook())
            await running.store(*(fresh() for _ in range(4)))
            await until(lambda: meeting.seen)
            await meeting.meet(running, hook(timeout=timedelta(seconds=9)))
            await all_delivered(running, 4)
        return meeting.seen

    seen = asyncio.run(scenario())

    assert seen[1] - seen[0] >= 1.0


@pytest.mark.parametrize("changed", [hook("/new"), hook(key="second")], ids=["url", "secret"])
def test_a_410_to_the_old_request_does_not_hold_the_new_one(url, changed):
    async def scenario():
        meeting = Meeting(httpx.Response(410))
        async with engine(url, meeting.answer) as running:
            await running.adopt(hook())
            await running.store(*(fresh() for _ in range(4)))
            await until(lambda: meeting.seen)
            await meeting.meet(running, changed)
            await all_delivered(running, 4)
            return await running.query("SELECT gone_reason FROM lanes")

    assert asyncio.run(scenario()) == [(None,)]


def test_a_410_during_a_reload_that_changes_nothing_of_the_request_holds(url):
    async def scenario():
        meeting = Meeting(httpx.Response(410))
        async with engine(url, meeting.answer) as running:
            await running.adopt(hook())
            await running.store(*(fresh() for _ in range(4)))
            await until(lambda: meeting.seen)
            await meeting.meet(running, hook(timeout=timedelta(seconds=9)))
            await until(lambda: running.query("SELECT 1 FROM lanes WHERE gone_reason IS NOT NULL"))
            await running.store(fresh())
            return len(meeting.seen), running.dispatcher.in_flight

    assert asyncio.run(scenario()) == (1, 0)
