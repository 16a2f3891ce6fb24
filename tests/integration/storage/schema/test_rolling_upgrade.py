"""Upgrades that older daemons go on through, and those that they are kept from."""

import asyncio
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import psycopg
import pytest
import sqlalchemy

from tests import later, postgresql
from tests.databases import KILLED_UPGRADE
from tests.forked import run, run_code
from tests.later import Later
from webhookd.errors import StateLockedError, StorageError, WrongVersionError
from webhookd.storage.database.connection import Dialect
from webhookd.storage.database.database import (
    open_as_it_is,
    open_database,
    open_for_reading,
    version_of,
)
from webhookd.storage.database.writer import Writer
from webhookd.storage.schema import copy_to_postgresql, rolling_upgrade, versions
from webhookd.storage.schema.tables import METADATA
from webhookd.storage.schema.upgrade import Upgraded, upgrade
from webhookd.storage.schema.versions import NEWEST, Version

OPENINGS = (open_database, open_for_reading)


@pytest.fixture
def steps(tmp_path):
    return Later(tmp_path / "steps")


@pytest.fixture
def server_url():
    server = postgresql.server()
    return server.url(server.new())


@pytest.fixture
def in_haste(monkeypatch):
    monkeypatch.setattr(rolling_upgrade, "PAUSE_SECONDS", 0.05)
    monkeypatch.setattr(rolling_upgrade, "WAITS", (0.1,) * 5)


@pytest.fixture
def upgraded(monkeypatch, steps):
    """Return a function that upgrades a database as the later webhookd does, and is gone again."""

    def run(url):
        with monkeypatch.context() as patch:
            steps.come(patch)
            return upgrade(url)

    return run


def columns(url, table):
    database = open_as_it_is(url)
    with database.connected() as connection:
        found = {column["name"] for column in sqlalchemy.inspect(connection).get_columns(table)}
    database.close()
    return found


def tables(url):
    database = open_as_it_is(url)
    with database.connected() as connection:
        found = sqlalchemy.inspect(connection).get_table_names()
    database.close()
    return found


def kept(url):
    database = open_as_it_is(url)
    with database.connected() as connection:
        found = connection.exec_driver_sql("SELECT value FROM meta WHERE key = 'works_with'")
        value = found.scalar()
    database.close()
    return value


def keep(url, value):
    database = open_as_it_is(url, mode="rw")
    with database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM meta WHERE key = 'works_with'")
        if value is not None:
            versions.set_works_with(connection, value)
    database.close()


def test_what_only_expands_is_worked_on_by_older_ones(url, steps, upgraded):
    open_database(url).close()
    steps.add("0098", later.COLUMN)
    steps.add("0099", later.FILLED, later.TABLE, later.INDEX)

    assert upgraded(url) == Upgraded(NEWEST, "0099", versions.WORKS_WITH)

    assert version_of(url) == Version("0099", versions.WORKS_WITH)
    assert version_of(url).is_usable
    assert "later" in columns(url, "deliveries")
    for opening in OPENINGS:
        opening(url).close()
    assert upgrade(url) == Upgraded("0099", "0099", versions.WORKS_WITH)


def test_any_other_step_is_refused_to_older_ones_and_so_is_what_comes_behind_it(
    url, steps, upgraded, monkeypatch
):
    open_database(url).close()
    steps.add("0097", later.COLUMN)
    steps.add("0098", later.FILLED, is_expanding=False)
    steps.add("0099", later.TABLE)

    assert upgraded(url) == Upgraded(NEWEST, "0099", "0098")

    refused = f"version 0099, which takes a webhookd that knows 0098, .* none newer than {NEWEST}"
    for working in (*OPENINGS, upgrade):
        with pytest.raises(StorageError, match=refused):
            working(url)
    monkeypatch.setattr(versions, "NEWEST", "0097")
    for opening in OPENINGS:
        with pytest.raises(StorageError, match=r"none newer than 0097; use the version of"):
            opening(url)
    monkeypatch.setattr(versions, "NEWEST", "0098")
    for opening in OPENINGS:
        opening(url).close()


def test_a_step_that_says_nothing_does_not_only_expand(url, steps, upgraded):
    open_database(url).close()
    steps.add("0099", later.COLUMN)
    step = steps.folder / "versions" / "r0099_later.py"
    step.write_text(step.read_text().replace("is_expanding = True\n", ""))

    assert upgraded(url).works_with == "0099"


def test_a_new_database_says_the_same_as_one_that_was_upgraded(url, steps, monkeypatch):
    steps.add("0098", later.FILLED, is_expanding=False)
    steps.add("0099", later.COLUMN)
    steps.come(monkeypatch)
    database = open_as_it_is(url, mode="rwc")
    with database.engine.begin() as connection:
        for table in reversed(tables(url)):
            connection.exec_driver_sql(f"DROP TABLE {table}")
    database.close()

    open_database(url).close()

    assert version_of(url) == Version("0099", "0098")
    assert kept(url) == "0098"


@pytest.mark.parametrize("said", [None, "", "0", "3", "ce8f", "\N{ARABIC-INDIC DIGIT ZERO}" * 4])
def test_a_newer_one_that_does_not_say_who_works_on_it_is_refused(url, steps, upgraded, said):
    open_database(url).close()
    steps.add("0099", later.COLUMN)
    upgraded(url)
    keep(url, said)

    for opening in OPENINGS:
        with pytest.raises(StorageError, match=r"version 0099, .*use the version of webhookd"):
            opening(url)


def test_one_from_before_this_was_kept_is_its_own_webhookds(url):
    open_database(url).close()
    keep(url, None)

    assert version_of(url) == Version(NEWEST, NEWEST)
    open_database(url).close()


def test_a_newer_one_is_not_moved_by_who_does_not_know_all_of_it(tmp_path, steps, upgraded):
    """What was added would be left behind."""
    url = f"sqlite:///{tmp_path / 'webhookd.db'}"
    open_database(url).close()
    steps.add("0099", later.COLUMN)
    upgraded(url)
    server = postgresql.server()

    with pytest.raises(StorageError, match=f"does not know all that is new since {NEWEST}"):
        copy_to_postgresql.move(url, server.url(server.new()))
    open_database(url).close()


@contextmanager
def working(url):
    """Hold what a daemon holds."""
    database = open_database(url)
    with closing(database.connect()):
        yield database
    database.close()


def test_what_only_expands_is_done_while_a_daemon_works_and_nothing_else_is(
    server_url, steps, upgraded
):
    with working(server_url):
        steps.add("0098", later.COLUMN)
        assert upgraded(server_url).now == "0098"
        steps.add("0099", later.TABLE, is_expanding=False)
        with pytest.raises(
            StateLockedError, match=r"another webhookd \(host .* process \d+\) works"
        ):
            upgraded(server_url)
        assert version_of(server_url).number == "0098"
        assert "later" not in tables(server_url)

    assert upgraded(server_url) == Upgraded("0098", "0099", "0099")


def test_what_only_expands_needs_a_file_to_itself(tmp_path, steps, upgraded, monkeypatch):
    monkeypatch.setattr("webhookd.storage.database.sqlite.BUSY_SECONDS", 0.05)
    url = f"sqlite:///{tmp_path / 'webhookd.db'}"
    steps.add("0099", later.COLUMN)
    with working(url), pytest.raises(StorageError, match="something else works on it"):
        upgraded(url)

    assert upgraded(url).now == "0099"


@contextmanager
def using(url, table):
    """Have a transaction open that reads *table*."""
    with psycopg.connect(url, application_name="a dump") as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS SHARE MODE")
        yield connection


def test_a_table_that_is_in_use_is_asked_for_again(server_url, steps, upgraded, in_haste):
    steps.add("0099", later.TABLE, later.COLUMN)
    with using(server_url, "deliveries") as other:
        end = threading.Timer(0.2, other.rollback)
        end.start()
        assert upgraded(server_url).now == "0099"
        end.join()


@pytest.mark.parametrize("is_expanding", [True, False])
def test_a_table_that_stays_in_use_is_told_and_nothing_is_changed(
    server_url, steps, upgraded, in_haste, is_expanding
):
    steps.add("0099", later.TABLE, later.COLUMN, is_expanding=is_expanding)
    told = r"in use whenever it was to be changed, 5 times; .* that of backend \d+ \(a dump\)"
    with using(server_url, "deliveries"), pytest.raises(StateLockedError, match=told):
        upgraded(server_url)

    assert version_of(server_url).number == NEWEST
    assert "later" not in tables(server_url)


def test_nobody_waits_long_behind_an_upgrade_that_waits(server_url, steps, upgraded, monkeypatch):
    """Whoever comes behind who waits for a lock waits as well."""
    monkeypatch.setattr(rolling_upgrade, "PAUSE_SECONDS", 0.3)
    monkeypatch.setattr(rolling_upgrade, "WAITS", (0.2,) * 4)
    steps.add("0099", later.COLUMN)

    def refused():
        with pytest.raises(StateLockedError):
            upgraded(server_url)

    with using(server_url, "deliveries"), psycopg.connect(server_url, autocommit=True) as daemon:
        daemon.execute("SET lock_timeout = '1s'")
        upgrading = threading.Thread(target=refused)
        upgrading.start()
        while upgrading.is_alive():
            daemon.execute("SELECT count(*) FROM deliveries")
        upgrading.join()


SLOW = "op.execute('SELECT pg_sleep(0.5)')"


def test_what_takes_long_is_cut_off_beside_a_daemon_and_done_without_one(
    server_url, steps, upgraded, monkeypatch
):
    monkeypatch.setattr(rolling_upgrade, "STATEMENT_SECONDS", 0.2)
    steps.add("0099", later.COLUMN, SLOW)
    with working(server_url):
        told = r"over 0\.2 s, and needs the database without them: another webhookd \(host"
        with pytest.raises(StateLockedError, match=told):
            upgraded(server_url)
        assert version_of(server_url).number == NEWEST
        assert "later" not in columns(server_url, "deliveries")

    assert upgraded(server_url) == Upgraded(NEWEST, "0099", versions.WORKS_WITH)


def test_an_upgrade_that_takes_long_names_the_indexes_to_make_beforehand(
    server_url, steps, upgraded, monkeypatch
):
    monkeypatch.setattr(rolling_upgrade, "STATEMENT_SECONDS", 0.2)
    steps.add("0099", SLOW)
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("DROP INDEX failed_by_number")
        with working(server_url), pytest.raises(StateLockedError) as refused:
            upgraded(server_url)
        told = "CREATE INDEX CONCURRENTLY failed_by_number ON deliveries (state, number) WHERE "
        assert told in str(refused.value)
        assert str(refused.value).count("CREATE INDEX") == 1
        connection.execute(told + "state = 'failed'")

    assert upgraded(server_url).now == "0099"


def test_an_upgrade_that_the_server_is_told_to_end_is_not_begun_again(server_url, steps, upgraded):
    end = "op.execute('SELECT pg_cancel_backend(pg_backend_pid())')"
    steps.add("0099", later.COLUMN, end, is_expanding=False)

    with pytest.raises(StorageError, match="canceling statement due to user request"):
        upgraded(server_url)
    assert version_of(server_url).number == NEWEST


def test_an_index_that_was_made_beforehand_is_taken_as_it_is(server_url, steps, upgraded):
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute("CREATE INDEX CONCURRENTLY later_by_epoch ON deliveries (epoch)")
    steps.add("0099", later.INDEX)

    assert upgraded(server_url).now == "0099"


def test_two_upgrades_at_once_exclude_each_other(server_url, steps, upgraded, monkeypatch):
    monkeypatch.setattr(
        "webhookd.storage.database.postgresql._SESSION", "SET lock_timeout = '200ms'"
    )
    steps.add("0099", later.COLUMN)
    lock = "SELECT pg_advisory_xact_lock(2003133032, 0)"
    with psycopg.connect(server_url) as other:
        other.execute(lock)
        for working in (upgraded, open_database):
            with pytest.raises(StateLockedError, match="another webhookd makes or upgrades"):
                working(server_url)

    assert upgraded(server_url).now == "0099"


def test_upgrades_that_are_begun_together_are_one(server_url, steps, monkeypatch):
    steps.add("0098", later.COLUMN, "op.execute('SELECT pg_sleep(0.1)')")
    steps.add("0099", later.TABLE)
    environment = {"WEBHOOKD_TEST_STEPS": str(steps.folder), "WEBHOOKD_DATABASE_URL": server_url}
    one = partial(run, folder=ROOT, environment=environment, timeout=60, module="tests.later")
    with ThreadPoolExecutor(3) as together:
        done = list(together.map(one, [("db", "upgrade")] * 3))

    assert [one.returncode for one in done] == [0, 0, 0]
    assert sum("upgraded from" in one.stdout for one in done) == 1
    assert sum("already, the newest" in one.stdout for one in done) == 2


ROOT = Path(__file__).parents[4]
BECOME_LATER = "from tests import later; later._become()"


def test_an_upgrade_that_is_killed_leaves_the_old_version_whole(server_url, steps):
    """On PostgreSQL, before each of its writes; `test_upgrade` has SQLite's."""
    steps.add("0098", later.COLUMN, later.FILLED)
    steps.add("0099", later.TABLE)
    status, writes = -9, 0
    while status == -9:
        status = run_code(
            BECOME_LATER + KILLED_UPGRADE,
            server_url,
            str(writes),
            environment={"WEBHOOKD_TEST_STEPS": str(steps.folder)},
        ).returncode
        if status == -9:
            assert version_of(server_url) == Version(NEWEST, versions.WORKS_WITH)
            assert "later" not in columns(server_url, "deliveries") | columns(server_url, "lanes")
            assert "later" not in tables(server_url)
            writes += 1

    assert status == 0
    assert writes >= 6
    assert version_of(server_url).number == "0099"


def end_sessions(url):
    """End all that are in the database, as a server does that is restarted."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.mark.parametrize("is_expanding", [True, False])
def test_a_session_that_is_made_anew_looks_at_the_version_again(
    server_url, steps, upgraded, is_expanding
):
    """The database may have been upgraded while the daemon was away from it."""
    steps.add("0099", later.COLUMN, is_expanding=is_expanding)
    lost = []

    async def work(writer):
        await writer.write(lambda connection: connection.execute("SELECT 1").fetchone())
        await asyncio.to_thread(end_sessions, server_url)
        await asyncio.to_thread(upgraded, server_url)
        for _ in range(100):
            try:
                return await writer.write(
                    lambda connection: connection.execute("SELECT 2").fetchone()
                )
            except StorageError as error:
                if lost:
                    return str(error)
                await asyncio.sleep(0.02)
        raise AssertionError("neither")

    async def inside(database):
        async with Writer(database, lost.append) as writer:
            return await work(writer)

    database = open_database(server_url)
    result = asyncio.run(inside(database))
    database.close()

    if is_expanding:
        assert result == (2,)
        assert not lost
    else:
        assert "which takes a webhookd that knows 0099" in result
        assert [type(error) for error in lost] == [WrongVersionError]


def test_one_that_was_upgraded_between_a_daemon_s_look_and_its_lock_is_left(
    server_url, steps, upgraded
):
    database = open_database(server_url)
    assert database.dialect is Dialect.POSTGRESQL
    steps.add("0099", later.COLUMN, is_expanding=False)
    upgraded(server_url)

    with pytest.raises(WrongVersionError, match="which takes a webhookd that knows 0099"):
        database.connect()
    database.close()


def test_no_statement_takes_whatever_columns_a_table_has():
    """An older daemon's statements run on tables that have more of them."""
    text = "\n".join(path.read_text() for path in (ROOT / "webhookd").rglob("*.py"))
    names = "|".join(METADATA.tables)
    columns = re.compile(rf"(?<!\()\*[\s\"f]+FROM\s+(?:{names})\b|\w\.\* FROM|RETURNING \*")
    values = re.compile(r"INSERT INTO \S+ (?:VALUES|SELECT)")

    assert len(re.findall(r"\bSELECT\b", text)) > 50
    assert columns.findall(text) == []
    assert values.findall(text) == []
