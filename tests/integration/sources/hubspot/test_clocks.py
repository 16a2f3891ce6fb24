"""Clocks that are wrong: this machine's, that of HubSpot's `Date`, or both; nothing is missed."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tests.polls import CUSTOMER, DELETIONS, LEAD, an_old, polling, settings
from tests.virtual_time import VirtualTime
from webhookd.telemetry import logs

DAY = 86_400
SKEWS = [-DAY, -600, 10, DAY]
WHOSE = ["machine", "date", "both"]


class SkewedTime(VirtualTime):
    """A clock that may be wrong; `timestamp` is when things really happen."""

    def __init__(self):
        super().__init__()
        self.skew = 0

    def now(self):
        return super().now() + timedelta(seconds=self.skew)

    def timestamp(self):
        return super().now().timestamp()


@asynccontextmanager
async def skewed(url, source):
    time = SkewedTime()
    async with polling(url, source, time=time) as polls:
        yield polls


def set_clocks(polls, whose, seconds):
    polls.time.skew = seconds if whose in {"machine", "both"} else 0
    polls.fake.date_skew = seconds if whose in {"date", "both"} else 0


@pytest.mark.parametrize("start", ["now", "beginning"])
@pytest.mark.parametrize("whose", WHOSE)
@pytest.mark.parametrize("seconds", SKEWS)
def test_clocks_that_are_wrong_from_the_start_lose_nothing(url, whose, seconds, start):
    async def scenario():
        async with skewed(url, settings(DELETIONS, start=start)) as polls:
            set_clocks(polls, whose, seconds)
            old = an_old(polls, 250)
            await polls.poll()
            first = polls.news()
            expected = []
            for number, id_ in enumerate(old[:10]):
                polls.account.change("contacts", id_, {"stage": "customer"})
                expected.append((id_, "updated", CUSTOMER))
                new = polls.account.create("contacts", {"email": f"{number}@x"})
                expected.append((new, "created", {"email": f"{number}@x"}))
                await polls.poll(every=1)
            polls.account.archive("contacts", old[20])
            expected.append((old[20], "deleted", LEAD))
            await polls.poll(times=3)
            await polls.run_source()
            polls.account.change("contacts", old[30], {"stage": "customer"})
            expected.append((old[30], "updated", CUSTOMER))
            await polls.poll(times=3)
            return first, polls.news(), expected, old, polls.figures().failures

    first, news, expected, old, failures = asyncio.run(scenario())

    assert first == ([] if start == "now" else [(id_, "created", LEAD) for id_ in old])
    assert sorted(map(str, news)) == sorted(map(str, expected))
    assert failures == 0


@pytest.mark.parametrize("whose", WHOSE)
@pytest.mark.parametrize("seconds", SKEWS)
def test_clocks_that_go_wrong_in_the_middle_and_right_again_lose_nothing(url, whose, seconds):
    async def scenario():
        async with skewed(url, settings(DELETIONS)) as polls:
            old = an_old(polls, 30)
            await polls.poll(times=3)
            expected = []
            for number, skew in enumerate([seconds] * 6 + [0] * 6):
                set_clocks(polls, whose, skew)
                polls.account.change("contacts", old[number], {"stage": "customer"})
                expected.append((old[number], "updated", CUSTOMER))
                expected.append((polls.account.create("contacts", LEAD), "created", LEAD))
                await polls.poll(every=60)
                if number == 3:
                    await polls.run_source()
            await polls.poll(times=3)
            return polls.news(), expected, polls.figures().failures

    news, expected, failures = asyncio.run(scenario())

    assert sorted(map(str, news)) == sorted(map(str, expected))
    assert failures == 0


@pytest.mark.parametrize("whose", WHOSE)
@pytest.mark.parametrize("seconds", SKEWS)
def test_a_burst_of_many_pages_is_told_at_once_whatever_the_clocks_say(url, whose, seconds):
    async def scenario():
        async with skewed(url, settings()) as polls:
            ids = an_old(polls, 1000)
            await polls.poll()
            set_clocks(polls, whose, seconds)
            for id_ in ids:
                polls.time.seconds += 0.002
                polls.account.change("contacts", id_, {"stage": "customer"})
            await polls.poll()
            return len(polls.news()), ids

    told, ids = asyncio.run(scenario())

    assert told == len(ids)


@pytest.mark.parametrize("seconds", [-DAY, DAY])
def test_what_is_changed_during_a_first_read_is_told_when_one_clock_is_wrong(url, seconds):
    async def scenario(whose):
        async with skewed(f"{url}-{whose}", settings()) as polls:
            set_clocks(polls, whose, seconds)
            first, *_, last = an_old(polls, 250)

            def between(kind, _object):
                if kind == "list":
                    polls.time.seconds += 2
                    polls.fake.between = lambda *_: None
                    polls.account.change("contacts", first, {"stage": "customer"})
                    polls.account.change("contacts", last, {"stage": "customer"})

            polls.fake.between = between
            await polls.poll(times=3)
            return sorted(one[0] for one in polls.news()) == sorted([first, last])

    assert [asyncio.run(scenario(whose)) for whose in ("machine", "date")] == [True, True]


def test_a_difference_of_over_a_minute_is_warned_of_once_an_hour(url):
    logs.configure("console", "WARNING")

    async def scenario(seconds):
        async with skewed(f"{url}{seconds}", settings()) as polls:
            set_clocks(polls, "date", seconds)
            with capture_logs() as logged:
                await polls.poll(times=30, every=300)
            return [one for one in logged if one["event"] == "source.clocks_differ"]

    ahead, fine = asyncio.run(scenario(600)), asyncio.run(scenario(50))

    assert len(ahead) == 3
    assert (ahead[0]["source"], ahead[0]["log_level"]) == ("crm", "warning")
    assert abs(ahead[0]["ahead_seconds"] - 600) <= 1
    assert fine == []


def test_one_record_from_the_far_future_neither_freezes_nor_hides_any(url):
    async def scenario():
        async with skewed(url, settings(DELETIONS)) as polls:
            odd, *ids = an_old(polls, 500)
            await polls.poll()
            future = polls.account.now() + 400 * DAY * 1000
            polls.account.change("contacts", odd, {"stage": "odd"}, at=future)
            polls.account.change_all("contacts", ids, {"stage": "customer"})
            await polls.poll(times=3)
            first = polls.news()
            polls.account.change("contacts", odd, {"stage": "right"}, at=polls.account.now())
            polls.account.change("contacts", ids[0], {"stage": "right"})
            await polls.poll(times=3)
            return len(first), sorted(one[0] for one in polls.news()), sorted([odd, ids[0]])

    first, told, expected = asyncio.run(scenario())

    assert first == 500
    assert told == expected
