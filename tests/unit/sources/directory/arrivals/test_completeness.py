"""When a file counts as whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from webhookd.sources.directory.arrivals.completeness import FileSigns, Writer, is_whole
from webhookd.sources.directory.arrivals.inotify import Arrival
from webhookd.sources.directory.arrivals.waiting_files import WaitingFiles

NOW = 1_700_000_000_000_000_000
SETTLE = 10.0
UNKNOWN = FileSigns(is_regular=True, size=10, modified=NOW, changed=NOW, writer=Writer.UNKNOWN)
UNOPENED = replace(UNKNOWN, writer=Writer.SURELY_NOT)
OPEN = replace(UNKNOWN, writer=Writer.SURELY)
RENAMED = {"modified": NOW - 10**10, "changed": NOW}
IN_PLACE = (Arrival.CREATED, Arrival.WRITTEN)


def judged(seen, arrival=Arrival.UNSEEN, *, was_there=False, still_for=0.0):
    return is_whole(
        seen, arrival, was_there=was_there, still_for=still_for, settle=SETTLE, now=NOW + 10**6
    )


@pytest.mark.parametrize("arrival", Arrival)
@pytest.mark.parametrize("was_there", [True, False])
def test_a_file_with_a_writer_is_never_taken(arrival, was_there):
    for seen in (OPEN, replace(OPEN, **RENAMED)):
        assert not judged(seen, arrival, was_there=was_there, still_for=10**6)


@pytest.mark.parametrize("was_there", [True, False])
def test_a_writer_that_was_seen_and_did_not_close_is_waited_for_without_end(was_there):
    """Nothing that the times say counts against it: they may have been set."""
    for seen in (UNKNOWN, replace(UNKNOWN, **RENAMED)):
        assert not judged(seen, Arrival.WRITTEN, was_there=was_there, still_for=10**6)
    assert not judged(replace(UNKNOWN, size=0), Arrival.CREATED, still_for=10**6)
    assert not judged(replace(UNKNOWN, size=0, **RENAMED), Arrival.CREATED, still_for=10**6)


@pytest.mark.parametrize("seen", [UNKNOWN, UNOPENED, replace(UNKNOWN, **RENAMED)])
def test_a_file_that_its_writer_closed_is_taken_two_seconds_later(seen):
    assert not judged(seen, Arrival.CLOSED, still_for=1.9)
    assert judged(seen, Arrival.CLOSED, still_for=2.0)


@pytest.mark.parametrize("seen", [UNKNOWN, UNOPENED])
def test_what_was_published_by_a_rename_or_a_link_is_taken_at_once(seen):
    assert judged(seen, Arrival.MOVED_IN)
    assert judged(replace(seen, **RENAMED), Arrival.CREATED)
    assert judged(seen, Arrival.CREATED, still_for=0.2)


def test_a_write_whose_end_cannot_be_seen_is_over_when_nobody_has_the_file_open():
    """truncate(2) on a path is told as a write, and no closing follows."""
    for arrival in IN_PLACE:
        assert judged(UNOPENED, arrival, still_for=2.0)


def test_without_any_sight_of_a_writer_the_file_stands_still_for_as_long_as_it_is_set():
    assert not judged(UNKNOWN, still_for=9.9)
    assert judged(UNKNOWN, still_for=10.0)
    assert not judged(replace(UNKNOWN, **RENAMED), still_for=9.9)


def test_what_was_there_before_is_held_up_no_longer_than_that_since_it_was_written():
    old = replace(UNKNOWN, modified=NOW - 11 * 10**9)
    assert judged(old, was_there=True)
    assert not judged(old, was_there=False)
    assert not judged(replace(UNKNOWN, modified=NOW - 9 * 10**9), was_there=True)


def test_a_file_that_nobody_has_open_is_taken_when_it_was_renamed_or_is_old():
    assert judged(replace(UNOPENED, changed=NOW + 1))
    assert judged(replace(UNOPENED, modified=NOW - 3 * 10**9))
    assert not judged(UNOPENED)
    assert judged(UNOPENED, still_for=2.0)


def test_what_is_no_file_is_taken_at_once():
    assert judged(replace(UNKNOWN, is_regular=False), Arrival.CREATED)


def test_a_time_in_the_future_is_no_sign():
    assert not judged(replace(UNKNOWN, modified=NOW + 10**15), was_there=True)


class ScriptedClock:
    """A clock that the test sets."""

    def __init__(self):
        self.at = 0.0

    def __call__(self):
        """Return the time that was set."""
        return self.at


def test_stillness_starts_anew_with_every_change():
    clock = ScriptedClock()
    waiting = WaitingFiles(clock, SETTLE)

    for second in range(10):
        clock.at = float(second)
        seen = replace(UNOPENED, size=second, modified=NOW + second, changed=NOW + second)
        assert not waiting.is_whole("a", seen, Arrival.UNSEEN, was_there=False, now=NOW)
    clock.at += 2

    assert waiting.is_whole("a", seen, Arrival.UNSEEN, was_there=False, now=NOW)
    assert waiting.look_after is None


def test_one_warns_of_a_growing_file_once_and_not_at_first_sight():
    clock = ScriptedClock()
    waiting = WaitingFiles(clock, SETTLE)
    waiting.is_whole("a", UNKNOWN, Arrival.WRITTEN, was_there=False, now=NOW)

    warnings = []
    for clock.at in (0.0, 0.6, 0.9):
        warnings.append(waiting.is_first_warning("a"))

    assert warnings == [False, True, False]


def test_a_file_that_went_away_is_forgotten():
    waiting = WaitingFiles(ScriptedClock(), SETTLE)
    waiting.is_whole("a", UNKNOWN, Arrival.WRITTEN, was_there=False, now=NOW)
    assert waiting.is_newly_ignored("b")

    waiting.keep([])

    assert waiting.look_after is None
    assert waiting.is_newly_ignored("b")


def test_a_file_that_is_written_for_long_is_looked_at_seldom():
    clock = ScriptedClock()
    waiting = WaitingFiles(clock, SETTLE)

    waiting.is_whole("a", OPEN, Arrival.WRITTEN, was_there=False, now=NOW)
    soon = waiting.look_after
    clock.at += 3600

    assert soon is not None
    assert waiting.look_after > soon
