"""Polls of any API: one at a time, pauses after failures, and what a refusal stops."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.virtual_time import VirtualTime
from webhookd.sources.polling.object_polls import REFUSED_PAUSE
from webhookd.sources.polling.poller import Poller
from webhookd.sources.polling.refusals import PollError, Refusal
from webhookd.sources.polling.request_budget import Budget, Burst
from webhookd.telemetry.figures import figures_of

WAKE = object()
"""In place of a pause: the source is woken."""


class ScriptedReader:
    """Does at each poll what comes next: nothing, or raises an error."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.polls = 0

    async def poll(self):
        self.polls += 1
        if self.errors and (error := self.errors.pop(0)):
            raise error


@pytest.fixture
def poller():
    """Return what polls *readers* by turns, and lets seconds pass before each."""

    def run(*readers, pauses):
        time, jobs = VirtualTime(), []
        budget = Budget(Burst(90, 10.0), clock=time.clock)
        named = [(one, figures_of("library", f"books{n}")) for n, one in enumerate(readers)]

        def schedule(_period, work, _name):
            jobs.append(work)
            return lambda: jobs.remove(work)

        async def scenario():
            source = Poller(
                "library",
                timedelta(seconds=30),
                named,
                schedule=schedule,
                budget=budget,
                clock=time.clock,
            )
            task = asyncio.create_task(source.run())
            await asyncio.sleep(0)
            for pause in pauses:
                if pause is WAKE:
                    source.wake()
                    for _ in range(20):
                        await asyncio.sleep(0)
                    continue
                time.seconds += pause
                for job in tuple(jobs):
                    await job()
            task.cancel()
            await asyncio.wait([task])

        asyncio.run(scenario())
        assert jobs == []
        return [one.polls for one in readers]

    return run


def refused(concerns, wait=0.0):
    return PollError(Refusal("the API answered so", concerns, "500", wait))


def test_a_pause_doubles_with_each_failure_and_ends_with_a_success(poller):
    failing = ScriptedReader(refused("poll"), refused("poll"), None, None)

    assert poller(failing, pauses=[0, 0.9, 0.2, 1.8, 0.3, 0]) == [4]


def test_a_pause_is_never_shorter_than_was_asked_for(poller):
    assert poller(ScriptedReader(refused("token", wait=60.0)), pauses=[0, 59, 2]) == [2]


def test_a_refused_object_rests_alone(poller):
    resting, other = ScriptedReader(refused("object")), ScriptedReader()

    assert poller(resting, other, pauses=[0, REFUSED_PAUSE - 1, 2]) == [2, 3]


def test_a_refused_token_is_tried_again_by_one_poll_ever_more_seldom(poller):
    wrong = ScriptedReader(*[refused("source")] * 9)
    others = ScriptedReader()

    pauses = [0, 59, 2, 118, 3, 236, 5, 470, 15, 890, 15, 890, 15]
    assert poller(wrong, others, pauses=pauses) == [7, 0]


def test_a_token_that_is_taken_again_lets_all_polls_go_on(poller):
    wrong, other = ScriptedReader(refused("source"), None), ScriptedReader()

    assert poller(wrong, other, pauses=[0, 61, 1]) == [3, 2]


def test_what_rests_is_polled_at_once_when_it_is_woken(poller):
    resting, other = ScriptedReader(refused("object")), ScriptedReader()
    assert poller(resting, other, pauses=[0, 1, WAKE]) == [2, 2]

    wrong, other = ScriptedReader(refused("source")), ScriptedReader()
    assert poller(wrong, other, pauses=[0, 1, WAKE, 1]) == [3, 1]


def test_a_pause_that_the_api_asked_for_is_kept_when_it_is_woken(poller):
    asked = ScriptedReader(refused("request", wait=60.0))

    assert poller(asked, pauses=[0, 1, WAKE, 1]) == [1]


def test_a_bug_in_one_poll_costs_that_poll(poller):
    assert poller(ScriptedReader(ValueError("a bug")), ScriptedReader(), pauses=[0, 2]) == [2, 2]
