"""Reading an API at scale: whether it is right, within the limits, and in how much memory.

`python -m benchmarks.polling` reads 100,000 contacts for the first time, then 5,000 that changed
in one millisecond, then 12,000. The API is the tests' fake, which refuses what HubSpot refuses;
waiting for the budget is not waited for but counted, on a clock of its own.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

from tests.polls import Polling, polling, settings
from webhookd.telemetry import logs

CONTACTS, BULKS = 100_000, (5_000, 12_000)
OK = 200


def main() -> None:
    """Measure and print."""
    logs.configure("console", "ERROR")
    with tempfile.TemporaryDirectory(prefix="webhookd-bench-") as folder:
        asyncio.run(_measure(f"sqlite:///{Path(folder) / 'webhookd.db'}"))


async def _measure(url: str) -> None:
    async with polling(url, settings()) as polls:
        account = polls.account
        ids = [account.create("contacts", {"email": f"{n}@x"}) for n in range(CONTACTS)]
        polls.time.seconds += 3600
        before = _memory()
        await _one(polls, "first read", 0)
        _say(f"  memory grew by {_memory() - before:.0f} MB")
        for count in BULKS:
            account.change_all("contacts", ids[:count], {"stage": f"of {count}"})
            await _one(polls, f"{count} in one millisecond", count)
            made = len(polls.fake.log)
            await polls.poll(times=20)
            _say(f"  {len(polls.fake.log) - made} requests in the ten minutes after it")
            if polls.news():
                raise SystemExit("something was told twice")
        _say(f"memory grew by {_memory() - before:.0f} MB in all")


async def _one(polls: Polling, name: str, expected: int) -> None:
    began, virtual, before = time.monotonic(), polls.time.seconds, len(polls.fake.log)
    await polls.poll(every=0)
    news = {one[0] for one in polls.news()}
    refused = sum(status != OK for *_, status in polls.fake.log)
    if len(news) != expected or refused or polls.fake.bad:
        raise SystemExit(f"{name}: {len(news)} told, {refused} refused, {polls.fake.bad}")
    _say(
        f"{name}: {len(polls.fake.log) - before} requests in {polls.time.seconds - virtual:.0f} s"
        f" of the API's time, none refused; {time.monotonic() - began:.1f} s of ours"
    )


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
