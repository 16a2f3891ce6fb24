"""A token's budget: never more than it may, first come first served, and pauses for all."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.virtual_time import VirtualTime
from webhookd.model import Secret
from webhookd.sources.polling.refusals import PollError
from webhookd.sources.polling.request_budget import Budget, Budgets, Burst

BURST = Burst(90, 10.0)


def starts(requests, *, rate=4.0, burst=90):
    """Return when each of *requests* (pauses before it, and whether it searches) started."""
    time = VirtualTime()
    budget = Budget(Burst(burst, BURST.seconds), clock=time.clock)

    async def run():
        found = []
        for pause, is_search in requests:
            time.seconds += pause
            await budget.admit(per_second=rate if is_search else None)
            found.append((time.seconds, is_search))
        return found

    return asyncio.run(run())


REQUESTS = st.lists(st.tuples(st.sampled_from([0.0, 0.01, 0.3, 2.0]), st.booleans()), max_size=80)


@given(requests=REQUESTS, burst=st.integers(1, 20))
def test_no_window_ever_sees_more_than_it_may(requests, burst):
    found = starts(requests, burst=burst)

    searches = [at for at, is_search in found if is_search]
    for number, (at, _) in enumerate(found[burst:]):
        assert at - found[number][0] > BURST.seconds - 1e-6
    for number, at in enumerate(searches[5:]):
        assert at - searches[number] > 1


def test_a_request_waits_no_longer_than_it_must():
    found = starts([(0, True)] * 9 + [(0, False)] * 81 + [(0, False)])

    assert found[8][0] == pytest.approx(2, abs=0.1)
    assert found[89][0] == found[8][0]
    assert found[90][0] == pytest.approx(BURST.seconds, abs=0.1)


def test_a_pause_is_for_everything_and_a_long_one_is_not_waited_for():
    time = VirtualTime()
    budget = Budget(BURST, clock=time.clock)

    async def run():
        assert budget.left == BURST.requests
        budget.pause(5)
        budget.pause(3)
        assert budget.left == 0
        await budget.admit()
        after_short = time.seconds
        budget.pause(60)
        with pytest.raises(PollError) as caught:
            await budget.admit()
        return after_short, caught.value.refusal.wait

    after_short, wait = asyncio.run(run())

    assert after_short == pytest.approx(5, abs=0.01)
    assert wait == pytest.approx(60, abs=0.01)


def test_sources_with_one_token_share_a_budget_and_others_do_not():
    budgets = Budgets(clock=VirtualTime().clock)
    mine = budgets.of("https://a", Secret("x"), BURST)

    assert budgets.of("https://a", Secret("x"), BURST) is mine
    assert budgets.of("https://a", Secret("y"), BURST) is not mine
    assert budgets.of("https://b", Secret("x"), BURST) is not mine
