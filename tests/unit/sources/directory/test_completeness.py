"""When a file counts as whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from webhookd.sources.directory.completeness import FileSigns, is_whole
from webhookd.sources.directory.waiting_files import WaitingFiles

NOW = 1_700_000_000_000_000_000
JUST_WRITTEN = FileSigns(
    is_regular=True, size=10, modified=NOW, changed=NOW, is_being_written=False
)


def judged(seen=JUST_WRITTEN, *, was_moved_in=False, still_for=0.0):
    return is_whole(seen, was_moved_in=was_moved_in, still_for=still_for, now=NOW + 10**6)


def test_a_file_just_written_in_place_is_waited_for():
    assert not judged()


@pytest.mark.parametrize(
    "seen",
    [
        replace(JUST_WRITTEN, is_regular=False),
        replace(JUST_WRITTEN, changed=NOW + 1),
        replace(JUST_WRITTEN, modified=NOW - 2_000_000_000, changed=NOW - 2_000_000_000),
    ],
)
def test_what_cannot_be_growing_is_taken_at_once(seen):
    assert judged(seen)


def test_a_file_that_was_moved_in_is_taken_at_once():
    assert judged(was_moved_in=True)


def test_a_writer_outweighs_all_signs_but_two_seconds_of_stillness():
    written = replace(JUST_WRITTEN, is_being_written=True, changed=NOW + 1, modified=NOW - 10**10)

    assert not judged(written, was_moved_in=True, still_for=1.99)
    assert judged(written, still_for=2.0)


def test_a_time_in_the_future_is_no_sign():
    assert not judged(replace(JUST_WRITTEN, modified=NOW + 10**15))


class ScriptedClock:
    """A clock that the test sets."""

    def __init__(self):
        self.at = 0.0

    def __call__(self):
        """Return the time that was set."""
        return self.at


def test_stillness_starts_anew_with_every_change():
    clock = ScriptedClock()
    waiting = WaitingFiles(clock)

    for second in range(10):
        clock.at = float(second)
        seen = replace(JUST_WRITTEN, size=second, modified=NOW + second, changed=NOW + second)
        assert not waiting.is_whole("a", seen, was_moved_in=False, now=NOW)
    clock.at += 2

    assert waiting.is_whole("a", seen, was_moved_in=False, now=NOW)
    assert not waiting.has_growing


def test_one_warns_of_a_growing_file_once_and_not_at_first_sight():
    clock = ScriptedClock()
    waiting = WaitingFiles(clock)
    waiting.is_whole("a", JUST_WRITTEN, was_moved_in=False, now=NOW)

    warnings = []
    for clock.at in (0.0, 0.6, 0.9):
        warnings.append(waiting.is_first_warning("a"))

    assert warnings == [False, True, False]


def test_a_file_that_went_away_is_forgotten():
    waiting = WaitingFiles(ScriptedClock())
    waiting.is_whole("a", JUST_WRITTEN, was_moved_in=False, now=NOW)
    assert waiting.is_newly_ignored("b")

    waiting.keep([])

    assert not waiting.has_growing
    assert waiting.is_newly_ignored("b")
