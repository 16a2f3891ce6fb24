"""No webhook takes another's slots, and neither retries nor first attempts starve the others."""

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from tests.engine import engine, until
from tests.making import a_delivery, a_policy, a_webhook
from webhookd import clock
from webhookd.definitions import RateLimit, RetryPolicy

LATE = RetryPolicy(first_after=timedelta(hours=1), jitter=0.0)
OK = httpx.Response(200)
COUNT = 60


def to(name, **policy):
    webhook = a_webhook(name, delivery=a_policy(**policy))
    return replace(webhook, request=replace(webhook.request, url=f"https://{name}/"))


def fresh(webhook, **changes):
    now = clock.now()
    return a_delivery(webhook, **({"created_at": now, "due_at": now} | changes))


async def never(_request):
    await asyncio.Event().wait()


async def refuse(_request):
    return httpx.Response(503, headers={"Retry-After": "3600"})


async def slowly(_request):
    await asyncio.sleep(0.5)
    return OK


@pytest.mark.parametrize(
    ("answer", "policy"),
    [
        (never, {}),
        (slowly, {}),
        (refuse, {}),
        (refuse, {"order": "record"}),
        (never, {"rate_limit": RateLimit(1, timedelta(hours=1))}),
    ],
    ids=["dead", "slow", "throttled", "ordered", "limited"],
)
def test_a_webhook_in_trouble_takes_no_slot_of_another(url, answer, policy):
    """Its appetite alone would fill all the slots there are."""
    seen = Counter()

    async def answering(request):
        seen[request.url.host] += 1
        return OK if request.url.host == "well" else await answer(request)

    async def scenario():
        async with engine(url, answering, max_in_flight=4, grace=0.1) as running:
            await running.adopt(to("bad", concurrency=1000, **policy), to("well", concurrency=2))
            await running.store(*(fresh("bad", record_id=str(n)) for n in range(COUNT)))
            for _ in range(COUNT):
                await running.store(fresh("well"))
            await until(lambda: seen["well"] == COUNT, 5)

    asyncio.run(scenario())


def test_a_throttled_webhook_does_not_spin_the_scheduler(url):
    rounds = Counter()

    async def scenario():
        async with engine(url, refuse) as running:
            await running.adopt(to("bad", concurrency=2))
            await running.store(*(fresh("bad") for _ in range(COUNT)))
            await until(lambda: running.query("SELECT 1 FROM lanes WHERE quiet_until IS NOT NULL"))
            await until(lambda: running.dispatcher.in_flight == 0)
            wanted = running.dispatcher.fetches.requests

            def counted(now):
                rounds["all"] += 1
                return wanted(now)

            running.dispatcher.fetches.requests = counted
            await asyncio.sleep(0.3)

    asyncio.run(scenario())

    assert rounds["all"] < 5


def test_a_first_attempt_is_not_starved_by_a_mountain_of_retries(url):
    """It waits for those that were due before it came, and for no others."""
    behind = []

    async def answering(request):
        behind.append(request.headers["webhook-id"])
        await asyncio.sleep(0.002)
        return httpx.Response(500)

    policy = {"concurrency": 4, "retry": RetryPolicy(first_after=timedelta(milliseconds=1))}

    async def scenario():
        async with engine(url, answering) as running:
            await running.adopt(to("busy", **policy))
            await running.store(*(fresh("busy") for _ in range(500)))
            await until(lambda: len(behind) > 200)
            one = fresh("busy")
            await running.store(one)
            at = len(behind)
            await until(lambda: one.id in behind)
            return behind.index(one.id) - at

    assert asyncio.run(scenario()) < 600


def test_retries_are_not_starved_by_a_flood_of_first_attempts(url):
    seen = Counter()

    async def answering(request):
        id_ = request.headers["webhook-id"]
        seen[id_] += 1
        await asyncio.sleep(0.001)
        return httpx.Response(500 if id_ in first and seen[id_] == 1 else 200)

    retry = RetryPolicy(first_after=timedelta(milliseconds=50), jitter=0.0)
    first = {}

    async def scenario():
        async with engine(url, answering) as running:
            await running.adopt(to("busy", concurrency=2, retry=retry))
            begun = [fresh("busy") for _ in range(10)]
            first.update(dict.fromkeys(one.id for one in begun))
            await running.store(*begun)
            end = clock.monotonic() + 8
            while any(seen[id_] < 2 for id_ in first):
                assert clock.monotonic() < end, "the retries never came"
                await running.store(*(fresh("busy") for _ in range(40)))

    asyncio.run(scenario())
