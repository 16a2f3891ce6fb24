"""Versions of the tables: which are worked with, and how one becomes the next."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tests import postgresql
from tests.databases import KILLED_UPGRADE, everything, leave_behind
from tests.forked import run_code
from tests.making import NOW
from webhookd.errors import StorageError
from webhookd.model import DeliveryFilter, DeliveryState
from webhookd.storage.database.database import open_database, open_for_reading, version_of
from webhookd.storage.deliveries.query import deliveries as listed_deliveries
from webhookd.storage.schema import tables, versions
from webhookd.storage.schema.upgrade import Upgraded, oldest_that_works, run_steps, upgrade
from webhookd.storage.schema.versions import Version

OLD = sorted(versions.BEFORE_ALEMBIC)
NOW_NEWEST = Version(versions.NEWEST, versions.WORKS_WITH)
ROOT = Path(__file__).parents[4]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "webhookd.db"


def set_version(path, version):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (version,))


def schema(path):
    """Return tables and indexes by name, as SQLite understood them: columns in any order."""
    query = "SELECT name FROM sqlite_master WHERE sql IS NOT NULL"
    with closing(sqlite3.connect(path)) as connection:
        return {name: described(connection, name) for (name,) in connection.execute(query)}


def described(connection, name):
    columns = connection.execute(f"PRAGMA table_info({name})").fetchall()
    indexed = connection.execute(f"PRAGMA index_xinfo({name})").fetchall()
    query = (
        "SELECT CASE type WHEN 'index' THEN sql ELSE sql LIKE '%WITHOUT ROWID%' END"
        " FROM sqlite_master WHERE name = ?"
    )
    kind = connection.execute(query, (name,)).fetchone()
    return sorted(column[1:] for column in columns), indexed, kind


def test_the_steps_are_in_line_and_the_last_is_the_newest():
    config = Config()
    config.set_main_option(
        "script_location", str(ROOT / "webhookd" / "storage" / "schema" / "migrations")
    )
    steps = [step.revision for step in ScriptDirectory.from_config(config).walk_revisions()]

    assert steps[0] == versions.NEWEST
    assert steps == sorted(steps, reverse=True)
    assert all(len(step) == len(versions.NEWEST) and step.isdecimal() for step in steps)
    assert oldest_that_works() == versions.WORKS_WITH


@pytest.mark.parametrize("version", OLD)
def test_an_upgraded_database_is_as_a_new_one(tmp_path, path, version):
    leave_behind(version, path)
    upgrade(f"sqlite:///{path}")
    open_database(f"sqlite:///{tmp_path / 'new.db'}").close()

    assert schema(path) == schema(tmp_path / "new.db")


def is_of_sqlite(_, name, type_, *__):
    of_postgresql = {"due_in_order", "due_in_no_order", "owned"}
    return type_ != "index" or name not in of_postgresql


@pytest.mark.parametrize("version", [None, *OLD])
def test_steps_and_tables_do_not_drift(path, version):
    """Alembic finds nothing that it would have to do, in a new database and an upgraded one."""
    if version is not None:
        leave_behind(version, path)
        upgrade(f"sqlite:///{path}")
    database = open_database(f"sqlite:///{path}")

    with database.engine.connect() as connection:
        options = {"compare_server_default": True, "include_object": is_of_sqlite}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, tables.METADATA) == []
    database.close()


def test_steps_and_tables_do_not_drift_on_postgresql():
    server = postgresql.server()
    url = server.url(server.empty()).replace("postgresql:", "postgresql+psycopg:")
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        run_steps(connection)
        stepped = indexes_of_postgresql(connection)
        options = {"compare_server_default": True, "include_object": is_of_postgresql}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, tables.METADATA) == []
    engine.dispose()

    database = open_database(server.url(server.empty()))
    with database.connected() as connection:
        assert stepped == indexes_of_postgresql(connection)
    database.close()


def is_of_postgresql(_, name, type_, *__):
    return (type_, name) != ("index", "due")


def indexes_of_postgresql(connection):
    query = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
    return connection.exec_driver_sql(query).fetchall()


def test_the_steps_alone_make_what_a_new_database_is(tmp_path, path):
    open_database(f"sqlite:///{tmp_path / 'new.db'}").close()
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        run_steps(connection)
    engine.dispose()

    assert schema(path) == schema(tmp_path / "new.db")


@pytest.mark.parametrize("version", OLD)
def test_an_old_database_is_refused_until_it_is_upgraded_and_keeps_its_deliveries(path, version):
    url = f"sqlite:///{path}"
    leave_behind(version, path)
    before = everything(path)

    for opening in (open_database, open_for_reading):
        with pytest.raises(StorageError, match=rf"version {version}, .*run: webhookd db upgrade"):
            opening(url)
    assert everything(path) == before
    assert version_of(url) == Version(version, version)

    assert upgrade(url) == Upgraded(version, versions.NEWEST, versions.WORKS_WITH)

    assert version_of(url) == NOW_NEWEST
    database = open_database(url)
    found = list(listed_deliveries(database, DeliveryFilter(), limit=100, now=NOW))
    database.close()
    states = [one.state for one in found]
    assert [(states.count(state), state) for state in DeliveryState if state in states] == [
        (4, DeliveryState.PENDING),
        (1, DeliveryState.DELIVERED),
        (1, DeliveryState.FAILED),
        (1, DeliveryState.HELD),
    ]


def test_an_upgraded_database_knows_when_each_webhook_last_delivered(path):
    leave_behind("3", path)
    with closing(sqlite3.connect(path)) as connection, connection:
        (lane, at) = connection.execute(
            "SELECT lane, max(settled_at) FROM deliveries WHERE state = 'delivered' GROUP BY lane"
        ).fetchone()

    upgrade(f"sqlite:///{path}")

    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT number, last_delivered_at FROM lanes WHERE last_delivered_at IS NOT NULL"
        assert connection.execute(query).fetchall() == [(lane, at)]


def test_a_database_that_is_the_newest_stays_as_it_is(path):
    url = f"sqlite:///{path}"
    open_database(url).close()
    before = everything(path)

    assert upgrade(url) == Upgraded(versions.NEWEST, versions.NEWEST, versions.WORKS_WITH)
    assert everything(path) == before


@pytest.mark.parametrize("version", ["99999", "ce8f0f6d1a2b", "1"])
def test_a_version_that_is_not_known_is_refused_and_left(path, version):
    url = f"sqlite:///{path}"
    open_database(url).close()
    set_version(path, version)
    before = everything(path)

    for working in (open_database, open_for_reading, upgrade):
        with pytest.raises(StorageError, match=f"version {version}, .*use the version of webhookd"):
            working(url)
    assert not version_of(url).is_usable
    assert not version_of(url).is_older
    assert everything(path) == before


def test_a_webhookd_from_before_there_were_steps_refuses_what_it_does_not_know(path):
    """It looked into `meta`, and nowhere else."""
    leave_behind("2", path)
    upgrade(f"sqlite:///{path}")

    with closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute(
            "SELECT value FROM meta WHERE key = 'schema_version'"
        ).fetchone()
    assert not version.isdecimal()


def test_nothing_is_upgraded_while_somebody_works_on_it(path, monkeypatch):
    monkeypatch.setattr("webhookd.storage.database.sqlite.BUSY_SECONDS", 0.05)
    leave_behind("2", path)
    with closing(sqlite3.connect(path)) as other:
        other.execute("SELECT * FROM lanes").fetchall()
        with pytest.raises(StorageError, match="locked; something else works on it"):
            upgrade(f"sqlite:///{path}")

    assert upgrade(f"sqlite:///{path}").before == "2"


def test_no_database_is_made_by_an_upgrade(tmp_path, path):
    for working in (upgrade, version_of):
        with pytest.raises(StorageError, match="unable to open"):
            working(f"sqlite:///{path}")
    path.write_bytes(b"")
    for working in (upgrade, version_of):
        with pytest.raises(StorageError, match="is not a database of webhookd"):
            working(f"sqlite:///{path}")


@pytest.mark.parametrize("version", OLD)
def test_an_upgrade_that_is_killed_leaves_the_old_version_whole(path, version):
    """Before each of its writes, the last one and the commit among them."""
    leave_behind(version, path)
    before = everything(path)

    status, writes = -9, 0
    while status == -9:
        status = run_code(KILLED_UPGRADE, f"sqlite:///{path}", str(writes)).returncode
        if status == -9:
            assert everything(path) == before
            assert version_of(f"sqlite:///{path}").number == version
            writes += 1

    assert status == 0
    assert writes >= 4
    assert version_of(f"sqlite:///{path}") == NOW_NEWEST
