"""What acceptance tests share: a daemon that is gone when the test is."""

import pytest

from tests import postgresql
from tests.daemon import Daemon
from tests.fake_hubspot import Account, FakeHubspot
from tests.fleet import Fleet
from tests.receiver import Receiver

LINES_SHOWN = 60
"""Lines of each daemon's log that a failing test shows: the last."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Show what the test's daemons last said, where it failed: a wait alone says nothing of why."""
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            daemons = value.daemons if isinstance(value, Fleet) else [value]
            for number, one in enumerate(daemons):
                if isinstance(one, Daemon):
                    said = "".join(one.log.splitlines(keepends=True)[-LINES_SHOWN:])
                    report.sections.append((f"log of {name} {number}", said))
    return report


@pytest.fixture(params=["beside a daemon", "without one"])
def answered(told, request):
    """Return what was answered to some arguments, in a module whose `told` asked twice."""
    return lambda *one: told[request.param == "without one"][one]


@pytest.fixture
def daemon(tmp_path):
    running = Daemon(tmp_path)
    yield running
    running.close()


@pytest.fixture
def another(tmp_path):
    """Return a function that makes a second daemon, in a folder of its own."""
    made = []

    def make(name, **options):
        (tmp_path / name).mkdir()
        made.append(Daemon(tmp_path / name, **options))
        return made[-1]

    yield make
    for running in made:
        running.close()


@pytest.fixture
def crm(daemon, request):
    """Return a fake HubSpot that the daemon may poll, with the `TYPES` of the test's module."""
    fake = FakeHubspot(Account(request.module.TYPES))
    with fake.serving() as fake.url:
        daemon.environment["CRM_TOKEN"] = "pat-token"
        yield fake


@pytest.fixture
def ask(daemon):
    """Return a function that runs a command against the running daemon."""

    def run(*arguments, told=None):
        address = f"unix:{daemon.state}/admin.sock"
        done = daemon.command(*arguments, "--admin-address", address, told=told)
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def receiver():
    with Receiver() as running:
        yield running


@pytest.fixture
def fleet(tmp_path):
    """Return two daemons that are not started."""
    server = postgresql.server()
    with Fleet(tmp_path, server.url(server.empty()), 2) as running:
        yield running
