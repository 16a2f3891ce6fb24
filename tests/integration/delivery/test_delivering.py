"""Outbox, job store, lanes and courier together: what becomes of a stored delivery."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest

from tests.engine import engine, until
from tests.making import a_delivery, a_policy, a_webhook
from webhookd import clock
from webhookd.definitions import RateLimit, RetryPolicy
from webhookd.model import Unreachable

SOON = RetryPolicy(first_after=timedelta(milliseconds=50), jitter=0.0)


def fresh(webhook="crm-mirror", **changes):
    now = clock.now()
    return a_delivery(webhook, **({"created_at": now, "due_at": now} | changes))


def states(running):
    return running.query("SELECT state, count(*) FROM deliveries GROUP BY state ORDER BY state")


def all_are(running, state, count):
    async def check():
        return await states(running) == [(state, count)]

    return check


def test_a_stored_delivery_is_sent_once_and_settled(url):
    requests = []

    def answer(request):
        requests.append(request)
        return httpx.Response(200, text="thank you")

    async def scenario():
        async with engine(url, answer) as running:
            await running.adopt(a_webhook())
            delivery = fresh()
            await running.store(delivery)
            await until(all_are(running, "delivered", 1))
            attempts = await running.query(
                "SELECT delivery_id, number, status, answer, config_hash FROM attempts"
            )
            return delivery, attempts

    delivery, attempts = asyncio.run(scenario())

    assert attempts == [(delivery.id, 1, 200, "thank you", "c0ffee000000")]
    (request,) = requests
    assert request.headers["webhook-id"] == delivery.id
    assert request.content == delivery.rendered.body


def test_what_was_not_offered_is_brought_back_by_the_scheduler(url):
    async def scenario():
        async with engine(url, lambda _: httpx.Response(204)) as running:
            await running.store(*(fresh() for _ in range(100)), offer=False)
            await running.adopt(a_webhook())
            await until(all_are(running, "delivered", 100))

    asyncio.run(scenario())


def test_an_attempt_that_ends_makes_the_next_in_its_own_task(url):
    """One task for each delivery would cost more than to judge its reply."""
    tasks = set()

    async def answer(_):
        tasks.add(asyncio.current_task())
        await asyncio.sleep(0.001)
        return httpx.Response(204)

    async def scenario():
        async with engine(url, answer) as running:
            await running.store(*(fresh() for _ in range(100)), offer=False)
            await running.adopt(a_webhook(delivery=a_policy(concurrency=50)))
            await until(all_are(running, "delivered", 100))
            return running.dispatcher.in_flight

    assert asyncio.run(scenario()) == 0
    assert len(tasks) < 70


def test_attempts_that_end_without_an_answer_leave_the_event_loop_its_turns(url):
    """Each of them ends at once: in one task they would keep everybody else waiting."""
    turns = 0

    async def count_turns():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def scenario():
        async with engine(url, lambda _: httpx.Response(204)) as running:
            failed = [0]

            async def send(*_):
                failed[0] += 1
                return Unreachable("egress", "not allowed")

            running.dispatcher._slots._courier._sender.send = send
            await running.store(*(fresh() for _ in range(100)), offer=False)
            counting = asyncio.create_task(count_turns())
            await running.adopt(a_webhook(delivery=a_policy(concurrency=1)))
            await until(lambda: failed[0] >= 1)
            before = turns, failed[0]
            await until(lambda: failed[0] >= 20)
            counting.cancel()
            return turns - before[0], failed[0] - before[1]

    passed, made = asyncio.run(scenario())
    assert passed >= made


def test_a_retry_keeps_its_id_and_counts(url):
    seen = []

    def answer(request):
        seen.append(request.headers["webhook-id"])
        return httpx.Response(503 if len(seen) < 3 else 200)

    async def scenario():
        async with engine(url, answer) as running:
            await running.adopt(a_webhook(delivery=a_policy(retry=SOON)))
            await running.store(fresh())
            await until(all_are(running, "delivered", 1))
            return await running.query("SELECT number, status FROM attempts ORDER BY number")

    attempts = asyncio.run(scenario())

    assert attempts == [(1, 503), (2, 503), (3, 200)]
    assert len(set(seen)) == 1


def test_retries_are_jobs_of_the_scheduler_after_a_restart_too(url):
    async def jobs(running, count):
        await running.adopt(a_webhook())
        delivery = fresh()
        await running.store(delivery)
        await until(
            lambda: running.query("SELECT 1 WHERE (SELECT count(*) FROM attempts) = ?", count)
        )
        return delivery, running.scheduler.get_jobs("deliveries")

    async def scenario():
        async with engine(url, lambda _: httpx.Response(500)) as running:
            first, before = await jobs(running, 1)
        async with engine(url, lambda _: httpx.Response(500)) as running:
            second, after = await jobs(running, 2)
            job = running.scheduler.get_job(first.id, "deliveries")
        return first, second, before, after, job

    first, second, before, after, job = asyncio.run(scenario())

    assert [one.id for one in before] == [first.id]
    assert {one.id for one in after} == {first.id, second.id}
    assert job.next_run_time - clock.now() > timedelta(seconds=30)
    assert job.next_run_time == before[0].next_run_time


def test_a_person_can_move_a_retry_through_the_scheduler(url):
    async def scenario():
        async with engine(url, lambda _: httpx.Response(500)) as running:
            await running.adopt(a_webhook())
            delivery = fresh()
            await running.store(delivery)
            await until(lambda: running.query("SELECT 1 WHERE (SELECT count(*) FROM attempts) = 1"))
            running.scheduler.modify_job(delivery.id, "deliveries", next_run_time=clock.now())
            await until(lambda: running.query("SELECT 1 WHERE (SELECT count(*) FROM attempts) = 2"))

    asyncio.run(scenario())


def test_a_delivery_in_flight_at_the_end_is_attempted_again_after_a_restart(url):
    async def scenario():
        async with engine(url, lambda _: asyncio.sleep(3600), grace=0.05) as running:
            await running.adopt(a_webhook())
            await running.store(fresh())
            await until(lambda: running.dispatcher.in_flight == 1)
        async with engine(url, lambda _: httpx.Response(200)) as running:
            await running.adopt(a_webhook())
            await until(all_are(running, "delivered", 1))

    asyncio.run(scenario())


def test_a_lane_never_has_more_in_flight_than_its_concurrency(url):
    in_flight, most = 0, 0

    async def answer(_request):
        nonlocal in_flight, most
        in_flight += 1
        most = max(most, in_flight)
        await asyncio.sleep(0.01)
        in_flight -= 1
        return httpx.Response(200)

    async def scenario():
        async with engine(url, answer) as running:
            await running.adopt(a_webhook(delivery=a_policy(concurrency=3)))
            await running.store(*(fresh() for _ in range(60)))
            await until(all_are(running, "delivered", 60))

    asyncio.run(scenario())

    assert most == 3


def test_a_dead_webhook_takes_nothing_from_its_neighbours(url):
    """Every lane may always have one in flight, however full the shared slots are."""

    def answer(request):
        return asyncio.sleep(3600) if request.url.host == "dead" else httpx.Response(200)

    def hook(name):
        webhook = a_webhook(name, delivery=a_policy(concurrency=50))
        return replace(webhook, request=replace(webhook.request, url=f"https://{name}/"))

    async def scenario():
        async with engine(url, answer, max_in_flight=10, grace=0.05) as running:
            await running.adopt(hook("dead"), hook("alive"))
            await running.store(*(fresh("dead") for _ in range(100)))
            await running.store(*(fresh("alive") for _ in range(50)))
            await until(
                lambda: running.query("SELECT 1 WHERE (SELECT count(*) FROM attempts) = 50")
            )
            return running.dispatcher.in_flight

    assert asyncio.run(scenario()) == 10


def test_a_rate_limit_holds_in_every_window_and_over_restarts(url):
    limit = RateLimit(5, timedelta(milliseconds=400))
    starts = []

    def answer(_request):
        starts.append(clock.monotonic())
        return httpx.Response(200)

    async def scenario():
        webhook = a_webhook(delivery=a_policy(rate_limit=limit, concurrency=50))
        async with engine(url, answer) as running:
            await running.adopt(webhook)
            await running.store(*(fresh() for _ in range(20)))
            await until(lambda: len(starts) >= 7)
        async with engine(url, answer) as running:
            await running.adopt(webhook)
            await until(all_are(running, "delivered", 20))

    asyncio.run(scenario())

    assert len(starts) == 20
    spans = [later - earlier for earlier, later in zip(starts, starts[5:], strict=False)]
    assert min(spans) >= limit.per.total_seconds()


def test_a_retry_after_on_429_quiets_the_whole_lane(url):
    seen = []

    def answer(request):
        seen.append((clock.monotonic(), request.headers["webhook-id"]))
        if len(seen) == 1:
            return httpx.Response(429, headers={"Retry-After": "1"})
        return httpx.Response(200)

    async def scenario():
        policy = a_policy(concurrency=1, retry=SOON)
        async with engine(url, answer) as running:
            await running.adopt(a_webhook(delivery=policy))
            await running.store(*(fresh() for _ in range(5)))
            await until(all_are(running, "delivered", 5))

    asyncio.run(scenario())

    assert len(seen) == 6
    assert seen[1][0] - seen[0][0] >= 1.0


def test_a_410_holds_the_lane_until_its_request_changes(url):
    def answer(request):
        return httpx.Response(410 if request.url.path == "/old" else 200)

    def hook(path):
        webhook = a_webhook(delivery=a_policy(concurrency=1))
        request = replace(webhook.request, url=f"https://receiver.example{path}")
        return replace(webhook, request=request)

    async def scenario():
        async with engine(url, answer) as running:
            await running.adopt(hook("/old"))
            await running.store(*(fresh() for _ in range(5)))
            await until(lambda: running.query("SELECT 1 FROM lanes WHERE gone_reason IS NOT NULL"))
        async with engine(url, answer) as running:
            await running.adopt(hook("/old"))
            await running.store(fresh())
            held = await running.query("SELECT count(*) FROM attempts")
            await running.adopt(hook("/new"))
            await until(all_are(running, "delivered", 6))
            return held

    assert asyncio.run(scenario()) == [(1,)]


def test_a_removed_webhook_holds_its_deliveries_and_goes_on_when_it_returns(url):
    async def scenario():
        async with engine(url, lambda _: httpx.Response(200)) as running:
            await running.adopt(a_webhook())
            await running.adopt()
            await running.store(*(fresh() for _ in range(5)))
            await running.adopt(a_webhook("another"))
            before = await states(running)
            await running.adopt(a_webhook())
            await until(all_are(running, "delivered", 5))
            return before

    assert asyncio.run(scenario()) == [("pending", 5)]


def test_a_corrected_url_makes_what_waits_due_now(url):
    def answer(request):
        return httpx.Response(200 if request.url.host == "right" else 500)

    def hook(host):
        webhook = a_webhook()
        return replace(webhook, request=replace(webhook.request, url=f"https://{host}/"))

    async def scenario():
        async with engine(url, answer) as running:
            await running.adopt(hook("wrong"))
            await running.store(*(fresh() for _ in range(30)))
            await until(
                lambda: running.query("SELECT 1 WHERE (SELECT count(*) FROM attempts) = 30")
            )
            await running.adopt(hook("right"))
            await until(all_are(running, "delivered", 30))
            return await running.query("SELECT DISTINCT attempts FROM deliveries")

    assert asyncio.run(scenario()) == [(2,)]


def test_a_bug_in_an_attempt_costs_a_retry_and_no_delivery(url, capsys):
    def answer(_request):
        raise ZeroDivisionError

    async def scenario():
        async with engine(url, answer) as running:
            await running.adopt(a_webhook())
            await running.store(fresh())
            await until(lambda: running.query("SELECT 1 FROM attempts"))
            return await running.query("SELECT state, last_error FROM deliveries")

    ((state, error),) = asyncio.run(scenario())

    assert state == "pending"
    assert error.startswith("internal: a bug in webhookd (ZeroDivisionError)")


def test_a_flood_of_new_deliveries_does_not_starve_retries(url):
    seen = []

    async def answer(request):
        seen.append(request.headers["webhook-id"])
        await asyncio.sleep(0.001)
        return httpx.Response(500 if len(seen) == 1 else 200)

    async def flood(running, is_over):
        while not is_over():
            await running.store(*(fresh() for _ in range(10)))

    async def scenario():
        policy = a_policy(concurrency=1, retry=SOON)
        async with engine(url, answer) as running:
            await running.adopt(a_webhook(delivery=policy))
            first = fresh()
            await running.store(first)
            async with asyncio.timeout(10):
                await flood(running, lambda: first.id in seen[1:])

    asyncio.run(scenario())


@pytest.mark.parametrize("count", [1, 250])
def test_everything_due_at_once_is_delivered_once(url, count):
    seen = []

    def answer(request):
        seen.append(request.headers["webhook-id"])
        return httpx.Response(200)

    async def scenario():
        async with engine(url, answer, max_in_flight=20) as running:
            await running.adopt(*(a_webhook(f"w{number}") for number in range(4)))
            await running.store(*(fresh(f"w{number % 4}") for number in range(count)), offer=False)
            running.dispatcher.fetches.refetch()
            await until(all_are(running, "delivered", count))

    asyncio.run(scenario())

    assert len(seen) == len(set(seen)) == count
