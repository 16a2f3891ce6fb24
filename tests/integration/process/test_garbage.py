"""What configurations leave in memory is passed over, and goes when it is not needed any more."""

from __future__ import annotations

import gc
import weakref

import pytest

from webhookd.process.garbage import ALL_EVERY, Keeping


class Thing:
    """Something that may refer to itself."""


@pytest.fixture(autouse=True)
def unfrozen():
    yield
    gc.unfreeze()


def is_looked_at(thing):
    return any(one is thing for one in gc.get_objects())


def test_what_is_there_is_passed_over_from_then_on():
    thing = Thing()
    assert is_looked_at(thing)

    Keeping().keep()

    assert not is_looked_at(thing)


def test_what_is_not_needed_any_more_goes_at_once_and_a_cycle_at_last():
    plain, cycle = Thing(), Thing()
    cycle.itself = cycle
    seen = weakref.ref(plain), weakref.ref(cycle)
    keeping = Keeping()
    keeping.keep()
    del plain, cycle

    assert [one() is None for one in seen] == [True, False]
    for _ in range(ALL_EVERY):
        keeping.keep()
    assert seen[1]() is None


def test_a_cycle_that_came_since_does_not_stay():
    keeping = Keeping()
    keeping.keep()
    cycle = Thing()
    cycle.itself = cycle
    seen = weakref.ref(cycle)
    del cycle
    keeping.keep()

    assert seen() is None
