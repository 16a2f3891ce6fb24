"""What of polls is remembered, how often, and what a ledger that refuses costs."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.virtual_time import EPOCH, VirtualTime
from webhookd.errors import StorageError
from webhookd.model import PollOutcome
from webhookd.sources.polling.poll_memory import KEPT_EVERY, PollMemory
from webhookd.telemetry.figures import PollFigures

MINUTE = timedelta(minutes=1)
KNOWN = PollOutcome(EPOCH - 3 * MINUTE, "the API answered 503", EPOCH - MINUTE)


class FakeLedger:
    """Keeps outcomes in a list; refuses as often as it is told to."""

    def __init__(self, known=PollOutcome(), refusals=0):  # noqa: B008 - frozen
        self.known = known
        self.kept = []
        self.refusals = refusals

    def _refuse(self):
        if self.refusals:
            self.refusals -= 1
            raise StorageError("the disk is full")

    async def outcome(self, _source, _object):
        self._refuse()
        return self.known

    async def remember(self, _source, _object, outcome):
        self._refuse()
        self.kept.append(outcome)


@pytest.fixture
def time():
    return VirtualTime()


def polled(figures, memory, time, *ends):
    """Have polls end one after the other, half a second apart: well (None), or with an error."""

    async def scenario():
        for error in ends:
            await memory.recall()
            if error is None:
                figures.last_success_at = time.now()
            else:
                figures.last_error, figures.last_error_at = error, time.now()
            await memory.keep()
            time.seconds += 0.5

    asyncio.run(scenario())


def test_what_was_remembered_is_known_before_the_first_poll_ends(time):
    figures = PollFigures("crm", "deals")
    asyncio.run(PollMemory(figures, FakeLedger(KNOWN), time.clock).recall())

    assert (figures.last_success_at, figures.last_error, figures.last_error_at) == (
        KNOWN.last_success_at,
        KNOWN.last_error,
        KNOWN.last_error_at,
    )


def test_what_this_daemon_knows_itself_is_not_undone(time):
    figures = PollFigures("crm", "deals", last_error="newer", last_error_at=EPOCH)
    asyncio.run(PollMemory(figures, FakeLedger(KNOWN), time.clock).recall())

    assert (figures.last_error, figures.last_error_at) == ("newer", EPOCH)
    assert figures.last_success_at == KNOWN.last_success_at


def test_each_failure_is_kept_the_success_after_one_and_others_once_a_minute(time):
    figures, ledger = PollFigures("crm", "deals"), FakeLedger()
    memory = PollMemory(figures, ledger, time.clock)

    polled(figures, memory, time, *[None] * 20, "503", "502", *[None] * 20)
    count = len(ledger.kept)
    time.seconds += KEPT_EVERY
    polled(figures, memory, time, None, None)

    assert count == 4
    assert [one.last_error for one in ledger.kept] == [None, "503", "502", "502", "502"]
    assert [one.fails for one in ledger.kept] == [False, True, True, False, False]
    assert ledger.kept[-1].last_success_at == figures.last_success_at - timedelta(seconds=0.5)


def test_the_first_success_after_a_restart_ends_failures_from_before(time):
    figures, ledger = PollFigures("crm", "deals"), FakeLedger(KNOWN)
    ledger.known = PollOutcome(EPOCH - MINUTE, "401", EPOCH - MINUTE / 2)

    polled(figures, PollMemory(figures, ledger, time.clock), time, None)

    assert [one.fails for one in (ledger.known, *ledger.kept)] == [True, False]


def test_a_ledger_that_refuses_stops_no_poll_and_is_asked_again(time):
    figures, ledger = PollFigures("crm", "deals"), FakeLedger(KNOWN, refusals=2)
    memory = PollMemory(figures, ledger, time.clock)

    polled(figures, memory, time, None)
    assert ledger.kept == []
    polled(figures, memory, time, None)

    assert figures.last_error == KNOWN.last_error
    assert [one.last_error for one in ledger.kept] == [KNOWN.last_error]


class FakeParts(FakeLedger):
    """Keeps outcomes by what they are of."""

    def __init__(self):
        super().__init__()
        self.of = {}

    async def outcome(self, _source, object_):
        return self.of.get(object_, PollOutcome())

    async def remember(self, source, object_, outcome):
        await super().remember(source, object_, outcome)
        self.of[object_] = outcome


def test_a_part_is_kept_when_it_begins_to_rest_when_it_says_why_anew_and_when_it_is_read(time):
    ledger = FakeParts()

    def polled_with(*reasons):
        """Have a daemon poll with a part that rests for each of these reasons, None: is read."""
        figures = PollFigures("crm", "deals")
        figures.begin_parts(["lists/vip"])
        memory = PollMemory(figures, ledger, time.clock)
        asyncio.run(memory.recall())
        before = figures.resting
        for why in reasons:
            if why is None:
                figures.part_read("lists/vip", time.now())
            else:
                figures.part_rests("lists/vip", why, time.now())
            asyncio.run(memory.keep())
            time.seconds += 0.5
        return before, [one.last_error for one in ledger.kept]

    first = polled_with(None, None, "404", "404", "403", None, None, "404")
    second = polled_with(None)

    assert first == ({}, ["404", "403", None, "404"])
    assert second[0].keys() == {"lists/vip"}
    assert second[1][4:] == [None]
    assert ledger.of.keys() == {"deals/lists/vip"}


def test_without_a_ledger_nothing_is_remembered(time):
    figures = PollFigures("crm", "deals")

    polled(figures, PollMemory(figures, None, time.clock), time, None, "503")

    assert figures.last_error == "503"
