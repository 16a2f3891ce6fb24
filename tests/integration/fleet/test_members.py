"""Daemons of one database: who is alive, who writes, and what becomes of what the others had."""

import os
import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from tests import postgresql
from tests.making import NOW, a_delivery, a_settlement
from webhookd.errors import NotHeldError, StorageError
from webhookd.model import RetryAt
from webhookd.storage.database.connection import Member
from webhookd.storage.database.database import open_database
from webhookd.storage.database.postgresql_writer import ExpiredError
from webhookd.storage.deliveries import due, enqueue, settle
from webhookd.storage.deliveries.due import FetchRequest
from webhookd.storage.fleet import members, shares


@pytest.fixture
def server():
    return postgresql.server()


@pytest.fixture
def database(server):
    opened = open_database(server.url(server.new()))
    yield opened
    opened.close()


@pytest.fixture
def join(database):
    """Return a function that has a daemon join, by the name of its state directory."""
    joined = []

    def joining(name, **more):
        joined.append(database.connect(Member(name, "here", os.getpid(), "0"), **more))
        return joined[-1]

    yield joining
    for connection in joined:
        connection.close()


def work(connection, unit):
    try:
        connection.begin()
        result = unit(connection)
    except BaseException:
        connection.roll_back()
        raise
    connection.commit()
    return result


def let_lapse(by, number, seconds=1):
    by.execute(
        f"UPDATE daemons SET leased_until = {members.NOW} - ? WHERE number = ?",  # noqa: S608
        (seconds * 1_000_000, number),
    )


def claim(connection, limit=100):
    return work(
        connection, lambda one: due.find_due(one, [FetchRequest(1, 0, limit)], NOW)[0].deliveries
    )


def owners(connection):
    return {owner for (owner,) in connection.execute("SELECT owner FROM deliveries")}


def test_who_is_declared_dead_writes_nothing_more_under_its_number(join):
    first, second = join("a"), join("b")
    before = first.session.owner
    let_lapse(second, before)
    assert [one.number for one in work(second, members.expire)] == [before]

    with pytest.raises(ExpiredError, match="longer than its lease"):
        work(first, lambda one: one.execute("INSERT INTO meta VALUES ('x', '')"))
    work(first, lambda one: one.execute("INSERT INTO meta VALUES ('y', '')"))

    assert first.session.owner not in {before, None}
    found = first.execute("SELECT key FROM meta WHERE key IN ('x', 'y')").fetchall()
    assert found == [("y",)]


def test_nobody_is_declared_dead_in_the_middle_of_a_transaction(join):
    first, second = join("a"), join("b")
    let_lapse(second, first.session.owner)
    first.begin()
    assert work(second, members.expire) == []
    first.commit()
    assert work(second, members.expire) == []


def test_every_transaction_moves_the_lease(join):
    first, second = join("a"), join("b")
    let_lapse(second, first.session.owner)
    before = first.session.leased_until
    work(first, lambda _: None)
    assert work(second, members.expire) == []
    assert first.session.leased_until > before


def test_what_was_claimed_by_a_dead_daemon_is_free_when_no_attempt_can_be_under_way(join):
    first, second = join("a"), join("b")
    work(first, lambda one: enqueue.store(one, [a_delivery(), a_delivery()]))
    work(first, lambda one: shares.introduce(one, {1: 30}))
    first.execute("UPDATE shares SET slots = 1")
    dead = first.session.owner
    let_lapse(second, dead)
    work(second, members.expire)

    work(second, members.free)
    assert claim(second) == ()
    let_lapse(second, dead, seconds=33)
    assert work(second, members.free) == frozenset({1})
    assert len(claim(second)) == 2


def test_what_was_only_in_a_dead_daemons_memory_is_free_at_once(join):
    first, second = join("a"), join("b")
    work(first, lambda one: enqueue.store(one, [a_delivery()]))
    let_lapse(second, first.session.owner)
    work(second, members.expire)
    work(second, members.free)
    assert len(claim(second)) == 1


def test_who_starts_in_the_same_place_has_at_once_what_the_one_before_had(server, database, join):
    first = database.connect(Member("a", "here", os.getpid(), "0"))
    work(first, lambda one: enqueue.store(one, [a_delivery()]))
    backend = first.session.backend
    # As kill -9: the session ends, and nothing is given back.
    server.execute(f"SELECT pg_terminate_backend({backend}, 5000)")
    again = join("a")
    first.close()

    assert owners(again) == {None}
    assert len(claim(again)) == 1


def test_a_copy_of_a_state_directory_takes_nothing_from_the_one_that_works(join):
    first = join("a")
    work(first, lambda one: enqueue.store(one, [a_delivery()]))
    other = join("a")
    assert owners(other) == {first.session.owner}
    assert claim(other) == ()


def test_an_orderly_end_leaves_nothing_behind(database, join):
    first, second = database.connect(Member("a", "here", os.getpid(), "0")), join("b")
    work(first, lambda one: enqueue.store(one, [a_delivery()]))
    first.close()
    assert len(claim(second)) == 1
    assert [one.number for one in members.daemons(second)] == [second.session.owner]


def test_what_another_daemon_has_by_now_is_not_settled(join):
    """It was cut off for longer than its lease, and its attempt ended meanwhile."""
    first, second = join("a"), join("b")
    (delivery,) = work(first, lambda one: enqueue.store(one, [a_delivery()]))
    let_lapse(second, first.session.owner)
    work(second, members.expire)
    work(second, members.free)
    claim(second)
    with pytest.raises(ExpiredError):
        work(first, lambda _: None)

    work(first, lambda one: settle.settle(one, [a_settlement(delivery)]))
    states = first.execute("SELECT state, attempts, owner FROM deliveries").fetchall()
    assert states == [("pending", 0, second.session.owner)]
    assert first.execute("SELECT count(*) FROM attempts").fetchone() == (0,)

    work(second, lambda one: settle.settle(one, [a_settlement(delivery)]))
    assert first.execute("SELECT state, owner FROM deliveries").fetchall() == [("delivered", None)]


def test_a_settled_delivery_that_was_cancelled_meanwhile_belongs_to_nobody(join):
    first = join("a")
    (delivery,) = work(first, lambda one: enqueue.store(one, [a_delivery()]))
    first.execute("UPDATE deliveries SET state = 'cancelled', due_at = NULL, settled_at = 1")
    work(first, lambda one: settle.settle(one, [a_settlement(delivery)]))
    assert first.execute("SELECT state, owner FROM deliveries").fetchall() == [("cancelled", None)]


def test_daemons_that_claim_at_the_same_time_never_claim_the_same(join):
    daemons = [join(name) for name in "abc"]
    work(
        daemons[0],
        lambda one: enqueue.store(one, [a_delivery() for _ in range(300)], rooms={}),
    )
    claimed = [[] for _ in daemons]

    def run(daemon, into):
        while found := claim(daemon, limit=7):
            into += [one.id for one in found]
            done = [a_settlement(one) for one in found]
            work(daemon, lambda one: settle.settle(one, done))  # noqa: B023 - run here

    threads = [
        threading.Thread(target=run, args=pair) for pair in zip(daemons, claimed, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    ids = [id_ for each in claimed for id_ in each]
    assert len(ids) == len(set(ids)) == 300
    assert daemons[0].execute("SELECT DISTINCT state FROM deliveries").fetchall() == [
        ("delivered",)
    ]


def test_new_deliveries_are_claimed_as_far_as_there_is_room(join):
    first = join("a")
    stored = work(
        first,
        lambda one: enqueue.store(one, [a_delivery() for _ in range(5)], rooms={"crm-mirror": 2}),
    )
    assert [one.is_unclaimed for one in stored] == [False, False, True, True, True]
    assert len(claim(join("b"))) == 3


def test_a_name_is_held_by_one_session_and_free_with_its_end(server, join):
    first, second = join("a"), join("b")
    assert first.session.acquire("source crm")
    assert not second.session.acquire("source crm")
    first.session.require_lock("source crm")
    with pytest.raises(NotHeldError, match="source crm is not this daemon's"):
        second.session.require_lock("source crm")

    server.execute(f"SELECT pg_terminate_backend({first.session.backend}, 5000)")
    assert second.session.acquire("source crm")
    with pytest.raises(StorageError):
        work(first, lambda _: None)
    with pytest.raises(NotHeldError, match="source crm"):
        work(first, lambda one: one.session.require_lock("source crm"))
    second.session.release("source crm")
    assert first.session.acquire("source crm")


def test_a_session_that_stands_still_in_a_transaction_is_ended_by_the_server(join):
    (timeout,) = join("a").execute("SHOW idle_in_transaction_session_timeout").fetchone()
    # Sooner than those who wait for its locks lose their own leases.
    assert timeout == "5s"


def test_the_session_of_a_dead_daemon_is_ended_and_what_it_held_is_free(join):
    first, second = join("a"), join("b")
    first.session.acquire("source crm")
    let_lapse(second, first.session.owner)
    (dead,) = work(second, members.expire)
    work(second, lambda one: members.end_session(one, dead))
    for _ in range(100):
        if second.session.acquire("source crm"):
            return
        threading.Event().wait(0.05)
    raise AssertionError("the dead daemon's session still holds the source")


def test_a_retry_is_anybodys(join):
    first, second = join("a"), join("b")
    (delivery,) = work(first, lambda one: enqueue.store(one, [a_delivery()]))
    later = RetryAt(NOW - timedelta(seconds=1), "busy")
    work(first, lambda one: settle.settle(one, [a_settlement(delivery, later)]))
    (found,) = claim(second)
    assert found == replace(
        delivery, attempts_made=1, first_attempt_at=NOW, due_at=later.when, held_before=0.0
    )
