"""A database that is not what it was: lost, emptied, cut, damaged, or something else altogether."""

import os
import sqlite3
from contextlib import closing

import pytest

from tests.forked import run
from webhookd.errors import StorageError
from webhookd.storage.database import database as databases
from webhookd.storage.database.database import NewDatabaseError, open_database, open_for_reading

ROWS = 2_000


@pytest.fixture
def file(tmp_path):
    """Return the file of a database with some rows in it, closed in order."""
    path = tmp_path / "webhookd.db"
    open_database(f"sqlite:///{path}").close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            "INSERT INTO meta VALUES (?, ?)", ((f"key-{row}", "x" * 200) for row in range(ROWS))
        )
    return path


def url(path):
    return f"sqlite:///{path}"


def test_a_database_that_may_not_be_new_is_opened_as_ever(file):
    open_database(url(file), may_be_new=False).close()

    assert databases.faults_of(url(file)) == ()


@pytest.mark.parametrize("lose", [os.unlink, lambda path: path.write_bytes(b"")])
def test_one_that_is_gone_or_emptied_is_not_taken_for_a_new_one(file, lose):
    lose(file)

    with pytest.raises(NewDatabaseError, match="--new-database"):
        open_database(url(file), may_be_new=False)
    # It was not touched: a backup may come to its place.
    assert not file.exists() or file.stat().st_size == 0
    open_database(url(file), may_be_new=True).close()
    open_database(url(file), may_be_new=False).close()


def test_one_without_tables_of_webhookd_is_not_either(file):
    file.unlink()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE another (a)")

    with pytest.raises(NewDatabaseError):
        open_database(url(file), may_be_new=False)


@pytest.mark.parametrize("part", [0.25, 0.5, 0.9, 0.999])
def test_one_that_was_cut_is_an_error_for_everybody(file, part):
    os.truncate(file, int(file.stat().st_size * part))

    for opening in (open_database, open_for_reading, databases.version_of, databases.faults_of):
        with pytest.raises(StorageError, match="restore it"):
            opening(url(file))


def test_flipped_bytes_are_noticed_at_the_start_and_by_a_check(file):
    size = file.stat().st_size
    with file.open("r+b") as writing:
        for place in range(size // 8192 * 4096, size, 4096):
            writing.seek(place)
            writing.write(b"\xff" * 64)

    with pytest.raises(StorageError, match=r"damaged|malformed"):
        open_database(url(file))
    assert databases.faults_of(url(file))


def test_a_large_file_is_not_looked_at_whole_when_a_daemon_starts(file, monkeypatch):
    monkeypatch.setattr("webhookd.storage.database.sqlite.QUICKLY_CHECKED", 4096)
    with file.open("r+b") as writing:
        # A leaf of a table's tree, far from what is read at the start.
        writing.seek(file.stat().st_size - 4096)
        writing.write(b"\xff" * 64)

    open_database(url(file)).close()
    assert databases.faults_of(url(file))


@pytest.mark.parametrize("end", ["", "-wal", "-journal"])
@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_something_else_in_its_place_is_an_error_at_once(tmp_path, make, end):
    make(tmp_path / f"webhookd.db{end}")

    for opening in (open_database, open_for_reading, databases.version_of):
        with pytest.raises(StorageError, match="where the file of a database should be"):
            opening(url(tmp_path / "webhookd.db"))


def test_what_is_only_in_the_journal_yet_is_not_taken_for_a_cut(file):
    """Of a daemon that was killed, pages may stand in the file beside only."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_autocheckpoint=0")
        with connection:
            connection.executemany(
                "INSERT INTO meta VALUES (?, ?)",
                ((f"more-{row}", "y" * 200) for row in range(ROWS)),
            )
        open_for_reading(url(file)).close()
        assert databases.faults_of(url(file)) == ()


SCHEMA = (b"CREATE TABLE meta", b"PRIMARY KEY", b"WITHOUT ROWID")
STILL_READ = (b"NOT NULL", b"TEXT NOT")
"""What SQLite reads as other types, without a word."""

NO_TEXT = {"never in UTF-8": b"\xff", "half a character": b"\xc3", "a surrogate": b"\xed\xa0\x80"}


@pytest.mark.parametrize("bad", NO_TEXT)
@pytest.mark.parametrize("where", SCHEMA)
def test_a_schema_that_is_no_text_is_told_as_damage(file, where, bad):
    content = bytearray(file.read_bytes())
    place = content.index(where) + 2
    content[place : place + len(NO_TEXT[bad])] = NO_TEXT[bad]
    file.write_bytes(content)

    for opening in (open_database, open_for_reading, databases.version_of, databases.faults_of):
        with pytest.raises(StorageError, match=r"(damaged|malformed).*restore it"):
            opening(url(file))


@pytest.mark.parametrize("where", STILL_READ)
def test_types_that_are_no_text_are_damage_where_sqlite_reads_on(file, where):
    content = bytearray(file.read_bytes())
    # Of a table: in the condition of an index it would be no SQL at all.
    content[content.index(where, content.index(b"CREATE TABLE meta")) + 2] = 0xFF
    file.write_bytes(content)

    with pytest.raises(StorageError, match=r"damaged.*restore it"):
        open_database(url(file))
    assert databases.faults_of(url(file))


@pytest.mark.parametrize("bad", NO_TEXT)
def test_a_version_that_is_no_text_is_told_as_damage(file, bad):
    with closing(sqlite3.connect(file)) as connection, connection:
        statement = "UPDATE alembic_version SET version_num = CAST(? AS TEXT)"
        connection.execute(statement, (NO_TEXT[bad] + b"00",))

    for opening in (open_database, open_for_reading, databases.version_of):
        with pytest.raises(StorageError, match=r"damaged.*restore it"):
            opening(url(file))


@pytest.mark.parametrize("options", [[], ["--check"], ["--json"], ["--check", "--json"]])
def test_db_status_tells_it_in_a_sentence(file, options):
    content = bytearray(file.read_bytes())
    content[content.index(b"CREATE TABLE meta") + 3] = 0xFF
    file.write_bytes(content)

    found = run(
        ("db", "status", *options, "--database-url", url(file)),
        folder=file.parent,
        environment=os.environ,
        timeout=60,
    )

    assert found.returncode == 1
    assert "Traceback" not in found.stderr
    assert "restore it from a backup" in " ".join(found.stderr.split())


def test_what_sqlite_quotes_of_a_damaged_file_is_one_harmless_line(file):
    content = bytearray(file.read_bytes())
    place = content.index(b"CREATE TABLE meta") + 3
    content[place : place + 5] = b"\x1b[2J\n"
    file.write_bytes(content)

    with pytest.raises(StorageError) as error:
        open_database(url(file))
    assert str(error.value).isprintable()
