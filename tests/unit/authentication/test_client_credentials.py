"""One token for many: when it is asked for, renewed, dropped, and not asked for."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.virtual_time import EPOCH, VirtualTime
from webhookd.authentication.client_credentials import LONGEST_WAIT, ClientCredentials
from webhookd.errors import StorageError, TokenError
from webhookd.model import Secret
from webhookd.rules.token_exchange import Grant, NoGrant

FAILED = NoGrant("it answered 500", "refused")


class Server:
    """Answers each request as the script says, the last one for ever; a request takes *seconds*."""

    def __init__(self, time, *answers, seconds=0.0):
        self.answers = list(answers)
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self._time, self._seconds = time, seconds

    async def ask(self):
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        await self.gate.wait()
        self._time.seconds += self._seconds
        if isinstance(answer, float):
            return Grant(Secret(f"token-{self.asked}"), answer or None)
        return answer


class Stage:
    """Credentials with a scripted server, a clock that a test moves, and a count that admits."""

    def __init__(self, *answers, seconds=0.0):
        self.time = VirtualTime()
        self.server = Server(self.time, *answers, seconds=seconds)
        self.learned = []
        self.admitted = []
        self.until = None
        self.refusing = None
        self.credentials = ClientCredentials(
            "login.example.com",
            self.server,
            admit=self._admit,
            learn=lambda secret: self.learned.append(secret.reveal()),
            clock=self.time.clock,
        )

    async def _admit(self, at, most):
        if self.refusing is not None:
            raise self.refusing
        self.admitted.append((at, most))
        return None if self.until is None or len(self.admitted) <= most else self.until

    async def token(self):
        """Return the token that an attempt would carry now, and its serial."""
        authorization = await self.credentials.authorize(self.time.now())
        ((name, value),) = authorization.headers
        assert name == "authorization"
        return value, authorization.serial

    async def why(self):
        """Return why there is no token."""
        with pytest.raises(TokenError) as caught:
            await self.token()
        return str(caught.value)


def played(scenario, *answers, **options):
    async def play():
        return await scenario(Stage(*answers, **options))

    return asyncio.run(play())


def test_a_token_is_hidden_before_anything_can_carry_it():
    async def scenario(stage):
        assert await stage.token() == ("Bearer token-1", 1)
        assert stage.learned == ["token-1"]

    played(scenario, 3600.0)


def test_two_hundred_attempts_at_once_ask_once():
    async def scenario(stage):
        found = await asyncio.gather(*(stage.token() for _ in range(200)))
        assert set(found) == {("Bearer token-1", 1)}
        assert stage.server.asked == 1

    played(scenario, 3600.0)


def test_two_hundred_refusals_at_once_ask_once_more():
    async def scenario(stage):
        _, serial = await stage.token()
        assert stage.credentials.refused(serial, 204) is None
        answers = [stage.credentials.refused(serial, 401) for _ in range(200)]
        found = await asyncio.gather(*(stage.token() for _ in range(200)))
        assert set(answers) == {"at_once"}
        assert set(found) == {("Bearer token-2", 2)}
        assert stage.server.asked == 2

    played(scenario, 3600.0)


def test_a_token_that_was_never_accepted_waits_for_the_schedule():
    async def scenario(stage):
        for number in range(1, 4):
            _, serial = await stage.token()
            assert serial == number
            assert stage.credentials.refused(serial, 401) == "later"

    played(scenario, 3600.0)


def test_a_late_answer_to_a_former_token_does_not_drop_the_new_one():
    async def scenario(stage):
        _, first = await stage.token()
        stage.credentials.refused(first, 500)
        stage.credentials.refused(first, 401)
        assert await stage.token() == ("Bearer token-2", 2)
        assert stage.credentials.refused(first, 401) == "at_once"
        assert stage.credentials.refused(first, 200) is None
        assert await stage.token() == ("Bearer token-2", 2)
        assert stage.credentials.refused(99, 401) == "later"

    played(scenario, 3600.0)


def test_the_first_attempt_past_four_fifths_renews_and_the_others_go_on():
    async def scenario(stage):
        await stage.token()
        stage.time.seconds = 79.0
        assert await stage.token() == ("Bearer token-1", 1)
        stage.time.seconds = 80.0
        stage.server.gate.clear()
        first = asyncio.create_task(stage.token())
        await asyncio.sleep(0)
        assert await stage.token() == ("Bearer token-1", 1)
        stage.server.gate.set()
        assert await first == ("Bearer token-2", 2)
        assert await stage.token() == ("Bearer token-2", 2)
        assert stage.server.asked == 2

    played(scenario, 100.0)


def test_where_renewing_fails_the_old_token_serves_until_its_end():
    async def scenario(stage):
        await stage.token()
        stage.time.seconds = 80.0
        assert await stage.token() == ("Bearer token-1", 1)
        assert await stage.token() == ("Bearer token-1", 1)
        assert stage.server.asked == 2, "there is a pause after a failure"
        stage.time.seconds = 81.0
        assert await stage.token() == ("Bearer token-1", 1)
        assert stage.server.asked == 3
        stage.time.seconds = 100.0
        assert await stage.why() == "no token from login.example.com: it answered 500"

    played(scenario, 100.0, FAILED)


def test_a_token_without_a_life_is_used_until_it_is_refused():
    async def scenario(stage):
        await stage.token()
        stage.time.seconds = 10_000_000.0
        assert await stage.token() == ("Bearer token-1", 1)

    played(scenario, 0.0)


def test_a_life_counts_from_the_request_and_a_short_one_serves_who_waited():
    async def scenario(stage):
        assert await stage.token() == ("Bearer token-1", 1)
        assert stage.time.seconds == 5.0
        assert await stage.token() == ("Bearer token-2", 2)

    played(scenario, 4.0, seconds=5.0)


def test_after_a_failure_nobody_asks_for_a_while():
    async def scenario(stage):
        asked = []
        for second in range(200):
            stage.time.seconds = float(second)
            await stage.why()
            await stage.why()
            asked.append(stage.server.asked)
        grown = [second for second in range(1, 200) if asked[second] > asked[second - 1]]
        assert grown == [1, 3, 7, 15, 31, 63, 123, 183]

    played(scenario, FAILED)


def test_a_server_is_left_alone_for_as_long_as_it_asks_for():
    async def scenario(stage):
        await stage.why()
        stage.time.seconds = 299.0
        await stage.why()
        assert stage.server.asked == 1
        stage.time.seconds = 300.0
        assert await stage.token() == ("Bearer token-2", 1)

    played(scenario, NoGrant("it answered 429", "refused", 300.0), 60.0)


def test_a_success_ends_the_growing_of_pauses():
    async def scenario(stage):
        await stage.why()
        stage.time.seconds = 1.0
        _, serial = await stage.token()
        stage.credentials.refused(serial, 401)
        await stage.why()
        stage.time.seconds = 2.0
        await stage.token()

    played(scenario, FAILED, 60.0, FAILED, 60.0)


def test_who_may_not_ask_says_until_when_and_asks_nobody():
    async def scenario(stage):
        stage.until = EPOCH + timedelta(seconds=321)
        stage.admitted = [None] * 10
        said = await stage.why()
        assert "10 times within 10 minutes" in said
        assert said.endswith("before 2026-03-01 00:05:21 UTC")
        assert stage.server.asked == 0
        stage.until, stage.time.seconds = None, 320.0
        await stage.why()
        assert stage.server.asked == 0
        stage.time.seconds = 321.0
        await stage.token()

    played(scenario, 60.0)


def test_renewing_ahead_leaves_half_of_the_requests_for_need():
    async def scenario(stage):
        stage.until = EPOCH + timedelta(seconds=600)
        await stage.token()
        stage.admitted = [None] * 5
        stage.time.seconds = 90.0
        assert await stage.token() == ("Bearer token-1", 1)
        assert await stage.token() == ("Bearer token-1", 1)
        assert len(stage.admitted) == 6
        stage.time.seconds = 100.0
        assert await stage.token() == ("Bearer token-2", 2)

    played(scenario, 100.0)


def test_where_a_request_cannot_be_counted_it_is_not_made():
    async def scenario(stage):
        stage.refusing = StorageError("the disk is full")
        assert "the disk is full" in await stage.why()
        assert stage.server.asked == 0
        stage.refusing, stage.time.seconds = None, 1.0
        await stage.token()

    played(scenario, 60.0)


def test_an_attempt_that_is_cut_off_does_not_end_the_request_of_the_others():
    async def scenario(stage):
        stage.server.gate.clear()
        one, other = (asyncio.create_task(stage.token()) for _ in range(2))
        await asyncio.sleep(0)
        one.cancel()
        await asyncio.gather(one, return_exceptions=True)
        stage.server.gate.set()
        assert await other == ("Bearer token-1", 1)
        assert stage.server.asked == 1

    played(scenario, 60.0)


async def refused_while_renewing(stage, asking):
    """Return the task of *asking* that renews a token, after another had the old one refused."""
    _, serial = await stage.token()
    stage.time.seconds = 90.0
    stage.server.gate.clear()
    renewing = asyncio.create_task(asking())
    await asyncio.sleep(0)
    stage.credentials.refused(serial, 401)
    return renewing


def test_a_token_dropped_while_it_is_renewed_is_used_by_nobody():
    async def scenario(stage):
        renewing = await refused_while_renewing(stage, stage.token)
        waiting = asyncio.create_task(stage.token())
        await asyncio.sleep(0)
        stage.server.gate.set()
        assert await renewing == await waiting == ("Bearer token-2", 2)

    played(scenario, 100.0)


def test_a_token_dropped_while_renewing_fails_is_used_by_nobody():
    async def scenario(stage):
        renewing = await refused_while_renewing(stage, stage.why)
        stage.server.gate.set()
        assert "it answered 500" in await renewing

    played(scenario, 100.0, FAILED)


def test_nobody_waits_for_ever(monkeypatch):
    monkeypatch.setattr("webhookd.authentication.client_credentials.LONGEST_WAIT", 0.01)

    async def scenario(stage):
        stage.server.gate.clear()
        assert "nothing came within" in await stage.why()
        stage.server.gate.set()
        assert await stage.token() == ("Bearer token-1", 1)
        assert stage.server.asked == 1

    played(scenario, 60.0)
    assert LONGEST_WAIT > 10


def test_the_age_is_that_of_the_token_in_use():
    async def scenario(stage):
        assert stage.credentials.age() is None
        _, serial = await stage.token()
        stage.time.seconds = 30.0
        assert stage.credentials.age() == 30.0
        stage.credentials.refused(serial, 401)
        assert stage.credentials.age() is None
        await stage.token()
        stage.time.seconds = 1_000.0
        assert stage.credentials.age() is None

    played(scenario, 60.0)
