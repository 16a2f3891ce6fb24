"""`order: record` in the whole engine: one after the other, whatever happens meanwhile."""

import asyncio
import random
from collections import defaultdict
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from tests.engine import engine, until
from tests.making import a_delivery, a_policy, a_webhook
from webhookd import clock
from webhookd.definitions import RateLimit, RetryPolicy
from webhookd.model import Rendered
from webhookd.storage.deliveries import lanes, manual, record_order

SOON = RetryPolicy(first_after=timedelta(milliseconds=20), factor=1.0, jitter=0.0)
LATE = RetryPolicy(first_after=timedelta(hours=1), jitter=0.0)


def hook(order="record", **policy):
    return a_webhook(delivery=a_policy(**({"order": order, "retry": SOON} | policy)))


def of_record(record, number):
    now = clock.now()
    rendered = Rendered("POST", f"{record}:{number}".encode(), "text/plain", "")
    return a_delivery(record_id=record, rendered=rendered, created_at=now, due_at=now)


class Watching:
    """A receiver that notes, for each record, what it took and whether two came at once."""

    def __init__(self, refuses=lambda _record, _number: None, delay=0.0) -> None:
        self._refuses, self._delay = refuses, delay
        self.taken: dict[str, list[int]] = defaultdict(list)
        self._at_work: set[str] = set()
        self.overlaps: list[str] = []

    async def answer(self, request: httpx.Request) -> httpx.Response:
        record, number = request.content.decode().split(":")
        if record in self._at_work:
            self.overlaps.append(record)
        self._at_work.add(record)
        await asyncio.sleep(self._delay)
        self._at_work.discard(record)
        status = self._refuses(record, int(number))
        if status is not None:
            return httpx.Response(status)
        self.taken[record].append(int(number))
        return httpx.Response(200)

    @property
    def count(self) -> int:
        return sum(map(len, self.taken.values()))


async def all_settled(running, seconds=20):
    async def check():
        return await running.query("SELECT 1 FROM deliveries WHERE state = 'pending'") == []

    await until(check, seconds)


def is_in_order(watching):
    return all(numbers == sorted(numbers) for numbers in watching.taken.values())


def test_order_holds_through_failures_and_bursts_from_memory_and_database(url):
    dice = random.Random(7)
    watching = Watching(lambda *_: 500 if dice.random() < 0.3 else None)

    async def scenario():
        async with engine(url, watching.answer) as running:
            await running.adopt(hook(concurrency=20))
            for number in range(60):
                batch = [of_record(record, number) for record in "abcdefgh"]
                await running.store(*batch, offer=number % 3 != 0)
            running.dispatcher.fetches.refetch()
            await all_settled(running)

    asyncio.run(scenario())

    assert watching.count == 60 * 8
    assert is_in_order(watching)
    assert watching.overlaps == []


def test_the_next_one_goes_at_once_and_waits_for_no_poll(url):
    watching = Watching()

    async def scenario():
        async with engine(url, watching.answer) as running:
            await running.adopt(hook())
            await running.store(*(of_record("a", number) for number in range(50)))
            began = clock.monotonic()
            await all_settled(running)
            return clock.monotonic() - began

    # Each waits for its turn and for the settlement before it, gathered for 10 ms.
    assert asyncio.run(scenario()) < 50 * 0.06
    assert watching.taken["a"] == list(range(50))


def test_one_that_is_given_up_does_not_block_its_record(url):
    watching = Watching(lambda _record, number: 400 if number == 0 else None)

    async def scenario():
        async with engine(url, watching.answer) as running:
            await running.adopt(hook())
            await running.store(*(of_record("a", number) for number in range(3)))
            await all_settled(running)

    asyncio.run(scenario())

    assert watching.taken["a"] == [1, 2]


def test_another_record_does_not_wait(url):
    watching = Watching(lambda record, _number: 500 if record == "bad" else None)

    async def scenario():
        async with engine(url, watching.answer) as running:
            await running.adopt(hook(retry=LATE, concurrency=1))
            bad = [of_record("bad", number) for number in range(20)]
            await running.store(*bad, *(of_record("good", number) for number in range(20)))
            await until(lambda: len(watching.taken["good"]) == 20)

    asyncio.run(scenario())

    assert watching.taken["bad"] == []


def test_order_holds_over_a_hold_and_a_restart(url):
    answers = iter([410])
    watching = Watching(lambda *_: next(answers, None))

    async def scenario():
        async with engine(url, watching.answer) as running:
            await running.adopt(hook())
            await running.store(*(of_record("a", number) for number in range(6)))
            await until(lambda: running.query("SELECT 1 FROM lanes WHERE gone_reason IS NOT NULL"))
        async with engine(url, watching.answer) as running:
            await running.adopt(hook())
            await running.store(of_record("a", 6))
            async with running.dispatcher.quiesced():
                row = await running.writer.write(
                    lambda connection: lanes.resume(connection, "crm-mirror", clock.now())
                )
                running.dispatcher.set_row(row)
            await all_settled(running)

    asyncio.run(scenario())

    assert watching.taken["a"] == list(range(7))


def test_a_cancelled_attempt_under_way_ends_before_the_next_begins(url):
    watching = Watching(delay=0.2)

    async def scenario():
        async with engine(url, watching.answer) as running:
            await running.adopt(hook())
            first, second = of_record("a", 0), of_record("a", 1)
            await running.store(first, second)
            await until(lambda: running.dispatcher.in_flight == 1)
            (found,) = await running.query("SELECT number FROM deliveries WHERE id = ?", first.id)
            await running.writer.write(
                lambda connection: manual.cancel(connection, found, clock.now())
            )
            running.dispatcher.fetches.refetch()
            await all_settled(running)

    asyncio.run(scenario())

    assert watching.taken["a"] == [0, 1]
    assert watching.overlaps == []


@pytest.mark.parametrize("first_order", ["none", "record"])
def test_reloads_of_the_order_lose_nothing_and_end_in_order(url, first_order, monkeypatch):
    monkeypatch.setattr(record_order, "AT_ONCE", 7)
    dice = random.Random(3)
    watching = Watching(lambda *_: 500 if dice.random() < 0.2 else None)
    orders = ["none", "record"] if first_order == "none" else ["record", "none"]
    rate = RateLimit(5, timedelta(milliseconds=50))

    async def scenario():
        async with engine(url, watching.answer) as running:
            for number in range(30):
                policy = {"order": orders[(number // 5) % 2], "rate_limit": rate}
                await running.adopt(hook(**policy))
                await running.store(*(of_record(record, number) for record in "abcde"))
            await running.adopt(hook())
            for number in range(30, 40):
                await running.store(*(of_record(record, number) for record in "abcde"))
            await running.adopt(hook(rate_limit=None))
            await all_settled(running)
            return await running.query("SELECT ordered_upto FROM lanes")

    assert asyncio.run(scenario()) == [(None,)]
    assert all(sorted(set(numbers)) == list(range(40)) for numbers in watching.taken.values())
    assert all(numbers[-10:] == list(range(30, 40)) for numbers in watching.taken.values())


def test_a_reload_that_stopped_in_the_middle_goes_on_at_the_next_start(url, monkeypatch):
    monkeypatch.setattr(record_order, "AT_ONCE", 3)
    watching = Watching()

    async def half():
        async with engine(url, watching.answer) as running:
            await running.adopt(hook("none"))
            await running.writer.write(
                lambda connection: lanes.pause(connection, "crm-mirror", "wait", clock.now())
            )
            await running.adopt(hook("none"))
            await running.store(*(of_record("a", number) for number in range(20)))
            await running.adopt(hook())
            await running.dispatcher._reordering.stop()
            return await running.query("SELECT ordered_upto FROM lanes")

    async def rest():
        async with engine(url, watching.answer) as running:
            await running.writer.write(
                lambda connection: lanes.resume(connection, "crm-mirror", clock.now())
            )
            await running.adopt(hook())
            await all_settled(running)

    assert asyncio.run(half()) != [(None,)]
    assert watching.count == 0
    asyncio.run(rest())

    assert watching.taken["a"] == list(range(20))


def test_several_of_a_record_under_way_when_order_comes_are_waited_for(url):
    watching = Watching(delay=0.3)

    async def scenario():
        async with engine(url, watching.answer) as running:
            await running.adopt(hook("none"))
            await running.store(*(of_record("a", number) for number in range(3)))
            await until(lambda: running.dispatcher.in_flight == 3)
            watching.overlaps.clear()
            await running.adopt(hook())
            await running.store(of_record("a", 3), of_record("a", 4))
            await all_settled(running)

    asyncio.run(scenario())

    assert watching.taken["a"][-2:] == [3, 4]
    assert watching.overlaps == []


def test_an_order_is_of_one_webhook(url):
    watching = Watching()

    async def scenario():
        async with engine(url, watching.answer) as running:
            await running.adopt(hook(), replace(hook(), name="other"))
            mine = of_record("a", 0)
            await running.store(mine, replace(of_record("a", 1), webhook="other"))
            await all_settled(running)

    asyncio.run(scenario())

    assert sorted(watching.taken["a"]) == [0, 1]
