"""PostgreSQL: connections that are lost, and who may write."""

import asyncio
import subprocess
import sys
import threading

import psycopg
import pytest

from tests import postgresql
from tests.engine import until
from tests.postgresql import PASSWORD
from tests.wire import Wire
from webhookd.errors import StateLockedError, StorageError
from webhookd.storage.database.connection import Dialect
from webhookd.storage.database.database import open_database, open_for_reading, place_of
from webhookd.storage.database.writer import Writer
from webhookd.storage.deliveries import due, record_order


@pytest.fixture
def server():
    return postgresql.server()


@pytest.fixture
def name(server):
    return server.new()


@pytest.fixture
def wire(server):
    with Wire(server.port) as wire:
        yield wire


@pytest.fixture
def database(server, name, wire):
    opened = open_database(server.url_with_password(name, port=wire.port))
    yield opened
    opened.close()


def put(key):
    return lambda connection: connection.execute("INSERT INTO meta VALUES (?, '')", (key,))


def keys(server, name):
    ours = {"schema_version", "works_with", "last_commit"}
    found = server.execute("SELECT key FROM meta ORDER BY key", name)
    return [key for (key,) in found if key not in ours]


def writing(database, work, lost=None):
    async def inside():
        async with Writer(database, lost) as writer:
            return await work(writer)

    return asyncio.run(inside())


async def written(writer, key):
    """Write until it is taken, as all do who write; return how often it was refused."""
    for refused in range(200):
        try:
            await writer.write(put(key))
        except StorageError:
            await asyncio.sleep(0.02)
        else:
            return refused
    raise AssertionError("it was refused for ever")


def test_a_connection_lost_in_a_transaction_takes_nothing_and_is_made_anew(server, name, database):
    async def work(writer):
        def cut(connection):
            put("half")(connection)
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        await writer.write(put("a"))
        with pytest.raises(StorageError, match="terminat"):
            await writer.write(cut)
        return await written(writer, "b")

    assert writing(database, work) < 5
    assert keys(server, name) == ["a", "b"]


def test_a_read_whose_connection_is_lost_says_so_once_and_the_next_has_another(database, caplog):
    for _ in range(2):
        with (
            pytest.raises(StorageError, match="terminat"),
            database.reading() as connection,
        ):
            connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        with database.reading() as connection:
            assert connection.execute("SELECT 1").fetchone()[0] == 1

    assert not caplog.records


def test_a_lock_that_is_asked_for_as_the_server_ends_the_session_is_refused_and_then_given(
    server, name, database
):
    async def work(writer):
        backend = await writer.read(lambda connection: connection.session.backend)
        with psycopg.connect(server.url(name), autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s, 5000)", (backend,))
        with pytest.raises(StorageError):
            await writer.read(lambda connection: connection.session.acquire("a lock"))
        return await writer.read(lambda connection: connection.session.acquire("a lock"))

    assert writing(database, work)


@pytest.mark.parametrize("is_taken", [True, False])
def test_a_commit_whose_answer_is_lost_is_told_as_what_became_of_it(
    server, name, wire, database, is_taken
):
    """Told wrongly, the first would be done again and the second never."""

    def cut_at_commit(connection):
        """In the group's own transaction: the one before it must have gone through."""
        wire.cut_at = b"COMMIT"
        put("b")(connection)

    async def work(writer):
        await writer.write(put("a"))
        begun, go = threading.Event(), threading.Event()
        first = writer.write(lambda _: (begun.set(), go.wait(10)))
        await asyncio.to_thread(begun.wait, 10)
        group = [writer.write(unit) for unit in (cut_at_commit, put("c"), put("d"))]
        wire.is_taken = is_taken
        go.set()
        await first
        results = await asyncio.gather(*group, return_exceptions=True)
        assert await written(writer, "e") < 5
        return results

    results = writing(database, work)

    if is_taken:
        assert not any(isinstance(result, BaseException) for result in results)
        assert keys(server, name) == [*"abcde"]
    else:
        assert all(isinstance(result, StorageError) for result in results)
        assert keys(server, name) == [*"ae"]


def test_a_transaction_that_the_server_undoes_in_a_deadlock_is_run_again(server, name, database):
    """The unit waits first, so the server finds the deadlock in its name, and undoes that."""
    tries = []

    def wanting_both(connection):
        tries.append(1)
        put("ours")(connection)
        connection.execute("LOCK TABLE lanes IN ROW EXCLUSIVE MODE")
        if len(tries) == 1:
            threading.Thread(target=has_the_other).start()
            assert has_it.wait(10)
        connection.execute("LOCK TABLE deliveries IN ROW EXCLUSIVE MODE")

    has_it, is_done = threading.Event(), threading.Event()

    def has_the_other():
        with psycopg.connect(server.url(name)) as other:
            other.execute("LOCK TABLE deliveries IN ACCESS EXCLUSIVE MODE")
            has_it.set()
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            with psycopg.connect(server.url(name), autocommit=True) as looking:
                while not looking.execute(waiting).fetchone()[0]:
                    threading.Event().wait(0.01)
            other.execute("LOCK TABLE lanes IN ACCESS EXCLUSIVE MODE")
        is_done.set()

    async def work(writer):
        await writer.write(wanting_both)

    writing(database, work)

    assert is_done.wait(10)
    assert len(tries) == 2
    assert keys(server, name) == ["ours"]


def test_while_a_commit_is_uncertain_nothing_else_is_begun(server, name, wire, database):
    async def work(writer):
        await writer.write(put("a"))
        wire.is_taken, wire.cut_at = True, b"COMMIT"
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        first = writer.write(put("b"))
        await until(lambda: writer._commits.is_uncertain)
        with pytest.raises(StorageError, match="what became of a commit"):
            await writer.write(put("c"))
        assert not first.done()
        server.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await asyncio.wait_for(first, 10)

    writing(database, work)

    assert keys(server, name) == ["a", "b"]


def test_several_write_at_a_time_and_who_wants_it_alone_is_told_who_works(server, name):
    first, second = (open_database(server.url(name)) for _ in range(2))
    connections = [first.connect(), second.connect()]
    numbers = {connection.session.owner for connection in connections}

    with (
        pytest.raises(StateLockedError, match=rf"host \S+, process \d+\) and another.*{name}"),
        second.engine.connect() as alone,
    ):
        second.kind.claim(alone)
    for connection in connections:
        connection.close()
    with second.engine.connect() as alone:
        second.kind.claim(alone)
    for database in (first, second):
        database.close()

    assert len(numbers) == 2
    assert server.execute("SELECT * FROM daemons", name) == []


def test_a_writer_waits_a_moment_for_one_that_has_it_alone_and_is_just_ending(server, name):
    """A server needs a while to notice that a session has ended, and a restart takes none."""
    first, second = (open_database(server.url(name)) for _ in range(2))
    alone = first.engine.connect()
    first.kind.claim(alone)
    ending = threading.Timer(0.3, alone.invalidate)
    ending.start()
    second.connect().close()
    ending.join()
    alone.close()
    first.close()
    second.close()


def test_databases_of_one_server_do_not_keep_each_other_out(server):
    databases = [open_database(server.url(server.new())) for _ in range(2)]
    connections = [database.connect() for database in databases]
    for each in (*connections, *databases):
        each.close()


def test_a_writer_who_comes_back_while_somebody_has_the_database_alone_writes_no_more(
    server, name, wire, database
):
    told = []

    async def work(writer):
        await writer.write(put("a"))
        other = open_database(server.url(name))
        alone = other.engine.connect()
        wire.cut()
        await until(lambda: has_alone(other, alone))
        while not told:
            with pytest.raises(StorageError):
                await writer.write(put("b"))
        with pytest.raises(StorageError, match="works on the database"):
            await writer.write(put("b"))
        alone.close()
        other.close()

    writing(database, work, told.append)

    assert [type(error) for error in told] == [StateLockedError]
    assert keys(server, name) == ["a"]


def has_alone(database, connection):
    try:
        database.kind.claim(connection)
    except StateLockedError:
        return False
    return True


def test_a_session_of_one_s_own_that_the_server_thinks_alive_is_ended(server, name, wire, database):
    """A network that parts leaves the server a session that still has the lock."""

    async def work(writer):
        await writer.write(put("a"))
        wire.is_noticed = False
        wire.cut()
        return await written(writer, "b")

    assert writing(database, work) < 5
    assert keys(server, name) == ["a", "b"]


def test_a_pooler_that_changes_sessions_is_noticed_before_anything_is_written(
    server, name, database
):
    async def work(writer):
        writer._connection.session.backend += 1
        with pytest.raises(StorageError, match="PgBouncer"):
            await writer.write(put("a"))

    writing(database, work)

    assert keys(server, name) == []


def test_a_database_with_another_encoding_is_refused(server):
    server.execute("CREATE DATABASE latin ENCODING LATIN1 TEMPLATE template0")

    with pytest.raises(StorageError, match=r"encoding LATIN1.*createdb --encoding=UTF8"):
        open_database(server.url("latin"))


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:{password}@127.0.0.1:1/db",
        "postgresql://postgres:{password}x@127.0.0.1:{port}/postgres",
        "postgresql://u:{password}@[::1/db",
        "postgresql://u:{password}@127.0.0.1:1/db?no_such=1",
    ],
)
def test_no_error_tells_the_password(server, url):
    password = server.url_with_password("x").partition(":")[2].partition("@")[0].split(":")[1]
    url = url.format(password=password, port=server.port)

    told = [said(opening, url) for opening in (open_database, open_for_reading, place_of)]

    assert all(told)
    assert not any(secret in one for one in told for secret in (PASSWORD, password))


def said(opening, url):
    try:
        return str(opening(url))
    except StorageError as error:
        return str(error)


def test_text_that_postgresql_cannot_hold_stops_nothing(server, name):
    database = open_database(server.url(name))
    connection = database.connect()
    connection.execute("INSERT INTO meta VALUES (?, ?)", ("a", "x\0y"))
    connection.close()
    database.close()

    assert server.execute("SELECT value FROM meta WHERE key = 'a'", name) == [("x\ufffdy",)]


def test_finding_due_ones_among_many_reads_an_index_in_its_order(server, name):
    server.execute("INSERT INTO lanes (webhook) VALUES ('w')", name)
    server.execute(
        "INSERT INTO deliveries (id, lane, source, object, record_id, change, state, epoch, due_at,"
        " behind, method, query, created_at, settled_at) SELECT n::text, 1, 's', 'o', n::text,"
        " 'created', 'x', 0, CASE WHEN n % 30 < 2 THEN n END, CASE n % 30 WHEN 1 THEN 0 END,"
        " 'POST', '', n, CASE WHEN n % 30 > 1 THEN n END FROM generate_series(1, 60000) AS n",
        name,
    )
    server.execute("ANALYZE", name)
    for is_ordered, index in ((False, "due_in_no_order"), (True, "due_in_order")):
        found = due._SHARED[is_ordered]
        for sql, values in (
            (found.due, "7, 1, 0, 99999, 7, '{1,2}', 10"),
            (found.released, "7, 1, 1, 7, '{1,2}', 10"),
            (found.next, "1, 0, 99999, 7"),
        ):
            plan = plan_of(server, name, sql, values)
            assert f"using {index} on deliveries" in plan, plan
            assert "Sort" not in plan, plan
            assert "Seq Scan on deliveries" not in plan, plan
    assert "Seq Scan on deliveries" not in plan_of(server, name, due._NEXT, "7, 7, 7, 7")
    for waiting in record_order.WAITING[Dialect.POSTGRESQL]:
        count = f"SELECT count(*) FROM deliveries WHERE {waiting}"  # noqa: S608
        assert "Seq Scan" not in plan_of(server, name, count, "")


def plan_of(server, name, sql, values):
    """Return how a statement is run whose values are not known: as one that is prepared."""
    count = sql.count("?")
    for number in range(1, count + 1):
        sql = sql.replace("?", f"${number}", 1)
    run = f"EXECUTE asked ({values})" if count else "EXECUTE asked"
    with psycopg.connect(server.url(name), autocommit=True) as connection:
        connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.execute(f"PREPARE asked AS {sql}")
        return "\n".join(line for (line,) in connection.execute(f"EXPLAIN {run}"))


def test_without_its_driver_it_is_said_what_to_install():
    script = (
        "import sys; sys.modules['psycopg'] = None;"
        "from webhookd.storage.database.database import open_database; open_database('postgresql://x')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )

    assert "install webhookd[postgresql]" in done.stderr.splitlines()[-1]


def test_who_only_looks_writes_nothing_and_waits_for_nobody(server, name):
    database = open_for_reading(server.url(name))
    with (
        database.reading() as connection,
        pytest.raises(StorageError, match="read-only transaction"),
    ):
        connection.execute("DELETE FROM meta")
    with psycopg.connect(server.url(name)) as other, database.reading() as connection:
        other.execute("LOCK TABLE lanes")
        connection.execute("SET lock_timeout = '50ms'")
        with pytest.raises(StorageError, match="lock timeout"):
            connection.execute("SELECT * FROM lanes")
    database.close()
