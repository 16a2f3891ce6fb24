"""A fleet loses nothing and keeps order and limits: the stories of `make crash`, told in short."""

from tests.crash import fleets

SEED = 20261124


def test_daemons_killed_at_random_lose_nothing_and_keep_order_and_limits(tmp_path):
    assert fleets.killed(tmp_path, SEED, seconds=4).faults == []


def test_a_server_killed_under_two_daemons_loses_and_repeats_nothing(tmp_path):
    assert fleets.server_killed(tmp_path, SEED, kills=1).faults == []


def test_connections_cut_in_the_middle_lose_and_repeat_nothing(tmp_path):
    assert fleets.cut_off(tmp_path, SEED, cuts=5).faults == []
