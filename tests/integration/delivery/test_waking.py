"""No due delivery waits in the database for somebody to look: every lane wakes by itself."""

import asyncio
import threading
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
import uvloop

from tests.engine import engine, until
from tests.making import LOOPBACK, NOW, a_delivery, a_policy, a_settlement, a_webhook
from webhookd import clock
from webhookd.definitions import RateLimit, RetryPolicy
from webhookd.delivery import scheduler
from webhookd.delivery.lanes.lane import Lane
from webhookd.delivery.prepared_webhook import prepare
from webhookd.model import Held, RetryAt
from webhookd.storage.deliveries.due import Due
from webhookd.storage.deliveries.lanes import LaneRow

SOON = RetryPolicy(first_after=timedelta(milliseconds=50), jitter=0.0)
LATE = RetryPolicy(first_after=timedelta(hours=1), jitter=0.0)
OK = httpx.Response(200)


def fresh(webhook="crm-mirror", **changes):
    now = clock.now()
    return a_delivery(webhook, **({"created_at": now, "due_at": now} | changes))


def to(host, **policy):
    webhook = a_webhook(delivery=a_policy(**policy))
    return replace(webhook, request=replace(webhook.request, url=f"https://{host}/"))


def delivered(running, count):
    async def check():
        query = "SELECT count(*) FROM deliveries WHERE state = 'delivered'"
        return await running.query(query) == [(count,)]

    return check


def has_settled_down(running):
    """Return whether no lane waits for anything: what comes then must wake the scheduler."""
    lanes = running.dispatcher.lanes
    return not any(lane.memory.is_fetching or lane.due_at() is not None for lane in lanes)


async def turns_of_the_loop():
    for _ in range(50):
        await asyncio.sleep(0)


def test_a_pause_of_the_whole_lane_ends_by_itself(url):
    """What was ready when the 429 came is let go of; nothing else is about to wake the lane."""
    seen = []

    def answer(_request):
        seen.append(clock.monotonic())
        return httpx.Response(429, headers={"Retry-After": "1"}) if len(seen) == 1 else OK

    async def scenario():
        async with engine(url, answer) as running:
            await running.adopt(a_webhook(delivery=a_policy(concurrency=1, retry=SOON)))
            await until(lambda: has_settled_down(running))
            await running.store(*(fresh() for _ in range(5)))
            await until(delivered(running, 5))

    asyncio.run(scenario())

    assert seen[1] - seen[0] >= 1.0


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_a_raised_rate_limit_counts_at_once(url, run):
    """The timer set for the old limit would have rung in an hour."""

    def rate_limited(starts, per):
        return a_webhook(delivery=a_policy(concurrency=1, rate_limit=RateLimit(starts, per)))

    async def scenario():
        async with engine(url, lambda _: OK) as running:
            await running.adopt(rate_limited(2, timedelta(hours=1)))
            await running.store(*(fresh() for _ in range(12)))
            await until(delivered(running, 2))
            await running.adopt(rate_limited(4, timedelta(milliseconds=100)))
            await until(delivered(running, 12))

    run(scenario())


def test_a_lane_looks_again_when_a_fetch_was_overtaken():
    lane = Lane(LaneRow(1, "crm-mirror"), prepare(a_webhook(), LOOPBACK))
    lane.memory.refetch(NOW)
    lane.fetch_request(lambda _: None)

    lane.memory.refetch(NOW)
    lane.fetched(Due(1, (), NOW + timedelta(hours=8)), NOW)

    assert lane.due_at() == NOW


@pytest.mark.parametrize("outcome", [RetryAt(NOW, "at once"), Held("gone")])
def test_what_waits_again_at_once_is_not_missed_by_a_fetch_that_left_it_out(outcome):
    """It was leased when the fetch began, so what is found does not have it."""
    lane = Lane(LaneRow(1, "crm-mirror"), prepare(a_webhook(), LOOPBACK))
    delivery = a_delivery()
    lane.offer(delivery, lane.room_for_new(NOW))
    lane.memory.refetch(NOW)
    assert lane.fetch_request(lambda _: None).prefetched == (delivery.id,)

    lane.settled(a_settlement(delivery, outcome, ended_at=NOW))
    lane.fetched(Due(1, (), None), NOW)

    assert lane.due_at() == NOW
    assert lane.fetch_request(lambda _: None).prefetched == ()


def test_a_release_is_not_undone_by_a_fetch_under_way(url):
    """The fetch asked for the old epoch, and its answer comes after the new one is in force."""
    go = threading.Event()

    def answer(request):
        return httpx.Response(200 if request.url.host == "right" else 500)

    async def scenario():
        async with engine(url, answer) as running:
            await running.adopt(to("wrong", retry=LATE))
            await running.store(fresh())
            await until(lambda: running.query("SELECT 1 FROM attempts"))
            begun = threading.Event()
            running.writer.write(lambda _: (begun.set(), go.wait(10)))
            await asyncio.to_thread(begun.wait, 10)
            adopting = asyncio.create_task(running.adopt(to("right", retry=LATE)))
            await turns_of_the_loop()
            running.dispatcher.fetches.refetch()
            await turns_of_the_loop()
            go.set()
            await adopting
            await until(delivered(running, 1))

    asyncio.run(scenario())


def test_a_delivery_stored_while_due_ones_are_fetched_is_sent_once(url):
    """One group of the writer holds both: the fetch finds what was stored beside it."""
    go, seen = threading.Event(), []

    def answer(request):
        seen.append(request.headers["webhook-id"])
        return OK

    async def scenario():
        async with engine(url, answer) as running:
            await running.adopt(a_webhook(delivery=a_policy(concurrency=1)))
            await until(lambda: has_settled_down(running))
            begun = threading.Event()
            running.writer.write(lambda _: (begun.set(), go.wait(10)))
            await asyncio.to_thread(begun.wait, 10)
            decided = [fresh() for _ in range(5)]
            running.dispatcher.fetches.refetch()
            await turns_of_the_loop()
            storing = asyncio.create_task(running.store(*decided))
            await turns_of_the_loop()
            go.set()
            await storing
            await until(delivered(running, 5))
            await until(lambda: running.dispatcher.in_flight == 0)

    asyncio.run(scenario())

    assert len(seen) == len(set(seen)) == 5


def test_the_scheduler_looks_now_and_then_whatever_its_clock_did(url, monkeypatch):
    monkeypatch.setattr(scheduler, "LONGEST_WAIT_SECONDS", 0.02)
    rounds = []

    async def scenario():
        async with engine(url, lambda _: OK) as running:
            await running.adopt(a_webhook())
            await until(lambda: has_settled_down(running))
            wanted = running.dispatcher.fetches.requests
            monkeypatch.setattr(
                running.dispatcher.fetches,
                "requests",
                lambda now: rounds.append(now) or wanted(now),
            )
            await until(lambda: len(rounds) >= 3)

    asyncio.run(scenario())


def test_a_row_that_cannot_be_read_stops_only_its_own_lane(url, capsys):
    async def scenario():
        async with engine(url, lambda _: OK) as running:
            await running.store(fresh("broken"), fresh("whole"), fresh("whole"), offer=False)
            spoilt = (
                "UPDATE deliveries SET change = 'nonsense'"
                " WHERE lane = (SELECT number FROM lanes WHERE webhook = 'broken')"
            )
            await running.writer.write(lambda connection: connection.execute(spoilt))
            await running.adopt(a_webhook("broken"), a_webhook("whole"))
            await until(delivered(running, 2))
            return await running.query("SELECT state FROM deliveries WHERE change = 'nonsense'")

    assert asyncio.run(scenario()) == [("pending",)]
    assert "delivery.fetch_broke" in capsys.readouterr().err
