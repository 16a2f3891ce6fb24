"""What other senders of webhooks get wrong, one test each: real receivers, the real transport."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.engine import engine, until
from tests.integration.transport.scripted import (
    OK,
    Peer,
    Receiver,
    answering,
    closing,
    until_closed,
)
from tests.making import a_delivery, a_policy, a_webhook
from webhookd import clock
from webhookd.definitions import RateLimit, RetryPolicy
from webhookd.model import Rendered
from webhookd.transport import Transport

SOON = RetryPolicy(first_after=timedelta(milliseconds=50), jitter=0.0)


@asynccontextmanager
async def sending(url: str, **settings: object):
    """Run an engine that sends over the real transport."""
    async with (
        Transport() as transport,
        engine(url, transport.handle_async_request, **settings) as running,
    ):
        yield running


def a_webhook_to(receiver: Receiver, name: str = "crm-mirror", *, headers=(), **policy):
    webhook = a_webhook(name, delivery=a_policy(**policy))
    return replace(webhook, request=replace(webhook.request, url=receiver.url(), headers=headers))


def fresh(webhook: str = "crm-mirror", body: bytes = b"{}"):
    now = clock.now()
    rendered = Rendered("POST", body, "application/json", "")
    return a_delivery(webhook, created_at=now, due_at=now, rendered=rendered)


async def attempted(running, count: int = 1):
    async def check():
        rows = await running.query("SELECT number, status, error FROM attempts ORDER BY number")
        return rows if len(rows) >= count else []

    await until(check)
    return await check()


async def states(running) -> list[tuple[str, str]]:
    return await running.query(
        "SELECT webhook, state FROM deliveries JOIN lanes ON lane = lanes.number ORDER BY webhook"
    )


def settled(running, *expected: tuple[str, str]):
    async def check():
        return await states(running) == list(expected)

    return check


@pytest.mark.parametrize("status", [300, 302, 304, 308, 399])
def test_a_redirect_is_not_a_success_and_is_not_followed(url, status):
    async def scenario():
        async with Receiver(answering(OK)) as elsewhere:
            location = elsewhere.url().encode()
            head = b"HTTP/1.1 %d Elsewhere\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n"
            answer = answering(head % (status, location))
            async with Receiver(answer) as receiver, sending(url) as running:
                await running.adopt(a_webhook_to(receiver))
                await running.store(fresh())
                ((_, found, _),) = await attempted(running)
                return found, await states(running), elsewhere.accepted

    found, state, followed = asyncio.run(scenario())

    assert (found, followed) == (status, 0)
    assert state == [("crm-mirror", "pending")]


def test_there_is_no_hidden_second_try(url):
    """On a connection that was kept, where it tempts most: the request has been read."""
    seen = []

    async def script(peer: Peer) -> None:
        seen.append(await peer.request())
        await peer.say(OK)
        seen.append(await peer.request())

    async def scenario():
        async with Receiver(script) as receiver, sending(url) as running:
            await running.adopt(a_webhook_to(receiver))
            await running.store(fresh())
            await attempted(running, 1)
            await running.store(fresh())
            return await attempted(running, 2), receiver.accepted

    attempts, connections = asyncio.run(scenario())

    assert len(seen) == len(attempts) == 2
    assert connections == 1
    assert sorted((error or "").partition(":")[0] for _, _, error in attempts) == ["", "reset"]


def test_a_retry_after_is_obeyed_in_full(url):
    answer = b"HTTP/1.1 503 Later\r\nRetry-After: 5000\r\nContent-Length: 0\r\n\r\n"

    async def scenario():
        async with Receiver(answering(answer)) as receiver, sending(url) as running:
            await running.adopt(a_webhook_to(receiver, retry=SOON))
            delivery = fresh()
            await running.store(delivery)
            await attempted(running)
            return running.scheduler.get_job(delivery.id, "deliveries").next_run_time

    started = clock.now()

    assert asyncio.run(scenario()) - started >= timedelta(seconds=5000)


def test_every_retry_has_jitter(url):
    answer = b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"

    async def scenario():
        async with (
            Receiver(answering(answer)) as receiver,
            sending(url, dice=lambda: 0.5) as running,
        ):
            await running.adopt(a_webhook_to(receiver))
            delivery = fresh()
            await running.store(delivery)
            await attempted(running)
            return running.scheduler.get_job(delivery.id, "deliveries").next_run_time

    started = clock.now()
    wait = asyncio.run(scenario()) - started

    assert timedelta(seconds=63) <= wait < timedelta(seconds=80)


def test_every_accepted_limit_is_enforced(url):
    """Attempts at once, attempts in a window, and how long one may take."""
    at_once, most = 0, 0

    async def slow(peer: Peer) -> None:
        nonlocal at_once, most
        while await peer.request():
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.02)
            at_once -= 1
            await peer.say(OK)

    async def scenario():
        async with (
            Receiver(slow) as receiver,
            Receiver(until_closed) as silent,
            sending(url, grace=0) as running,
        ):
            few = RateLimit(3, timedelta(hours=1))
            await running.adopt(
                a_webhook_to(receiver, "concurrent", concurrency=2),
                a_webhook_to(silent, "limited", rate_limit=few, timeout=timedelta(minutes=1)),
                a_webhook_to(silent, "timed", timeout=timedelta(milliseconds=100)),
            )
            await running.store(*(fresh("concurrent") for _ in range(20)))
            await running.store(*(fresh("limited") for _ in range(9)))
            await running.store(fresh("timed"))
            await attempted(running, 21)
            await until(lambda: silent.accepted == 4)
            errors = await running.query("SELECT error FROM attempts WHERE error IS NOT NULL")
            return errors, silent.accepted

    errors, accepted = asyncio.run(asyncio.wait_for(scenario(), 60))

    assert most == 2
    assert accepted == 4
    assert [error.partition(":")[0] for (error,) in errors] == ["timeout"]


def test_numbers_arrive_as_they_were(url):
    body = b'{"amount":1.10,"id":12345678901234567890,"small":1e-400}'
    got = []

    async def script(peer: Peer) -> None:
        got.append((await peer.request()).partition(b"\r\n\r\n")[2])
        await peer.say(OK)

    async def scenario():
        async with Receiver(script) as receiver, sending(url) as running:
            await running.adopt(a_webhook_to(receiver))
            await running.store(fresh(body=body))
            await attempted(running)

    asyncio.run(scenario())

    assert got == [body]
    assert json.loads(got[0])


@pytest.mark.parametrize("head", [b"", b"Transfer-Encoding: chunked\r\n"])
def test_an_answer_with_an_endless_body_neither_hangs_nor_repeats_for_ever(url, head):
    async def endless(peer: Peer) -> None:
        while not peer.writer.is_closing():
            await peer.say(b"1000\r\n%b\r\n" % (b"x" * 4096) * 10)

    answer = b"HTTP/1.1 200 OK\r\n" + head + b"\r\n"

    async def scenario():
        async with Receiver(answering(answer, then=endless)) as receiver, sending(url) as running:
            await running.adopt(a_webhook_to(receiver))
            await running.store(fresh())
            await until(settled(running, ("crm-mirror", "delivered")))
            return await attempted(running), receiver.accepted

    attempts, accepted = asyncio.run(asyncio.wait_for(scenario(), 30))

    assert attempts == [(1, 200, None)]
    assert accepted == 1


def test_one_poison_record_stops_nothing_else(url):
    """A delivery that cannot be written as a request beside, and before, one that can."""
    poison = (("X-Poison", "a\r\nb"),)

    async def scenario():
        async with Receiver(answering(OK)) as receiver, sending(url) as running:
            await running.adopt(
                a_webhook_to(receiver, "a-poison", headers=poison),
                a_webhook_to(receiver, "healthy"),
            )
            await running.store(fresh("a-poison"), fresh("healthy"))
            await until(settled(running, ("a-poison", "pending"), ("healthy", "delivered")))
            return await attempted(running, 2)

    attempts = asyncio.run(scenario())

    assert sorted(error or "" for _, _, error in attempts)[1].startswith("internal: ")


@pytest.mark.parametrize("dead", [until_closed, closing], ids=["silent", "hangs up"])
def test_one_dead_receiver_stops_nothing_else(url, dead):
    async def scenario():
        async with (
            Receiver(dead) as receiver,
            Receiver(answering(OK)) as healthy,
            sending(url, max_in_flight=4, grace=0) as running,
        ):
            await running.adopt(
                a_webhook_to(receiver, "a-dead", concurrency=50),
                a_webhook_to(healthy, "healthy"),
            )
            await running.store(*(fresh("a-dead") for _ in range(50)))
            await running.store(*(fresh("healthy") for _ in range(50)))
            count = "SELECT 1 WHERE (SELECT count(*) FROM deliveries WHERE state = ?) = 50"
            await until(lambda: running.query(count, "delivered"))

    asyncio.run(asyncio.wait_for(scenario(), 30))


def test_nothing_vanishes_while_a_webhook_is_off(url):
    async def scenario():
        async with Receiver(answering(OK)) as receiver, sending(url) as running:
            webhook = a_webhook_to(receiver)
            await running.adopt(webhook)
            await running.adopt()
            await running.store(*(fresh() for _ in range(5)))
            before = await states(running), receiver.accepted
            await running.adopt(webhook)
            await until(settled(running, *[("crm-mirror", "delivered")] * 5))
            return before

    before, accepted = asyncio.run(scenario())

    assert before == [("crm-mirror", "pending")] * 5
    assert accepted == 0
