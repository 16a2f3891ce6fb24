"""Ten thousand attempts a second are offered to who watches: all are told or counted, in bounds."""

import asyncio
import gc
import json
import threading
import time
from types import SimpleNamespace

from tests.making import a_delivery, a_settlement
from webhookd.clock import SYSTEM
from webhookd.operations.feed.event_hub import EventHub
from webhookd.operations.feed.feed_entries import Ended
from webhookd.operations.feed.watcher import BUFFERED, DETAILED, Wish
from webhookd.telemetry.events import DeliveryAttempted

A_SECOND = 10_000
SECONDS = 3


def hub():
    nobody = SimpleNamespace(
        database=None,
        writer=SimpleNamespace(is_shared=False),
        secrets=SimpleNamespace(redactor=SimpleNamespace(text=str)),
    )
    return EventHub(nobody, SYSTEM)


def offer(hub, seconds):
    """Offer attempts from a thread of their own, as the daemon's work does."""
    events = [DeliveryAttempted(a_settlement(a_delivery(id=f"d{n}"))) for n in range(1000)]
    began = time.monotonic()
    for number in range(A_SECOND * seconds):
        hub.heard(events[number % len(events)])
        if number % 100 == 0:
            time.sleep(max(began + number / A_SECOND - time.monotonic(), 0))


async def heard(watcher, ids, skipped):
    async for part in watcher.told():
        for line in part.decode().splitlines():
            if line.startswith("data: {") and "attempts" in line:
                told = json.loads(line.removeprefix("data: "))
                ids += [one["id"] for one in told["attempts"]]
                skipped.append(told["skipped"])


def test_ten_thousand_a_second_are_told_or_counted_and_nothing_grows():
    ids, skipped, kept = [], [], []

    async def scenario():
        feed = hub()
        async with feed.watching(Wish(), None) as quick, feed.watching(Wish(), None) as slow:
            reading = asyncio.create_task(heard(quick, ids, skipped))
            offering = threading.Thread(target=offer, args=(feed, SECONDS))
            began = time.monotonic()
            offering.start()
            while offering.is_alive():
                await asyncio.sleep(0.5)
                kept.append(sum(isinstance(one, Ended) for one in gc.get_objects()))
            took = time.monotonic() - began
            late_ids, late_skipped = [], []
            late = asyncio.create_task(heard(slow, late_ids, late_skipped))
            await asyncio.sleep(1)
            feed.stop()
            await asyncio.gather(reading, late)
            return took, late_ids, late_skipped

    took, late_ids, late_skipped = asyncio.run(scenario())

    offered = A_SECOND * SECONDS
    assert len(ids) + sum(skipped) == offered
    assert len(ids) <= DETAILED * (took + 3)
    assert len(late_ids) + sum(late_skipped) == offered
    assert len(late_ids) <= 2 * DETAILED
    # What two buffers and the ring may hold, and what is on its way.
    assert max(kept) <= 3 * BUFFERED + 200
