"""Deliveries with a token: one token server, one receiver, a real database between them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.engine import engine, until
from tests.making import a_delivery, a_policy, a_webhook
from tests.receiver import Answer, Receiver
from tests.token_server import TokenServer, granting, saying
from webhookd import clock
from webhookd.definitions import OAuth2, RateLimit, Request, RetryPolicy
from webhookd.model import Secret
from webhookd.transport import Transport

SOON = RetryPolicy(first_after=timedelta(milliseconds=50), factor=1.0, jitter=0.0)
SLOWLY = RetryPolicy(first_after=timedelta(hours=1), jitter=0.0)
SECRET = "secret-of-the-client"


def hook(receiver, server, name="crm-mirror", *, secret=SECRET, scope=None, **policy):
    client = OAuth2(server.token_url, "erp", Secret(secret), scope=scope)
    request = Request("POST", f"{receiver.url}/hook", client, body=a_webhook().request.body)
    return a_webhook(name, request=request, delivery=a_policy(**({"retry": SOON} | policy)))


def fresh(webhook="crm-mirror", **changes):
    now = clock.now()
    return a_delivery(webhook, **({"created_at": now, "due_at": now} | changes))


def settled(running, state, count):
    async def check():
        query = "SELECT count(*) FROM deliveries WHERE state = ?"
        return await running.query(query, state) == [(count,)]

    return check


def attempted(running, count):
    async def check():
        return (await running.query("SELECT count(*) FROM attempts"))[0][0] >= count

    return check


def attempts(running):
    return running.query("SELECT number, status, error FROM attempts ORDER BY started_at, number")


@asynccontextmanager
async def running_engine(url, **settings):
    transport = Transport()
    try:
        async with engine(url, None, transport=transport, **settings) as running:
            yield running
    finally:
        await transport.aclose()


def played(url, scenario, answer=lambda _: Answer(), script=None, **settings):
    """Play *scenario* with a receiver that answers as *answer* says, and return both servers."""

    async def play():
        async with running_engine(url, **settings) as running:
            await scenario(running, receiver, server)

    with Receiver(answer) as receiver, TokenServer(script) as server:
        asyncio.run(play())
    return receiver, server


def tokens_of(receiver):
    return [one.headers.get("authorization") for one in receiver.received]


def test_two_hundred_attempts_at_once_make_one_token_request(url):
    async def scenario(running, receiver, server):
        await running.adopt(hook(receiver, server, concurrency=200))
        await running.store(*(fresh() for _ in range(200)))
        await until(settled(running, "delivered", 200))

    receiver, server = played(url, scenario, script=lambda _: replace(granting("one"), delay=0.3))

    assert len(server.received) == 1
    assert tokens_of(receiver) == ["Bearer one"] * 200


def test_two_hundred_refusals_at_once_make_one_more_and_cost_an_attempt_each(url):
    valid = "token-1-of-the-server"

    def answer(received):
        is_valid = received.headers["authorization"] == f"Bearer {valid}"
        return Answer(204 if is_valid else 401, delay=0.3)

    async def scenario(running, receiver, server):
        nonlocal valid
        await running.adopt(hook(receiver, server, concurrency=200, retry=SLOWLY))
        await running.store(fresh())
        await until(settled(running, "delivered", 1))
        valid = "token-2-of-the-server"
        await running.store(*(fresh() for _ in range(200)))
        await until(settled(running, "delivered", 201))
        made = await running.query("SELECT status, count(*) FROM attempts GROUP BY status")
        assert sorted(made) == [(204, 201), (401, 200)]

    _, server = played(url, scenario, answer)

    assert len(server.received) == 2


def test_a_token_that_was_never_accepted_does_not_loop(url):
    async def scenario(running, receiver, server):
        await running.adopt(hook(receiver, server, retry=SLOWLY))
        await running.store(fresh())
        await until(attempted(running, 1))
        await asyncio.sleep(0.3)
        [(number, status, error)] = await attempts(running)
        assert (number, status) == (1, 401)
        assert error.startswith("token: the receiver does not take a token")
        assert await running.query("SELECT state FROM deliveries") == [("pending",)]

    receiver, server = played(url, scenario, lambda _: Answer(401))

    assert len(receiver.received) == len(server.received) == 1


def test_webhooks_that_say_the_same_share_a_token_and_others_do_not(url):
    async def scenario(running, receiver, server):
        hooks = [hook(receiver, server, f"w{number}") for number in range(3)]
        hooks.append(hook(receiver, server, "other", scope="more"))
        await running.adopt(*hooks)
        await running.store(*(fresh(one.name) for one in hooks))
        await until(settled(running, "delivered", 4))
        await running.adopt(*hooks)
        await running.store(fresh("w0"))
        await until(settled(running, "delivered", 5))

    receiver, server = played(url, scenario)

    assert len(server.received) == 2
    assert len(set(tokens_of(receiver))) == 2


def test_without_a_token_nothing_is_sent_and_what_waits_goes_when_there_is_one(url):
    async def scenario(running, receiver, server):
        await running.adopt(hook(receiver, server))
        await running.store(fresh())
        await until(settled(running, "delivered", 1), 30)
        (first, *_, last) = await attempts(running)
        assert first[1] is None
        host = server.url.removeprefix("http://")
        assert first[2] == (
            f"token: no token from {host}: it answered 401: invalid_scope (no such scope);"
            " check 'scope'"
        )
        assert last[1:] == (200, None)

    def script(number):
        refused = {"error": "invalid_scope", "error_description": "no such scope"}
        return saying(refused, 401) if number < 2 else granting("one")

    receiver, _ = played(url, scenario, script=script)

    assert tokens_of(receiver) == ["Bearer one"]


def test_a_thousand_due_deliveries_ask_a_server_that_fails_a_few_times_only(url):
    async def scenario(running, receiver, server):
        await running.adopt(hook(receiver, server, concurrency=50, retry=SLOWLY))
        await running.store(*(fresh() for _ in range(300)))
        await until(attempted(running, 300), 60)

    receiver, server = played(url, scenario, script=lambda _: Answer(500))

    assert receiver.received == []
    assert 1 <= len(server.received) <= 5


def test_another_secret_makes_what_waits_due_and_asks_anew(url):
    async def scenario(running, receiver, server):
        await running.adopt(hook(receiver, server, retry=SLOWLY))
        await running.store(fresh())
        await until(attempted(running, 1))
        server.script = lambda _: granting("right")
        await running.adopt(hook(receiver, server, retry=SLOWLY, secret="another-secret"))
        await until(settled(running, "delivered", 1))

    receiver, server = played(
        url, scenario, script=lambda _: saying({"error": "invalid_client"}, 401)
    )

    assert tokens_of(receiver) == ["Bearer right"]
    assert len(server.received) == 2


def test_ten_requests_in_ten_minutes_are_all_however_often_it_is_restarted(url):
    async def once(receiver, server):
        async with running_engine(url) as running:
            # Each daemon begins with the same deliveries, and no token.
            await running.adopt(hook(receiver, server, retry=SLOWLY))
            await running.store(fresh())
            delivered = "SELECT count(*) FROM attempts"
            before = (await running.query(delivered))[0][0]
            await until(attempted(running, before + 1))
            return await running.query("SELECT last_error FROM lanes")

    async def scenario():
        said = []
        for _ in range(13):
            said += await once(receiver, server)
        return said

    with Receiver() as receiver, TokenServer() as server:
        said = asyncio.run(scenario())

    assert len(server.received) == 10
    assert said[9] == (None,)
    assert "asked 10 times within 10 minutes, and is not asked again before 20" in said[10][0]


@pytest.mark.parametrize("fails", [True, False], ids=["without a token", "with one"])
def test_an_attempt_without_a_token_uses_no_start_of_the_rate_limit(url, fails):
    limit = RateLimit(1, timedelta(seconds=60))

    async def scenario(running, receiver, server):
        await running.adopt(hook(receiver, server, rate_limit=limit, retry=SLOWLY))
        await running.store(fresh(), fresh())
        await until(attempted(running, 2 if fails else 1))
        await asyncio.sleep(0.5)
        starts = await running.query("SELECT count(*) FROM starts")
        made = await running.query("SELECT count(*) FROM attempts")
        assert (starts, made) == (([(0,)], [(2,)]) if fails else ([(1,)], [(1,)]))

    played(url, scenario, script=lambda _: Answer(500) if fails else granting("one"))


def test_a_missing_token_begins_no_probing(url):
    async def scenario(running, receiver, server):
        await running.adopt(hook(receiver, server, retry=SLOWLY))
        await running.store(*(fresh() for _ in range(30)))
        await until(attempted(running, 30), 30)
        assert running.dispatcher.lanes.probed("crm-mirror") is None

    played(url, scenario, script=lambda _: Answer(500))


def test_an_echoed_token_is_hidden_in_what_is_kept(url):
    token = "a-token/with+every=form~of.it"

    async def scenario(running, receiver, server):
        await running.adopt(hook(receiver, server, retry=SLOWLY))
        await running.store(fresh())
        await until(attempted(running, 1))
        [(answer,)] = await running.query("SELECT answer FROM attempts")
        assert answer == "Bearer *** ***"

    def answer(received):
        encoded = "a-token%2Fwith%2Bevery%3Dform~of.it"
        return Answer(500, body=f"{received.headers['authorization']} {encoded}".encode())

    played(url, scenario, answer, script=lambda _: granting(token))
