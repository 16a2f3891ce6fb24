"""A webhook of which nothing is heard is attempted one at a time, until something is."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.engine import engine, until
from tests.making import NOW, a_delivery, a_policy, a_settlement, a_webhook
from tests.receiver import Answer, Receiver
from webhookd import clock
from webhookd.definitions import RetryPolicy
from webhookd.delivery.breaker import LIMIT, Breaker
from webhookd.model import Attempt, RetryAt
from webhookd.transport import Transport

PENDING = 500
CONCURRENCY = 10
TIMEOUT = timedelta(milliseconds=100)


def met(kind, status=None):
    """Return an attempt's settlement of that kind."""
    attempt = Attempt(1, NOW, 1.0, status, f"{kind}: nobody", "", "c0ffee000000")
    later = RetryAt(NOW + timedelta(minutes=1), "nobody")
    return a_settlement(a_delivery(), later, kind=kind, attempt=attempt)


def after(*settlements):
    breaker = Breaker("crm-mirror")
    for settlement in settlements:
        breaker.ended(settlement)
    return breaker


@pytest.mark.parametrize("reason", ["dns", "refused", "connect_timeout", "timeout", "reset"])
def test_a_webhook_is_probed_after_so_many_attempts_that_met_nobody(reason):
    nearly = after(*[met(reason)] * (LIMIT - 1))
    breaker = after(*[met(reason)] * LIMIT)

    assert (nearly.probed, nearly.slots(7)) == (None, 7)
    assert breaker.slots(7) == 1
    assert breaker.probed.since == met(reason).ended_at
    assert f"{reason}: nobody" in breaker.probed.reason


@pytest.mark.parametrize("reason", ["egress", "internal", "tls", "protocol"])
def test_what_somebody_else_is_the_cause_of_is_no_sign_that_nobody_is_there(reason):
    alone = after(*[met(reason)] * (2 * LIMIT))
    between = after(*[met("timeout")] * (LIMIT - 1), met(reason), met("timeout"))
    probed = after(*[met("timeout")] * LIMIT, met(reason))

    assert alone.probed is None
    assert between.probed is None
    assert probed.slots(7) == 1


@pytest.mark.parametrize(("kind", "status"), [("2xx", 204), ("5xx", 500), ("4xx", 404)])
def test_any_answer_ends_it(kind, status):
    breaker = after(*[met("refused")] * LIMIT, met(kind, status))

    assert (breaker.probed, breaker.slots(7)) == (None, 7)
    for _ in range(LIMIT - 1):
        breaker.ended(met("refused"))
    assert breaker.probed is None


def to(name, url, **policy):
    webhook = a_webhook(name, delivery=a_policy(**policy))
    return replace(webhook, request=replace(webhook.request, url=url))


def fresh(webhook, **changes):
    now = clock.now()
    return a_delivery(webhook, **({"created_at": now, "due_at": now} | changes))


def silent(_received):
    return Answer(is_silent=True)


def test_a_dead_receiver_gets_one_attempt_at_a_time_and_all_at_once_when_it_is_back(url):
    """The attempts under way when the last of so many ended may end; then it is one by one."""
    in_flight, back = [], []
    soon = RetryPolicy(first_after=timedelta(milliseconds=200), jitter=0.0)

    async def scenario(dead, well):
        transport = Transport(None)
        async with engine(url, None, transport=transport) as running:

            def observed(_received):
                in_flight.append(running.dispatcher.lanes.in_flight("dead"))
                return Answer(is_silent=True)

            def slow(_received):
                back.append(running.dispatcher.lanes.in_flight("dead"))
                return Answer(delay=0.02)

            dead.answer = observed
            policy = {"timeout": TIMEOUT, "concurrency": CONCURRENCY}
            await running.adopt(
                to("dead", dead.url, retry=soon, **policy), to("well", well.url, **policy)
            )
            await running.store(*(fresh("dead", record_id=str(n)) for n in range(PENDING)))
            await until(lambda: len(in_flight) > LIMIT + CONCURRENCY + 5)
            probed = running.dispatcher.lanes.probed("dead")
            before = len(in_flight)
            for _ in range(PENDING):
                await running.store(fresh("well"))
            await until(lambda: len(well.received) == PENDING)
            meanwhile = len(in_flight) - before
            dead.answer = slow
            await until(lambda: running.dispatcher.lanes.probed("dead") is None)
            at = len(back)
            await until(lambda: max(back, default=0) == CONCURRENCY)
            soon_full = len(back) - at
            await until(lambda: _is_all_delivered(running), 120)
            await transport.aclose()
            return probed, meanwhile, soon_full

    with Receiver(silent) as dead, Receiver() as well:
        probed, meanwhile, soon_full = asyncio.run(scenario(dead, well))

    assert max(in_flight[:LIMIT]) == CONCURRENCY
    assert set(in_flight[LIMIT + CONCURRENCY :]) == {1}
    assert "timeout: " in probed.reason
    assert meanwhile < PENDING
    assert soon_full <= 2 * CONCURRENCY
    assert len({one.id for one in dead.received}) == PENDING


async def _is_all_delivered(running):
    return await running.query("SELECT 1 FROM deliveries WHERE state != 'delivered'") == []


def test_each_delivery_of_a_probed_webhook_keeps_its_schedule_to_the_end(url):
    """A retry that is due waits for its turn, and nothing is given up without a last attempt."""
    short = RetryPolicy(
        first_after=timedelta(milliseconds=50),
        at_most_every=timedelta(milliseconds=400),
        give_up_after=timedelta(milliseconds=500),
        jitter=0.0,
    )

    async def scenario(dead):
        transport = Transport(None)
        async with engine(url, None, transport=transport) as running:
            policy = {"timeout": timedelta(milliseconds=10), "retry": short}
            await running.adopt(to("dead", dead.url, **policy))
            await running.store(*(fresh("dead", record_id=str(n)) for n in range(40)))
            await until(lambda: running.dispatcher.lanes.probed("dead") is not None)
            await until(lambda: _is_all_given_up(running), 30)
            rows = await running.query(
                "SELECT attempts, first_attempt_at, settled_at FROM deliveries"
            )
            await transport.aclose()
            return rows

    with Receiver(silent) as dead:
        rows = asyncio.run(scenario(dead))

    assert len(rows) == 40
    assert min(attempts for attempts, _, _ in rows) >= 2
    given_up_after = short.give_up_after.total_seconds() * 1_000_000
    assert all(settled - first >= given_up_after for _, first, settled in rows)


async def _is_all_given_up(running):
    return await running.query("SELECT 1 FROM deliveries WHERE state != 'failed'") == []


def test_a_changed_request_ends_the_probing_and_an_unchanged_one_does_not(url):
    """What began under the old request counts for nothing afterwards."""
    later = RetryPolicy(first_after=timedelta(hours=1), jitter=0.0)

    async def scenario(dead, well):
        transport = Transport(None)
        async with engine(url, None, transport=transport, grace=0.1) as running:
            policy = {"timeout": timedelta(milliseconds=50), "retry": later, "concurrency": 3}
            long = {**policy, "timeout": timedelta(hours=1)}
            await running.adopt(to("dead", dead.url, **policy))
            await running.store(*(fresh("dead", record_id=str(n)) for n in range(100)))
            await until(lambda: running.dispatcher.lanes.probed("dead") is not None)
            await running.adopt(to("dead", dead.url, **long))
            unchanged = running.dispatcher.lanes.probed("dead")
            await until(lambda: running.dispatcher.in_flight == 1)
            await running.adopt(to("dead", well.url, **policy))
            changed = running.dispatcher.lanes.probed("dead")
            await until(lambda: len(well.received) > 50)
            await transport.aclose()
            return unchanged, changed

    with Receiver(silent) as dead, Receiver() as well:
        unchanged, changed = asyncio.run(scenario(dead, well))

    assert unchanged is not None
    assert changed is None
