"""URL and headers of attempts: with each attempt, wherever a database keeps them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from tests import postgresql
from tests.making import NOW, a_delivery, a_settlement
from webhookd.model import RetryAt
from webhookd.storage.database.database import open_database
from webhookd.storage.deliveries import enqueue, kept_heads, lanes, query, retention, settle
from webhookd.storage.deliveries.due import FetchRequest, find_due
from webhookd.storage.deliveries.lanes import ConfiguredLane
from webhookd.storage.schema.copy_to_postgresql import move
from webhookd.storage.schema.tables import ATTEMPTS, EXCHANGE_HEADS

HEADS = ("http://127.0.0.1/hook\nuser-agent: webhookd", "date: today")


@pytest.fixture
def connection(connection):
    lanes.adopt(connection, [ConfiguredLane("crm-mirror", "2:r1", "2:t1")], NOW)
    return connection


def attempted(connection, delivery, outcome=None, *, heads=HEADS):
    settlement = a_settlement(delivery, outcome)
    attempt = replace(settlement.attempt, sent=heads[0], answer_headers=heads[1])
    settle.settle(connection, [replace(settlement, attempt=attempt)])


def heads_of(database, delivery):
    shown = query.delivery(database, delivery.id, now=NOW)
    return [(one.sent, one.answer_headers) for one in shown.attempts]


def kept_apart(database):
    with database.engine.connect() as reading:
        return reading.execute(select(func.count()).select_from(EXCHANGE_HEADS)).scalar()


def test_each_attempt_has_its_own(database, connection):
    first, second = a_delivery(), a_delivery()
    enqueue.store(connection, [first])
    attempted(connection, first, RetryAt(NOW, "it was busy"))
    (again,) = find_due(connection, [FetchRequest(1, 0, 10)], NOW)[0].deliveries
    enqueue.store(connection, [second])

    attempted(connection, again, heads=("http://127.0.0.1/b", None))
    attempted(connection, second, heads=(None, None))

    assert heads_of(database, first) == [HEADS, ("http://127.0.0.1/b", None)]
    assert heads_of(database, second) == [(None, None)]


def test_what_stands_with_the_attempts_of_before_is_shown(database, connection):
    delivery = a_delivery()
    enqueue.store(connection, [delivery])
    settle.settle(connection, [a_settlement(delivery)])
    with database.engine.begin() as earlier:
        earlier.execute(ATTEMPTS.update().values(sent=HEADS[0], answer_headers=HEADS[1]))

    assert heads_of(database, delivery) == [HEADS]


def test_retention_takes_those_of_its_deliveries_and_no_others(database, connection):
    deliveries = [a_delivery() for _ in range(3)]
    enqueue.store(connection, deliveries)
    for delivery in deliveries[:2]:
        attempted(connection, delivery)
    attempted(connection, deliveries[2], RetryAt(NOW, "it was busy"))

    assert retention.retire(connection, NOW + timedelta(days=1), 10) == 2

    assert heads_of(database, deliveries[2]) == [HEADS]
    assert kept_apart(database) == (1 if database.dialect.value == "sqlite" else 0)


@pytest.mark.parametrize("number", [1, 2047, 40_000, 3_000_000_000])
def test_retention_takes_deliveries_of_any_number(database, connection, number):
    delivery = a_delivery()
    enqueue.store(connection, [delivery])
    attempted(connection, delivery)
    moved = connection.execute("SELECT number FROM deliveries").fetchone()[0] - number
    connection.execute("UPDATE deliveries SET number = number - ?", (moved,))
    connection.execute("DELETE FROM exchange_heads", ())
    key = number * kept_heads.ATTEMPTS_OF_ONE
    for one in (key - 1, key + 1, key + kept_heads.ATTEMPTS_OF_ONE):
        connection.execute("INSERT INTO exchange_heads (key, sent) VALUES (?, 'x')", (one,))

    assert retention.retire(connection, NOW + timedelta(days=1), 10) == 1

    left = connection.execute("SELECT key FROM exchange_heads ORDER BY key").fetchall()
    assert [one for (one,) in left] == [key - 1, key + kept_heads.ATTEMPTS_OF_ONE]


def test_what_a_file_keeps_apart_is_shown_where_it_was_moved_to(tmp_path):
    url, server = f"sqlite:///{tmp_path / 'webhookd.db'}", postgresql.server()
    to = server.url(server.empty())
    delivery = a_delivery()
    file = open_database(url)
    connection = file.connect()
    lanes.adopt(connection, [ConfiguredLane("crm-mirror", "2:r1", "2:t1")], NOW)
    enqueue.store(connection, [delivery])
    attempted(connection, delivery)
    connection.close()
    file.close()

    move(url, to)

    moved = open_database(to)
    try:
        assert heads_of(moved, delivery) == [HEADS]
    finally:
        moved.close()
