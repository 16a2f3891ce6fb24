"""Bugs on the way of a delivery: each costs its delivery a wait, and no lane stands still."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.engine import engine, until
from tests.making import a_delivery, a_webhook
from webhookd import clock, telemetry
from webhookd.delivery import settlements, slots
from webhookd.delivery.lanes.lane import Lane
from webhookd.storage.webhooks import latest_attempts
from webhookd.telemetry import logs
from webhookd.telemetry.events import BugFound
from webhookd.telemetry.reporter import Reporter

COUNT = 10


@pytest.fixture
def reported():
    """Return the events that are reported during a test."""
    found = []
    before = telemetry.use_reporter(Reporter(found.append))
    yield found
    telemetry.use_reporter(before)


def deliver(url, break_it, *, answer=None, is_settled_later=False):
    """Return the ids that arrived when COUNT deliveries are made while *break_it* is in force.

    And how many are pending in the end; with *is_settled_later* only when none is.
    """
    seen = []

    def answering(request):
        seen.append(request.headers["webhook-id"])
        return answer or httpx.Response(200)

    async def scenario():
        async with engine(url, answering) as running:
            await running.adopt(a_webhook())
            break_it(running)
            now = clock.now()
            await running.store(*(a_delivery(due_at=now, created_at=now) for _ in range(COUNT)))
            await until(lambda: len(set(seen)) == COUNT)
            await until(lambda: running.dispatcher.in_flight == 0)
            await running.dispatcher.settlements.drain()
            while True:
                (pending,) = await running.query(
                    "SELECT count(*) FROM deliveries WHERE state = 'pending'"
                )
                if not is_settled_later or pending[0] == 0:
                    return pending[0]
                await asyncio.sleep(0.05)

    return seen, asyncio.run(scenario())


def bugs(reported):
    return {one.name for one in reported if isinstance(one, BugFound)}


def test_an_attempt_that_cannot_begin_is_begun_again_and_the_others_go(url, reported, monkeypatch):
    monkeypatch.setattr(slots, "BUG_SECONDS", 0.05)

    def break_it(running):
        courier, times = running.dispatcher._slots._courier, 0
        attempt = courier.attempt

        async def broken(delivery, context):
            nonlocal times
            times += 1
            if times <= 3:
                raise RuntimeError("not today")
            return await attempt(delivery, context)

        monkeypatch.setattr(courier, "attempt", broken)

    seen, pending = deliver(url, break_it)

    assert (sorted(seen), pending) == (sorted(set(seen)), 0)
    assert bugs(reported) == {"delivery.attempt_broke"}


def test_what_breaks_behind_an_attempt_loses_no_settlement(url, reported, monkeypatch):
    def ended(*_):
        raise RuntimeError("not today")

    seen, pending = deliver(url, lambda _: monkeypatch.setattr(Lane, "ended", ended))

    assert (len(seen), pending) == (COUNT, 0)
    assert bugs(reported) == {"delivery.attempt_broke"}


def test_what_breaks_while_an_ended_attempt_looks_for_the_next_loses_none(
    url, reported, monkeypatch
):
    """What it has found by then is attempted, and whatever else waits is served later."""

    def break_it(running):
        scheduler, times = running.dispatcher._slots, 0
        served = scheduler._served

        def broken(lane):
            nonlocal times
            served(lane)
            times += 1
            if scheduler._is_task_free and times % 2:
                raise RuntimeError("not today")

        monkeypatch.setattr(scheduler, "_served", broken)

    seen, pending = deliver(url, break_it)

    assert (len(seen), pending) == (COUNT, 0)
    assert bugs(reported) <= {"delivery.attempt_broke"}


def test_an_answer_that_cannot_be_redacted_is_not_kept_and_nothing_is_sent_twice(
    url, reported, monkeypatch
):
    class Broken:
        def text(self, text):
            raise RuntimeError("not today")

        answer = text

    def break_it(running):
        secrets = running.dispatcher._slots._courier._secrets
        monkeypatch.setattr(secrets, "_redactor", Broken())

    seen, pending = deliver(url, break_it, answer=httpx.Response(200, content=b"thank you"))

    assert (len(seen), pending) == (COUNT, 0)
    assert bugs(reported) == {"delivery.attempt_broke"}


@pytest.mark.parametrize("secret", ["info", "warning", "delivery.attempted", "hook", "error"])
def test_a_secret_that_is_a_word_of_the_log_stops_no_lane(url, secret):
    logs.redact_with(lambda text: text.replace(secret, "***"))
    logs.configure("json", "DEBUG")

    seen, pending = deliver(url, lambda _: None)

    assert (len(seen), pending) == (COUNT, 0)


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("place", ["sums", "unit", "locks", "writing", "events", "event"])
def test_what_breaks_between_taking_a_group_and_writing_it_loses_no_settlement(
    url, reported, monkeypatch, place, times
):
    """A group that is lost in memory keeps its deliveries claimed: their lane would stand still."""
    monkeypatch.setattr(settlements, "BUG_SECONDS", 0.05)
    left = times

    def break_it(running):
        writer = running.dispatcher.settlements
        owner, name = {
            "sums": (latest_attempts, "summed"),
            "unit": (settlements, "_settle"),
            "locks": (writer, "_locks"),
            "writing": (writer, "_write"),
            "events": (writer._events, "together"),
            "event": (writer._events, "of_attempt"),
        }[place]
        whole = getattr(owner, name)

        def broken(*parts, **options):
            nonlocal left
            left -= 1
            if left >= 0:
                raise RuntimeError("not today")
            return whole(*parts, **options)

        monkeypatch.setattr(owner, name, broken)

    seen, pending = deliver(url, break_it, is_settled_later=True)

    assert (sorted(seen), pending) == (sorted(set(seen)), 0)
    assert bugs(reported) <= {"delivery.settlement_broke"}
