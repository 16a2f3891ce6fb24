"""What an attempt met and what became of it: every row of the table, through the whole engine."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine import engine, until
from tests.making import a_delivery, a_policy, a_webhook
from webhookd import clock
from webhookd.definitions import RetryPolicy
from webhookd.storage.webhooks import latest_attempts
from webhookd.transport import SendError

LATE = RetryPolicy(first_after=timedelta(hours=1), jitter=0.0)
SOON = RetryPolicy(first_after=timedelta(milliseconds=50), factor=1.0, jitter=0.0)
OK = httpx.Response(200)


def fresh(**changes):
    now = clock.now()
    return a_delivery(**({"created_at": now, "due_at": now} | changes))


async def attempts(running, count):
    await until(lambda: running.query("SELECT 1 WHERE (SELECT count(*) FROM attempts) >= ?", count))


def first_outcome(url, met):
    """Return state, attempts, due time and the lane's hold after one attempt that *met* this."""

    def answer(_request):
        if isinstance(met, SendError):
            raise met
        return httpx.Response(met)

    async def scenario():
        async with engine(url, answer) as running:
            await running.adopt(a_webhook(delivery=a_policy(retry=LATE)))
            await running.store(fresh())
            await attempts(running, 1)
            query = "SELECT state, attempts, due_at, gone_reason FROM deliveries, lanes"
            return (await running.query(query))[0]

    return asyncio.run(scenario())


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_2xx_is_delivered(url, status):
    assert first_outcome(url, status) == ("delivered", 1, None, None)


@pytest.mark.parametrize("status", [400, 401, 404, 408, 422, 499])
def test_any_status_that_is_not_retried_is_given_up(url, status):
    assert first_outcome(url, status) == ("failed", 1, None, None)


def test_a_410_is_kept_and_held(url):
    state, count, due_at, hold = first_outcome(url, 410)

    assert (state, count, hold) == ("pending", 1, "the receiver answered 410: it is gone")
    assert due_at is not None


@pytest.mark.parametrize(
    "met",
    [
        *(301, 307, 429, 500, 503, 599),
        *(
            SendError(reason, "told")
            for reason in (
                *("dns", "refused", "egress", "tls", "connect_timeout"),
                *("timeout", "reset", "protocol", "internal"),
            )
        ),
    ],
    ids=lambda met: met.reason if isinstance(met, SendError) else str(met),
)
def test_what_may_pass_is_tried_again_no_sooner_than_asked(url, met):
    before = clock.now()
    state, count, due_at, hold = first_outcome(url, met)

    assert (state, count, hold) == ("pending", 1, None)
    assert due_at >= (before + LATE.first_after).timestamp() * 1_000_000


def test_the_last_attempt_falls_on_the_time_of_giving_up(url):
    starts = []

    def answer(_request):
        starts.append(clock.monotonic())
        return httpx.Response(500)

    policy = RetryPolicy(
        first_after=timedelta(milliseconds=300), factor=1.0, give_up_after=timedelta(seconds=1)
    )

    async def scenario():
        async with engine(url, answer) as running:
            await running.adopt(a_webhook(delivery=a_policy(retry=policy)))
            await running.store(fresh())
            await until(lambda: running.query("SELECT 1 FROM deliveries WHERE state = 'failed'"))
            return await running.query("SELECT last_error FROM deliveries")

    ((error,),) = asyncio.run(scenario())

    assert starts[-1] - starts[0] >= 1.0
    assert "given up" in error


def test_the_time_of_giving_up_stands_still_while_held(url):
    """It was held for longer than it had left, and is attempted more than once after that."""
    policy = RetryPolicy(
        first_after=timedelta(milliseconds=200), factor=1.0, give_up_after=timedelta(seconds=2)
    )
    seen = []

    def answer(_request):
        seen.append(clock.monotonic())
        return httpx.Response(500)

    async def scenario():
        webhook = a_webhook(delivery=a_policy(retry=policy))
        async with engine(url, answer) as running:
            await running.adopt(webhook)
            await running.store(fresh())
            await attempts(running, 1)
            await running.adopt()
            held_at = clock.monotonic()
            await until(lambda: clock.monotonic() - held_at >= policy.give_up_after.total_seconds())
            made = len(seen)
            await running.adopt(webhook)
            await until(lambda: len(seen) >= made + 3)

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("asked", "unit"),
    [
        (lambda: "1", "seconds"),
        (lambda: "1000", "milliseconds"),
        # A date has whole seconds: two ahead are one at the least.
        (lambda: format_datetime(clock.now() + timedelta(seconds=2), usegmt=True), "seconds"),
    ],
    ids=["seconds", "milliseconds", "date"],
)
@pytest.mark.parametrize("status", [500, 503])
def test_retry_after_is_obeyed_and_pauses_others_on_503_only(url, status, asked, unit):
    starts = {}

    def answer(request):
        starts.setdefault(request.headers["webhook-id"], []).append(clock.monotonic())
        if sum(map(len, starts.values())) == 1:
            return httpx.Response(status, headers={"Retry-After": asked()})
        return OK

    policy = RetryPolicy(first_after=timedelta(milliseconds=10), jitter=0.0, retry_after_unit=unit)

    async def scenario():
        async with engine(url, answer) as running:
            await running.adopt(a_webhook(delivery=a_policy(concurrency=1, retry=policy)))
            await running.store(*(fresh() for _ in range(3)))
            await until(
                lambda: running.query(
                    "SELECT 1 WHERE (SELECT count(*) FROM deliveries WHERE state='delivered') = 3"
                )
            )

    asyncio.run(scenario())

    (first, again), *others = starts.values()
    assert again - first >= 1.0
    waited = min(start for (start,) in others) - first
    assert waited >= 1.0 if status == 503 else waited < again - first


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("store"), st.integers(1, 12)),
        st.tuples(st.just("adopt"), st.integers(0, 7)),
        st.tuples(st.just("remove"), st.just(0)),
    ),
    min_size=2,
    max_size=10,
)


@given(steps=STEPS, answers=st.lists(st.sampled_from([200, 410, 429, 500, 503]), max_size=12))
@settings(max_examples=25)
def test_whatever_is_reloaded_and_answered_each_is_delivered_once(tmp_path_factory, steps, answers):
    """Holds, pauses, retries and reloads in any order: nothing is stuck, nothing goes twice."""
    url = f"sqlite:///{tmp_path_factory.mktemp('any')}/webhookd.db"
    left, accepted = list(answers), []

    async def answer(request):
        await asyncio.sleep(0)
        status = left.pop() if left else 200
        if status == 200:
            accepted.append(request.headers["webhook-id"])
        return httpx.Response(status, headers={"Retry-After": "0"} if status == 503 else {})

    def hook(version):
        webhook = a_webhook(delivery=a_policy(concurrency=1 + version, retry=SOON))
        url = f"https://receiver.example/{version % 2}"
        headers = (("x-version", str(version)),)
        return replace(webhook, request=replace(webhook.request, url=url, headers=headers))

    async def scenario():
        count = 0
        async with engine(url, answer, max_in_flight=3) as running:
            await running.adopt(hook(0))
            for step, number in steps:
                if step == "store":
                    count += number
                    await running.store(*(fresh() for _ in range(number)))
                else:
                    await running.adopt(*([hook(number)] if step == "adopt" else []))
            left.clear()
            await running.adopt(hook(8))
            await until(
                lambda: running.query(
                    "SELECT 1 WHERE (SELECT count(*) FROM deliveries WHERE state='delivered') = ?",
                    count,
                )
            )
        return count

    count = asyncio.run(scenario())

    assert len(accepted) == len(set(accepted)) == count


def test_what_the_latest_attempts_came_to_is_known_after_a_restart(url):
    """Whichever daemon made them, and in however many groups they were written."""
    answers = iter([200, 503, 503, 404, 502, 502])

    def answer(_request):
        return httpx.Response(next(answers))

    async def scenario():
        seen = []
        for count in range(1, 7):
            async with engine(url, answer) as running:
                await running.adopt(a_webhook(delivery=a_policy(retry=LATE)))
                await running.store(fresh())
                await attempts(running, count)
            async with engine(url, answer) as running:
                [one] = (await running.writer.read(latest_attempts.of_all)).values()
                counted = await running.writer.read(latest_attempts.count_failing)
                seen.append((one.failing_attempts, one.last_error, one.is_failing, counted))
        return seen, one

    seen, last = asyncio.run(scenario())

    busy, bad = "the receiver answered 503", "the receiver answered 502"
    assert seen == [
        (0, None, False, 0),
        (1, busy, False, 0),
        (2, busy, False, 0),
        (3, "the receiver answered 404, which is not retried", False, 0),
        (4, bad, False, 0),
        (5, bad, True, 1),
    ]
    assert last.last_delivered_at < last.failing_since < last.last_error_at
