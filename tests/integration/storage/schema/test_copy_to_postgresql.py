"""From SQLite to PostgreSQL: all of it, once."""

import sqlite3
from contextlib import closing

import psycopg
import pytest
from psycopg.rows import tuple_row

from tests import postgresql
from tests.databases import leave_behind
from tests.forked import run_code
from tests.making import NOW, a_delivery
from webhookd.errors import StateLockedError, StorageError
from webhookd.model import DeliveryFilter
from webhookd.storage.database.database import open_database, open_for_reading
from webhookd.storage.deliveries import enqueue, lanes, query
from webhookd.storage.moments import stored_moments, timer_rows
from webhookd.storage.schema.copy_to_postgresql import _TABLES, move
from webhookd.storage.schema.upgrade import upgrade


@pytest.fixture
def server():
    return postgresql.server()


@pytest.fixture
def path(tmp_path):
    leave_behind("3", tmp_path / "webhookd.db")
    upgrade(f"sqlite:///{tmp_path / 'webhookd.db'}")
    return tmp_path / "webhookd.db"


@pytest.fixture
def old(path):
    return f"sqlite:///{path}"


@pytest.fixture
def name(server):
    return server.empty()


@pytest.fixture
def to(server, name):
    return server.url(name)


def content(connection):
    found = {}
    for table in _TABLES:
        columns = ", ".join(column.name for column in table.columns)
        rows = connection.execute(f"SELECT {columns} FROM {table.name}")  # noqa: S608
        found[table.name] = sorted(rows.fetchall(), key=repr)
    return found


def content_of_sqlite(path):
    with closing(sqlite3.connect(path)) as connection:
        return content(connection)


def content_of_postgresql(url):
    with psycopg.connect(url, row_factory=tuple_row) as connection:
        return content(connection)


def test_everything_is_there_and_new_deliveries_come_behind_it(path, old, to):
    with closing(sqlite3.connect(path)) as connection:
        rows = [("crm", "contacts", "vip", str(number), 3, 1) for number in range(2500)]
        connection.executemany("INSERT INTO list_members VALUES (?, ?, ?, ?, ?, ?)", rows)
        connection.commit()
    before = content_of_sqlite(path)

    moved = move(old, to)

    assert content_of_postgresql(to) == before
    assert moved.is_new
    assert moved.rows["deliveries"] == 7
    database = open_database(to)
    connection = database.connect()
    enqueue.store(connection, [a_delivery(id="f" * 32), a_delivery("new", id="e" * 32)])
    connection.close()
    found = list(query.deliveries(database, DeliveryFilter(), limit=2, now=NOW))
    database.close()
    assert [one.id for one in found] == ["e" * 32, "f" * 32]


def test_the_key_of_the_digests_goes_along(old, to):
    """Under another key every request would look changed."""
    database = open_database(old)
    connection = database.connect()
    key = lanes.digest_key(connection)
    connection.close()
    database.close()
    # A daemon was started on the new database too early, made a key of its own, and was stopped.
    fresh = open_database(to)
    connection = fresh.connect()
    assert lanes.digest_key(connection) != key
    connection.close()

    assert move(old, to).is_new

    connection = fresh.connect()
    assert lanes.digest_key(connection) == key
    connection.close()
    fresh.close()


def test_a_database_without_a_key_of_digests_leaves_the_new_one_its_own(old, to):
    """It has not had lanes of a newer webhookd yet: any key is as good."""
    fresh = open_database(to)
    connection = fresh.connect()
    key = lanes.digest_key(connection)
    connection.close()

    move(old, to)

    connection = fresh.connect()
    assert lanes.digest_key(connection) == key
    connection.close()
    fresh.close()


def test_which_file_came_last_and_what_failed_last_is_known_there_too(path, old, to):
    rows = [
        ("accepted:crm/contacts/lists/vip", "2"),
        ("last_error:crm", '{"text":"März 0.csv: 1 of 2 rows is bad","at":16}'),
        ("last_file:crm", '{"text":"März 1.csv","at":17}'),
        ("latest_file:crm", "17 März 1.csv"),
        ("polled:erp/orders", '[17,"the API answered 503",18]'),
    ]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany("INSERT INTO meta VALUES (?, ?)", rows)

    move(old, to)

    query = "SELECT key, value FROM meta WHERE key LIKE '%:%' ORDER BY key"
    with psycopg.connect(to) as connection:
        assert connection.execute(query).fetchall() == rows


def test_the_old_database_is_used_no_more(path, old, to):
    move(old, to)

    for opening in (open_database, open_for_reading):
        with pytest.raises(StorageError, match=r"was moved to postgresql://.*DATABASE_URL"):
            opening(old)


def test_a_move_that_is_told_again_changes_nothing(server, old, to, name):
    move(old, to)
    server.execute("DELETE FROM attempts", name)

    assert not move(old, to).is_new
    assert server.execute("SELECT count(*) FROM attempts", name) == [(0,)]
    with pytest.raises(StorageError, match="is moved to no other"):
        move(old, server.url(server.empty()))


def test_a_database_in_use_is_not_moved_to_and_the_old_one_goes_on(server, old, to, name):
    database = open_database(to)
    server.execute("INSERT INTO lanes (webhook) VALUES ('w')", name)
    with pytest.raises(StorageError, match="is in use already"):
        move(old, to)
    server.execute("DELETE FROM lanes", name)
    connection = database.connect()
    with pytest.raises(StateLockedError, match="another webhookd"):
        move(old, to)
    connection.close()
    database.close()

    open_database(old).close()
    assert move(old, to).is_new


def test_what_fails_midway_leaves_both_as_they_were(server, path, old, to, name):
    open_database(to).close()
    server.execute("ALTER TABLE known_records ADD CONSTRAINT c CHECK (record_id <> '2')", name)
    before = content_of_sqlite(path)

    with pytest.raises(StorageError, match="check constraint"):
        move(old, to)

    assert content_of_sqlite(path) == before
    assert not any(content_of_postgresql(to).values())
    open_database(old).close()


def test_text_with_nul_is_moved_as_postgresql_can_hold_it(server, path, old, to, name):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE attempts SET answer = ?", ("a\0b",))

    move(old, to)

    assert server.execute("SELECT DISTINCT answer FROM attempts", name) == [("a\ufffdb",)]


KILLED = """
import os, signal, sys
import sqlalchemy
from webhookd.storage.schema import copy_to_postgresql

left = int(sys.argv[3])

def die(*_):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)

copy = copy_to_postgresql._copy
def copying(*arguments):
    copy(*arguments)
    die()

copy_to_postgresql._copy = copying
after = sqlalchemy.Connection.commit
def committing(connection):
    die()
    after(connection)
    die()

sqlalchemy.Connection.commit = committing
copy_to_postgresql.move(sys.argv[1], sys.argv[2])
"""


def is_filled(url):
    with psycopg.connect(url) as connection:
        if connection.execute("SELECT to_regclass('deliveries')").fetchone() == (None,):
            return False
        return connection.execute("SELECT count(*) FROM deliveries").fetchone() != (0,)


def test_a_move_that_is_killed_anywhere_is_done_again_and_all_is_there_once(path, old, server):
    before = content_of_sqlite(path)
    kept = path.read_bytes()

    for kills in range(60):
        path.write_bytes(kept)
        to = server.url(server.empty())
        killed = run_code(KILLED, old, to, str(kills))
        if killed.returncode == 0:
            break
        assert killed.returncode == -9
        assert content_of_sqlite(path) == before
        if is_filled(to):
            with pytest.raises(StorageError, match="was moved to"):
                open_database(old)
        move(old, to)
        assert content_of_postgresql(to) == before
    assert 20 < kills < 59


def test_moments_are_moved_as_they_are_and_new_timers_come_behind_them(path, old, to):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO timers (number, webhook, kind, source, object, digest, since)"
            " VALUES (7, 'renewal', 'at', 'crm', 'deals', 'rule', 1)"
        )
        row = (7, "101", 1_772_366_400_000_000, 5, None, None, None, None, b"{}", None, None)
        connection.execute(f"INSERT INTO moments VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608

    moved = move(old, to)

    assert (moved.rows["timers"], moved.rows["moments"]) == (1, 1)
    database = open_database(to)
    with database.reading() as connection:
        [timer] = timer_rows.all_timers(connection)
        assert stored_moments.of_record(connection, timer, "101").place[0] == row[2]
    connection = database.connect()
    other = timer_rows.ConfiguredTimer("other", "wait", "crm", "deals")
    timer_rows.adopt(connection, [other], NOW)
    assert timer_rows.of_webhooks(connection, ["other"])["other"].number == 8
    connection.close()
    database.close()
