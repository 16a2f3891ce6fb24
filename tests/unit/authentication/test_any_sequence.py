"""Whatever happens in whichever order: one request at a time, pauses kept, dropped tokens gone."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.virtual_time import VirtualTime
from webhookd.authentication.client_credentials import ClientCredentials
from webhookd.errors import StorageError, TokenError
from webhookd.model import Secret
from webhookd.rules.token_exchange import Grant, NoGrant

ANSWERS = st.one_of(
    st.floats(0.001, 7200).map(lambda life: ("life", life)),
    st.just(("life", None)),
    st.floats(0, 600).map(lambda wait: ("failure", wait)),
)
STEPS = st.one_of(
    st.tuples(st.just("wait"), st.floats(0, 4000)),
    st.tuples(st.just("attempts"), st.integers(1, 20)),
    st.tuples(st.just("answer"), st.sampled_from([200, 401, 500])),
    st.tuples(st.just("late answer"), st.sampled_from([200, 401])),
    st.tuples(st.just("budget"), st.sampled_from(["free", "spent", "broken"])),
    st.tuples(st.just("server"), ANSWERS),
)


class World:
    """A server, a budget and a clock, and what must hold whenever one of them is asked."""

    def __init__(self):
        self.time = VirtualTime()
        self.answer = ("life", 3600.0)
        self.budget = "free"
        self.under_way = 0
        self.requests = 0
        self.not_before = 0.0
        self.failures = 0
        self.learned = set()
        self.carried, self.dropped, self.accepted = [], set(), set()
        self.credentials = ClientCredentials(
            "login.example.com",
            self,
            admit=self.admit,
            learn=lambda secret: self.learned.add(f"Bearer {secret.reveal()}"),
            clock=self.time.clock,
        )

    async def admit(self, at, most):
        await asyncio.sleep(0)
        if self.budget == "broken":
            self._failed(0.0)
            raise StorageError("away")
        if self.budget == "free":
            return None
        if most == 10:
            self._failed(60.0)
        return at + timedelta(seconds=60)

    async def ask(self):
        assert self.under_way == 0, "two requests at once"
        assert self.time.seconds >= self.not_before, "a request within a pause"
        self.under_way += 1
        self.requests += 1
        await asyncio.sleep(0)
        self.under_way -= 1
        kind, value = self.answer
        if kind == "life":
            self.failures, self.not_before = 0, 0.0
            return Grant(Secret(f"token {self.requests}"), value)
        self._failed(value)
        return NoGrant("it answered 500", "refused", value)

    def _failed(self, asked):
        self.failures += 1
        wait = max(min(2.0 ** (self.failures - 1), 60.0), asked)
        self.not_before = self.time.seconds + wait

    async def authorize(self):
        try:
            return await self.credentials.authorize(self.time.now())
        except TokenError:
            return None

    async def attempts(self, count):
        before = self.requests
        found = await asyncio.gather(*(self.authorize() for _ in range(count)))
        assert self.requests <= before + 2, "one ahead of time, and one in need"
        for one in filter(None, found):
            assert one.headers[0][1] in self.learned
            assert one.serial not in self.dropped, "a token that was refused"
            self.carried.append(one.serial)

    def answered(self, serial, status):
        said = self.credentials.refused(serial, status)
        if status == 401:
            self.dropped.add(serial)
            assert said == "later" or (said == "at_once" and serial in self.accepted)
        else:
            self.accepted.add(serial)
            assert said is None

    async def play(self, step, value):
        match step:
            case "wait":
                self.time.seconds += value
            case "budget":
                self.budget = value
            case "server":
                self.answer = value
            case "attempts":
                await self.attempts(value)
            case "answer" | "late answer" if self.carried:
                self.answered(self.carried[-1 if step == "answer" else 0], value)


@settings(max_examples=300)
@given(st.lists(STEPS, max_size=40))
def test_any_sequence_of_attempts_and_answers(steps):
    async def play():
        world = World()
        for step, value in steps:
            await world.play(step, value)

    asyncio.run(play())
