"""Polls that a wake hints at: few, none too early, and none forgotten."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.virtual_time import VirtualTime
from webhookd.sources.polling.poller import Poller
from webhookd.sources.polling.refusals import PollError, Refusal
from webhookd.sources.polling.request_budget import Budget, Burst
from webhookd.telemetry.figures import figures_of


class SteppedTime(VirtualTime):
    """Time that only a test moves; whoever sleeps is woken when it is there."""

    def __init__(self):
        super().__init__()
        self.sleepers = []

    async def sleep(self, seconds):
        reached = asyncio.get_running_loop().create_future()
        self.sleepers.append((self.seconds + seconds, reached))
        await reached

    async def pass_(self, seconds):
        end = self.seconds + seconds
        while True:
            await settled()
            self.sleepers = [one for one in self.sleepers if not one[1].done()]
            due = [one for one in self.sleepers if one[0] <= end]
            if not due:
                break
            at, reached = min(due, key=lambda one: one[0])
            self.seconds = max(at, self.seconds)
            reached.set_result(None)
        self.seconds = end


async def settled():
    for _ in range(30):
        await asyncio.sleep(0)


class TimedReader:
    """Notes when it polls; takes *seconds* for each, and raises its *errors* first."""

    def __init__(self, time, seconds=0.0, errors=()):
        self.time, self.seconds, self.errors = time, seconds, list(errors)
        self.began = []

    async def poll(self):
        self.began.append(round(self.time.seconds, 3))
        if self.seconds:
            await self.time.sleep(self.seconds)
        if self.errors and (error := self.errors.pop(0)):
            raise error


@pytest.fixture
def polled():
    """Return what runs a source, and *steps*: seconds to let pass, or what to do with it."""

    def run(*steps, seconds=0.0, errors=(), per_second=4.0, objects=1):
        time, jobs = SteppedTime(), []
        readers = [TimedReader(time, seconds, errors) for _ in range(objects)]
        budget = Budget(Burst(90, 10.0), clock=time.clock)

        def schedule(_period, work, _name):
            jobs.append(work)
            return lambda: jobs.remove(work)

        async def scenario():
            source = Poller(
                "library",
                timedelta(hours=1),
                [(one, figures_of("library", f"books{n}")) for n, one in enumerate(readers)],
                schedule=schedule,
                budget=budget,
                clock=time.clock,
                requests_per_second=per_second,
            )
            assert not source.hint()
            running = asyncio.create_task(source.run())
            await settled()
            scheduled = []
            for step in steps:
                if step == "hint":
                    assert source.hint()
                elif step == "wake":
                    source.wake()
                elif step == "scheduled":
                    scheduled += [asyncio.create_task(job()) for job in jobs]
                else:
                    await time.pass_(step)
                await settled()
            running.cancel()
            await asyncio.wait([running, *scheduled])

        asyncio.run(scenario())
        return readers[0].began if objects == 1 else [one.began for one in readers]

    return run


def refused(concerns, wait=0.0):
    return PollError(Refusal("the API answered so", concerns, "500", wait))


def test_hints_within_a_second_are_one(polled):
    assert polled("hint", 0.3, "hint", 0.3, "hint", 0.3, "hint", 60) == [1.0]


def test_hints_that_go_on_poll_once_a_second(polled):
    assert polled(*["hint", 0.1] * 50, 60) == [1.0, 2.0, 3.0, 4.0, 5.0]


def test_polls_keep_to_the_requests_that_a_source_allows_itself(polled):
    steps = ["hint", 1] * 30

    assert polled(*steps, 60, per_second=0.25, objects=2) == [[1.0, 9.0, 17.0, 25.0, 33.0]] * 2


def test_a_hint_during_a_poll_makes_one_more_behind_it(polled):
    assert polled("scheduled", 10, "hint", 5, "hint", 100, seconds=30.0) == [0.0, 30.0]


def test_a_scheduled_poll_that_begins_after_a_hint_is_enough(polled):
    assert polled("hint", 0.5, "scheduled", 60) == [0.5]


def test_a_poll_that_fails_is_made_up_for_behind_its_pause(polled):
    assert polled("hint", 60, errors=[refused("poll"), refused("poll")]) == [1.0, 2.0, 4.0]


def test_a_pause_that_the_api_asked_for_is_kept(polled):
    began = polled("scheduled", 1, *["hint", 0.5] * 20, 100, errors=[refused("token", 60.0)])

    assert began == [0.0, 60.0]


def test_a_refused_source_is_not_hammered(polled):
    began = polled("scheduled", 1, *["hint", 1] * 300, errors=[refused("source")] * 9)

    assert began == [0.0, 60.0, 180.0]


def test_a_refused_object_is_not_hammered(polled):
    assert polled("scheduled", 1, *["hint", 1] * 300, errors=[refused("object")]) == [0.0]


def test_a_hint_while_it_rests_is_followed_when_a_reload_ends_the_rest(polled):
    steps = ("scheduled", 1, "hint", 10, "wake", 1, "hint", 5)

    assert polled(*steps, errors=[refused("object")]) == [0.0, 11.0, 13.0]
