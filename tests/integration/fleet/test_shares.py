"""A lane's slots and starts shared by several daemons: fair, and never more than there are."""

from datetime import timedelta
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import postgresql
from webhookd.storage.database.connection import Locks
from webhookd.storage.database.database import open_database
from webhookd.storage.database.times import to_micros
from webhookd.storage.fleet import members, shares
from webhookd.storage.fleet.shares import Rate, ShareRequest

LANE = 1
MINUTE = 60_000_000


@pytest.fixture(scope="module")
def database():
    server = postgresql.server()
    opened = open_database(server.url(server.new()))
    yield opened
    opened.close()


@pytest.fixture
def daemons(database):
    """Return three daemons' connections, none of which has anything."""
    connections = [database.connect() for _ in range(3)]
    connections[0].execute("DELETE FROM starts")
    yield connections
    for connection in connections:
        connection.close()


def ask(connection, wanted, *, most=10, in_flight=0, **more):
    asked = ShareRequest(LANE, most, wanted, in_flight, seconds=30, **more)
    connection.begin(Locks(frozenset({LANE})))
    try:
        return shares.grant(connection, asked)
    finally:
        connection.commit()


@pytest.mark.parametrize("rate", [None, Rate(5, MINUTE)])
def test_asking_is_one_way_to_the_server_and_back(daemons, monkeypatch, rate):
    ask(daemons[1], 10, rate=rate, tokens=2)
    said = []
    execute = type(daemons[0]).execute
    monkeypatch.setattr(
        type(daemons[0]),
        "execute",
        lambda one, *statement: (said.append(statement), execute(one, *statement))[1],
    )
    for tokens in (3, 3):
        ask(daemons[0], 10, in_flight=2, rate=rate, tokens=tokens)

    assert len(said) == 2


def held(connection):
    return dict(connection.execute("SELECT daemon, slots FROM shares").fetchall())


def test_one_that_is_alone_with_a_lane_has_all_of_it(daemons):
    assert ask(daemons[0], 10).slots == 10


def test_others_get_their_part_when_attempts_end(daemons):
    first, second, _ = daemons
    ask(first, 10)
    assert (ask(second, 10).slots, ask(second, 10).is_below_fair_share) == (0, True)

    # What is in flight cannot be given away, and counts until it has ended.
    busy = ask(first, 10, in_flight=8)
    assert (busy.slots, busy.counted, busy.returned_slots) == (5, 8, True)
    assert ask(second, 10).slots == 2
    assert ask(first, 10, in_flight=5).counted == 5
    assert ask(second, 10).slots == 5


def test_who_has_nothing_to_do_gives_all_back(daemons):
    first, second, _ = daemons
    ask(first, 10)
    assert ask(first, 0).returned_slots
    assert ask(second, 10).slots == 10


def test_three_daemons_share_one_slot_without_being_given_two(daemons):
    assert [ask(one, 1, most=1).slots for one in daemons] == [1, 0, 0]
    ask(daemons[0], 0, most=1)
    assert [ask(one, 1, most=1).slots for one in daemons[1:]] == [1, 0]


def test_a_lower_concurrency_takes_back_what_is_too_much(daemons):
    ask(daemons[0], 10)
    lower = ask(daemons[0], 3, most=3, in_flight=7)
    assert (lower.slots, lower.counted) == (3, 7)
    assert ask(daemons[0], 3, most=3, in_flight=1).counted == 3


@settings(max_examples=40)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 6), st.integers(0, 100)), max_size=30
    )
)
def test_slots_are_never_more_than_there_are_and_never_less_than_in_flight(database, steps):
    daemons = [database.connect() for _ in range(3)]
    try:
        slots, in_flight = [0, 0, 0], [0, 0, 0]
        for which, wanted, dice in steps:
            in_flight[which] = dice % (max(slots[which], in_flight[which]) + 1)
            given_ = ask(daemons[which], wanted, most=6, in_flight=in_flight[which])
            slots[which] = given_.slots
            counted = held(daemons[0])
            assert sum(counted.values()) <= 6
            for daemon, flying, limit in zip(daemons, in_flight, slots, strict=True):
                assert counted.get(daemon.session.owner, 0) >= max(flying, limit)
        # Whoever is the only one that wants some gets all, when the others have ended.
        for daemon in daemons[1:]:
            ask(daemon, 0, most=6)
        assert ask(daemons[0], 6, most=6).slots == 6
    finally:
        for daemon in daemons:
            daemon.close()


def test_starts_are_given_in_batches_and_counted_until_their_window_is_over(daemons):
    first, second, _ = daemons
    rate = Rate(5, MINUTE)
    three = ask(first, 10, rate=rate, tokens=3)
    two = ask(second, 10, rate=rate, tokens=3)
    none = ask(first, 10, rate=rate, tokens=1)

    assert [len(one.tokens) for one in (three, two, none)] == [3, 2, 0]
    # Nobody has said when they happened: they may yet, so their window has not begun.
    assert none.wait < 1
    shares.report_starts(first, [(token, three.at - MINUTE // 2) for token in three.tokens])
    shares.report_starts(second, [(token, two.at) for token in two.tokens])
    assert ask(first, 10, rate=rate, tokens=1).wait == pytest.approx(30, abs=1)


def test_starts_whose_window_is_over_and_those_given_back_come_free(daemons):
    rate = Rate(3, MINUTE)
    given_ = ask(daemons[0], 10, rate=rate, tokens=3)
    shares.report_starts(daemons[0], [(given_.tokens[0], given_.at - MINUTE - 1)])

    assert len(ask(daemons[1], 10, rate=rate, tokens=3).tokens) == 1
    ask(daemons[0], 0, rate=rate, returned=given_.tokens[1:])
    assert len(ask(daemons[1], 10, rate=rate, tokens=3).tokens) == 2


def test_a_lower_rate_waits_for_as_many_as_are_too_many(daemons):
    given_ = ask(daemons[0], 10, rate=Rate(4, MINUTE), tokens=4)
    ages = zip(given_.tokens, (50, 40, 30, 20), strict=True)
    shares.report_starts(daemons[0], [(token, given_.at - age * 1_000_000) for token, age in ages])

    # Three of four must be over before there is room in a window of two.
    waiting = ask(daemons[0], 10, rate=Rate(2, MINUTE), tokens=1)
    assert waiting.wait == pytest.approx(30, abs=1)


def test_what_a_dead_daemon_had_is_counted_until_nothing_of_it_can_be_under_way(daemons):
    first, second, _ = daemons
    rate = Rate(5, MINUTE)
    ask(first, 10, rate=rate, tokens=2)
    clock = count(1)

    def past(seconds):
        at = to_micros(members.now(second) - timedelta(seconds=seconds))
        statement = "UPDATE daemons SET leased_until = ? WHERE number = ?"
        second.execute(statement, (at - next(clock), first.session.owner))

    past(1)
    (dead,) = members.expire(second)
    assert dead.number == first.session.owner
    for seconds, slots in ((1, 0), (31, 0), (33, 10)):
        past(seconds)
        members.free(second)
        assert ask(second, 10).slots == slots, seconds
    # Starts that it was given, and may have used, count from now on.
    used = second.execute("SELECT count(*) FROM starts WHERE started_at IS NOT NULL").fetchone()
    assert used == (2,)
    assert len(ask(second, 10, rate=rate, tokens=5).tokens) == 3
