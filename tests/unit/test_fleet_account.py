"""What the stories of fleets measure is measured right."""

from tests.crash.account import Note
from tests.crash.fleet_account import most_at_once, most_within


def test_a_window_ends_before_what_comes_its_length_later():
    assert most_within(1.0, [0.0, 0.5, 1.0]) == 2
    assert most_within(1.0, [0.0, 0.5, 0.9]) == 3
    assert most_within(1.0, [5.0, 0.0, 4.5, 4.1, 0.1]) == 3
    assert most_within(1.0, []) == 0


def test_the_most_at_once_is_what_the_receiver_counted():
    notes = [Note(float(at), "/hook", "a", "1", 0, 200, many) for at, many in enumerate((1, 3, 2))]

    assert most_at_once(notes) == 3
    assert most_at_once([]) == 0
