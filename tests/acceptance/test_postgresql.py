"""The daemon on PostgreSQL: the main job, the way there, and a server that dies."""

import json
import os
import signal
import threading
from pathlib import Path

import psycopg
import pytest

from tests import postgresql
from tests.daemon import Daemon, until
from tests.fleet import hook
from tests.postgresql import PASSWORD, Server
from tests.receiver import Answer, Receiver
from webhookd.sources.directory.ingest import MOST_OPENINGS


@pytest.fixture
def server():
    return postgresql.server()


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture
def at(tmp_path):
    """Return a function that makes a daemon on a database, in a folder of its own."""
    made = []

    def make(url, name="one"):
        (tmp_path / name).mkdir()
        made.append(Daemon(tmp_path / name, {"WEBHOOKD_DATABASE_URL": url}))
        return made[-1]

    yield make
    for daemon in made:
        daemon.close()


def listed(daemon, *arguments):
    """Return what is listed: the daemon is found, or its database by the environment."""
    done = daemon.command("deliveries", "list", "--json", "--limit", "100000", *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_dropped_record_is_delivered_and_the_password_is_seen_nowhere(server, receiver, at):
    daemon = at(server.url_with_password(server.empty()))
    daemon.configure({"mirror": hook(receiver, order="record")})
    daemon.start()
    daemon.drop_rows("1.ndjson", {"id": "1", "n": 1}, {"id": "1", "n": 2}, {"id": "2", "n": 1})
    until(lambda: len(receiver.received) == 3, "three deliveries")
    bodies = [json.loads(one.body) for one in receiver.received]
    assert [b["properties"]["n"] for b in bodies if b["objectId"] == "1"] == [1, 2]

    command = Path(f"/proc/{daemon.process.pid}/cmdline").read_text()
    status = daemon.command("status", "--admin-address", f"unix:{daemon.state}/admin.sock")
    assert status.returncode == 0, status.stderr
    assert daemon.stop() == 0
    seen = [command, status.stdout, daemon.log]
    assert [one["state"] for one in listed(daemon)] == ["delivered"] * 3
    for arguments in (("sources", "list"), ("db", "status"), ("db", "upgrade")):
        done = daemon.command(*arguments)
        assert done.returncode == 0, done.stderr
        seen += [done.stdout, done.stderr]
    secrets = (PASSWORD, server.url_with_password("").split(":")[2].partition("@")[0])
    assert not [text for text in seen for secret in secrets if secret in text]
    assert f"postgresql://127.0.0.1:{server.port}/" in daemon.log


def test_a_known_record_and_the_last_change_are_tried_beside_the_daemon_and_without_it(
    server, receiver, at
):
    daemon = at(server.url_with_password(server.empty()))
    daemon.configure({"mirror": hook(receiver)})
    daemon.start()
    daemon.drop_rows("1.ndjson", {"id": "1", "n": 1}, {"id": "1", "n": 2}, {"id": "2", "n": 1})
    until(lambda: len(receiver.received) == 3, "three deliveries")
    told = ("test", "mirror", "--config", "config.yaml")
    tries = (("--record-id", "1"), ("--record-id", "1", "--last"), ("--record-id", "3"))
    asked = [daemon.command(*told, "--state-directory", "state", *one) for one in tries]
    daemon.stop()
    read = [daemon.command(*told, *one) for one in tries]

    for known, last, unknown in (asked, read):
        assert (known.returncode, last.returncode, unknown.returncode) == (0, 0, 1)
        assert "mirror fires for contacts/1, created" in known.stdout
        assert "mirror fires for contacts/1, updated" in last.stdout
        assert '"n":2' in known.stdout
        assert "contacts has no record '3' in the source" in unknown.stderr
        assert "canary" not in known.stdout + unknown.stderr


def test_a_password_on_the_command_line_is_refused_without_being_shown(server, at):
    daemon = at("")
    for command in (("run",), ("deliveries", "list"), ("db", "status")):
        done = daemon.command(*command, "--database-url", server.url_with_password("x"))
        assert done.returncode == (78 if command == ("run",) else 1)
        assert "--database-url: it holds a password" in done.stderr
        assert "canary" not in done.stderr


def test_a_password_file_does_as_well_and_the_url_may_then_be_an_option(server, receiver, at):
    name = server.empty()
    daemon = at("")
    passwords = daemon.folder / "pgpass"
    escaped = PASSWORD.replace(":", r"\:")
    passwords.write_text(f"127.0.0.1:{server.port}:*:postgres:{escaped}\n")
    passwords.chmod(0o600)
    daemon.environment["PGPASSFILE"] = str(passwords)
    url = f"postgresql://postgres@127.0.0.1:{server.port}/{name}"
    daemon.configure({"mirror": hook(receiver)})
    daemon.start("--database-url", url)
    daemon.drop_rows("1.ndjson", {"id": "1"})
    until(lambda: receiver.received, "a delivery")
    assert daemon.stop() == 0

    assert len(listed(daemon, "--database-url", url)) == 1


def test_a_daemon_goes_on_in_postgresql_with_what_waited_in_its_file(server, receiver, at):
    daemon = at("")
    state = ("--state-directory", str(daemon.state))
    receiver.answer = lambda one: Answer(503 if b'"2"' in one.body else 200)
    daemon.configure({"mirror": hook(receiver, retry={"first_after": "1s"})})
    daemon.start()
    daemon.drop_rows("1.ndjson", {"id": "1"}, {"id": "2"})
    until(lambda: daemon.tally("delivered") == 1, "the first")
    until(lambda: len({one.id for one in receiver.received}) == 2, "both")
    url = server.url(server.empty())
    held = daemon.command("db", "move", "--to", url, *state)
    assert held.returncode == 1
    assert f"another webhookd (process {daemon.process.pid})" in held.stderr
    assert daemon.stop() == 0

    password = daemon.command("db", "move", "--to", server.url_with_password("x"), *state)
    assert password.returncode == 2
    assert "it holds a password" in password.stderr
    assert "canary" not in password.stderr
    moved = daemon.command("db", "move", "--to", url, *state)
    assert moved.returncode == 0, moved.stderr
    assert "2 deliveries" in moved.stdout
    daemon.start(is_awaited=False)
    assert daemon.wait() == 1
    assert "was moved to postgresql://" in daemon.log
    receiver.answer = lambda _: Answer()
    daemon.environment["WEBHOOKD_DATABASE_URL"] = url
    daemon.start()
    daemon.drop_rows("2.ndjson", {"id": "1"}, {"id": "3"})
    until(lambda: len(listed(daemon, "--state", "delivered")) == 3, "the second and a third")
    assert len([one for one in receiver.received if b'"1"' in one.body]) == 1


def test_a_database_that_is_not_there_is_told_in_one_line(server, receiver, at):
    daemon = at(server.url("no_such_database"))
    daemon.configure({"mirror": hook(receiver)})
    daemon.start(is_awaited=False)

    assert daemon.wait() == 1
    assert 'database "no_such_database" does not exist' in daemon.log
    assert "Traceback" not in daemon.log


@pytest.fixture
def own_server():
    """Yield a server that may be killed."""
    running = Server()
    yield running
    running.close()


def test_kill_9_of_the_server_loses_nothing_and_repeats_only_what_was_unsettled(
    own_server, receiver, at
):
    """Three times, under load; the daemon lives on."""
    receiver.answer = lambda _: Answer(delay=0.002)
    daemon = at(own_server.url_with_password(own_server.empty()))
    daemon.configure({"mirror": hook(receiver, concurrency=16, order="record")})
    daemon.start()
    count, files = 400, 6
    for number in range(files):
        rows = [{"id": str(row), "n": number} for row in range(count)]
        daemon.drop_rows(f"{number}.ndjson", *rows)
    for kill in range(1, 4):
        until(lambda kill=kill: len(receiver.received) > kill * 500, "some of it")
        own_server.kill()
        threading.Event().wait(0.5)  # the daemon works without it for a while
        own_server.start()
    until(lambda: len({one.id for one in receiver.received}) >= count * files, "all of it", 60)
    until(lambda: not listed(daemon, "--state", "pending"), "nothing that waits")
    assert daemon.stop() == 0

    changes = [json.loads(one.body) for one in receiver.received]
    last = {change["objectId"]: change["properties"]["n"] for change in changes}
    assert set(last.values()) == {files - 1}
    deliveries = listed(daemon)
    assert len(deliveries) == count * files
    assert {one["id"] for one in deliveries} == {one.id for one in receiver.received}
    # Nothing is repeated at all: the daemon knows what it sent, and settles that again.
    assert len(receiver.received) == count * files
    assert daemon.named("storage.refused")
    in_order(changes)


def in_order(changes):
    """Assert that each record's changes came one after the other."""
    seen = {}
    for change in changes:
        record, number = change["objectId"], change["properties"]["n"]
        assert number >= seen.get(record, -1)
        seen[record] = number


def test_kill_9_of_the_daemon_loses_nothing(server, receiver, at):
    daemon = at(server.url(server.empty()))
    daemon.configure({"mirror": hook(receiver, concurrency=16)})
    daemon.start()
    count = 1500
    daemon.drop_rows("1.ndjson", *({"id": str(row)} for row in range(count)))
    for kill in range(1, 4):
        until(lambda kill=kill: len(receiver.received) > kill * 300, "some of it")
        daemon.kill()
        daemon.start()
    until(lambda: len({one.id for one in receiver.received}) >= count, "all of it")
    until(lambda: not listed(daemon, "--state", "pending"), "nothing that waits")

    assert len(listed(daemon)) == count
    os.kill(daemon.process.pid, signal.SIGTERM)
    assert daemon.wait() == 0


CUT = (
    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    " AND datname = current_database() AND pid <>"
)


@pytest.mark.parametrize("content", ["records", "snapshot"])
def test_lost_connections_never_make_a_file_suspect(server, receiver, at, content):
    """Only a daemon that died may have been ended by what it read."""
    name = server.empty()
    daemon = at(server.url(name))
    daemon.configure({"mirror": hook(receiver)}, source={"content": content})
    daemon.start()
    with psycopg.connect(server.url(name)) as other:
        # Nothing is written while this lasts, so that no progress is made.
        other.execute("LOCK TABLE known_records, snapshot_rows IN SHARE MODE")
        daemon.drop_rows("1.ndjson", {"id": "1"}, {"id": "2"})
        for count in range(1, 3 * MOST_OPENINGS):
            until(lambda count=count: len(daemon.named("file.claimed")) >= count, "it is begun", 20)
            until(lambda: is_held_up(server, name), "its first rows wait", 20)
            server.execute(f"{CUT} {other.info.backend_pid}", name)
    until(lambda: len(receiver.received) == 2, "two deliveries")
    until(lambda: daemon.named("file.taken"), "the file is taken")
    assert not daemon.named("file.failed")
    # `file.taken` is logged a moment before the file's row is deleted.
    until(lambda: server.execute("SELECT count(*) FROM files", name) == [(0,)], "it is forgotten")
    assert daemon.stop() == 0


def is_held_up(server, name):
    """Return whether a session of the database waits for a lock."""
    query = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname ="
    return server.execute(f"{query} '{name}'")
