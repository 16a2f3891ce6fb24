"""A fleet's upgrade: the tables first, beside daemons that work, and then each daemon in turn."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests import later, postgresql
from tests.daemon import Daemon, until
from tests.later import Later
from tests.receiver import Answer, Receiver
from webhookd.storage.schema.versions import NEWEST, WORKS_WITH


@pytest.fixture
def receiver():
    with Receiver(lambda _: Answer(delay=0.002)) as running:
        yield running


@pytest.fixture
def url():
    server = postgresql.server()
    return server.url(server.empty())


@pytest.fixture
def steps(tmp_path):
    return Later(tmp_path / "steps")


@pytest.fixture
def daemon(tmp_path, url, steps, receiver):
    """Yield a daemon on PostgreSQL, that is told where the steps of later are."""
    running = Daemon(
        tmp_path, {"WEBHOOKD_DATABASE_URL": url, "WEBHOOKD_TEST_STEPS": str(steps.folder)}
    )
    request = {"url": f"{receiver.url}/hook", "allow_http": True}
    hook = {"source": "export", "object": "contacts", "request": request}
    running.configure({"mirror": hook | {"delivery": {"concurrency": 16, "order": "record"}}})
    yield running
    running.close()


def of_later(daemon, *arguments):
    """Run a command of the later webhookd."""
    return daemon.command(*arguments, module="tests.later")


def upgrade(daemon, meanwhile=lambda: threading.Event().wait(0.01)):
    """Upgrade as the later webhookd does, and do something until that is over."""
    # The directory is the daemon's own, which is no reason to refuse.
    command = ("db", "upgrade", "--state-directory", str(daemon.state))
    with ThreadPoolExecutor() as upgrading:
        running = upgrading.submit(of_later, daemon, *command)
        while not running.done():
            meanwhile()
    done = running.result()
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


COUNT = 200


class Load:
    """Changes of some records, file after file, and what has come of them."""

    def __init__(self, daemon, receiver, url):
        self.daemon, self.receiver, self.url, self.files = daemon, receiver, url, 0

    def drop(self):
        """Drop a file, and wait until half of it has come."""
        rows = [{"id": str(row), "n": self.files} for row in range(COUNT)]
        self.daemon.drop_rows(f"{self.files:04}.ndjson", *rows)
        self.files += 1
        wanted = COUNT * self.files - COUNT // 2
        until(lambda: len(self.receiver.received) >= wanted, "half of it")

    def settle(self):
        """Wait until all has come and is settled, and assert that all came once, in order."""
        count = COUNT * self.files
        until(lambda: len(self.receiver.received) >= count, "all of it")
        until(lambda: not waiting(self.url), "nothing that waits")
        received = self.receiver.received
        assert len({one.id for one in received}) == len(received) == count
        seen = {}
        for change in (json.loads(one.body) for one in received):
            record, number = change["objectId"], change["properties"]["n"]
            assert number == seen.get(record, -1) + 1
            seen[record] = number


def waiting(url):
    """Return how many deliveries wait."""
    with psycopg.connect(url, autocommit=True) as connection:
        query = "SELECT count(*) FROM deliveries WHERE state = 'pending'"
        return connection.execute(query).fetchone()[0]


def cut(url):
    """End every session, as a server does that is restarted."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_old_daemons_go_on_beside_an_upgrade_and_after_it_and_new_ones_take_their_place(
    daemon, url, steps, receiver
):
    load = Load(daemon, receiver, url)
    daemon.start()
    load.drop()
    steps.add("0097", later.COLUMN, later.FILLED)
    assert f"every webhookd that knows {WORKS_WITH} works on it" in upgrade(daemon, load.drop)
    load.drop()
    steps.add("0098", later.TABLE, later.INDEX)
    steps.add("0099", "op.add_column('attempts', sa.Column('later', sa.Text()))")
    assert "upgraded from version 0097 to 0099" in upgrade(daemon, load.drop)
    load.drop()
    assert not daemon.named("storage.refused")
    cut(url)
    load.drop()
    load.settle()
    assert not daemon.named("daemon.ousted")

    # Again on the new tables: the old one stopped in order, then the new one, then the old one.
    for module in ("webhookd", "tests.later", "webhookd"):
        load.drop()
        assert daemon.stop() == 0, daemon.log
        daemon.module = module
        daemon.start()
        load.drop()
        load.settle()
    assert daemon.stop() == 0


def test_old_and_new_daemons_share_the_work_on_the_new_tables(
    daemon, url, tmp_path, steps, receiver
):
    """One after the other is replaced, under load; each delivery is made once, and in order."""
    others = [Daemon(tmp_path, daemon.environment) for _ in range(2)]
    fleet = [daemon, *others]
    for number, one in enumerate(fleet):
        one.state = tmp_path / f"state-{number}"
        one.start()
    load = Load(daemon, receiver, url)
    load.drop()
    steps.add("0099", later.COLUMN, later.TABLE)
    upgrade(daemon, load.drop)
    for one in fleet:
        load.drop()
        assert one.stop() == 0, one.log
        one.module = "tests.later"
        one.start()
        load.drop()
        members = json.loads(
            one.command(
                "status", "--json", "--admin-address", f"unix:{one.state}/admin.sock"
            ).stdout
        )["fleet"]
        assert len(members) == 3
    load.settle()
    shares = [len(one.named("delivery.attempted")) for one in fleet]
    for one in others:
        one.close()

    assert all(shares), shares
    assert not [event for one in fleet for event in one.named("fleet.daemon_died")]


def told(daemon):
    done = daemon.command("db", "status", "--json")
    return done.returncode, json.loads(done.stdout)


def test_a_step_that_does_more_than_expand_waits_for_old_daemons_to_end(
    daemon, url, steps, receiver
):
    load = Load(daemon, receiver, url)
    daemon.start()
    load.drop()
    steps.add("0098", later.COLUMN)
    steps.add("0099", later.TABLE, is_expanding=False)
    refused = of_later(daemon, "db", "upgrade")
    assert refused.returncode == 1
    assert f"process {daemon.process.pid}) works on the database" in refused.stderr
    assert "Traceback" not in refused.stderr
    load.drop()
    load.settle()
    assert of_later(daemon, "db", "status").returncode == 10
    assert daemon.stop() == 0

    assert "upgraded from version" in upgrade(daemon)

    daemon.start(is_awaited=False)
    assert daemon.wait() == 1
    assert "takes a webhookd that knows 0099" in daemon.log
    daemon.module = "tests.later"
    daemon.start()
    assert daemon.stop() == 0


def test_the_status_says_whether_this_webhookd_works_on_a_newer_database(daemon, steps):
    daemon.start()
    assert daemon.stop() == 0
    both = {"newest": NEWEST, "is_newest": False, "works_with": WORKS_WITH}
    steps.add("0098", later.COLUMN)
    upgrade(daemon)
    status, told_of_it = told(daemon)
    assert status == 0
    assert told_of_it.items() >= (both | {"version": "0098", "is_usable": True}).items()
    said = daemon.command("db", "status").stdout
    assert f"version 0098, newer than this webhookd's {NEWEST}, which works on it" in said
    assert "nothing to upgrade" in daemon.command("db", "upgrade").stdout

    steps.add("0099", later.TABLE, is_expanding=False)
    upgrade(daemon)
    status, told_of_it = told(daemon)
    assert status == 1
    expected = both | {"version": "0099", "works_with": "0099", "is_usable": False}
    assert told_of_it.items() >= expected.items()
    status = daemon.command("db", "status")
    assert status.returncode == 1
    assert "version 0099, which takes a webhookd that knows 0099" in status.stdout
    refused = daemon.command("deliveries", "list")
    assert refused.returncode == 1
    assert "use the version of webhookd that made it" in refused.stderr
