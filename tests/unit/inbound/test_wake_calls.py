"""From a wake to whoever reads the source: here at once, elsewhere once a second at the most."""

from __future__ import annotations

import asyncio

from webhookd.inbound import wake_calls
from webhookd.inbound.wake_calls import WakeCalls


def test_a_source_that_is_read_here_is_hinted_at_and_nobody_else_hears_of_it():
    hinted, notified = [], []

    def hint(source):
        hinted.append(source)
        return True

    calls = WakeCalls(hint, lambda *told: notified.append(told))
    for _ in range(3):
        calls.call("crm")

    assert (hinted, notified) == (["crm"] * 3, [])


def test_others_are_notified_at_once_and_of_what_follows_within_a_second_once(monkeypatch):
    """The last wake is told in any case: its news may be what the first poll did not see."""
    monkeypatch.setattr(wake_calls, "TOLD_EVERY", 0.05)
    notified = []

    async def scenario():
        calls = WakeCalls(lambda _: False, lambda kind, about: notified.append((kind, *about)))
        for _ in range(50):
            calls.call("crm")
        calls.call("erp")
        at_once = list(notified)
        await asyncio.sleep(0.5)
        return at_once

    at_once = asyncio.run(scenario())

    assert at_once == [("woken", "crm"), ("woken", "erp")]
    assert notified == [*at_once, ("woken", "crm")]


def test_what_is_read_here_by_the_time_it_is_told_again_is_hinted_at(monkeypatch):
    monkeypatch.setattr(wake_calls, "TOLD_EVERY", 0.02)
    notified, hinted, here = [], [], []

    def hint(source):
        if here:
            hinted.append(source)
        return bool(here)

    async def scenario():
        calls = WakeCalls(hint, lambda *told: notified.append(told))
        calls.call("crm")
        calls.call("crm")
        here.append(True)
        await asyncio.sleep(0.3)

    asyncio.run(scenario())

    assert (len(notified), hinted) == (1, ["crm"])
