"""What all tests share."""

from __future__ import annotations

import gc
import importlib
import os
import warnings
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import postgresql
from webhookd import telemetry
from webhookd.telemetry import log_lines, logs, metric_counts
from webhookd.telemetry.reporter import Reporter

ACCEPTANCE = Path(__file__).parent / "acceptance"
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))

# One profile for every property, here and in CI. No time limit and no complaint about slow
# drawing: both say how busy the machine is, and pytest's timeout ends what hangs. Each run draws
# anew, so that many runs find more than one; the blob that a failure prints plays it again
# anywhere. Properties over databases and sockets ask for fewer examples, so that the whole
# suite stays quick.
settings.register_profile(
    "webhookd",
    deadline=None,
    derandomize=False,
    max_examples=100,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("webhookd")


# As the daemon's process does.
telemetry.use_reporter(Reporter(metric_counts.count, log_lines.write))


def pytest_sessionstart(session):
    """Import the modules of tests, each worker from another one on.

    All workers import all of them. Begun at the same one, a first run would rewrite the assertions
    of each as often as there are workers; so it is done once, and the others find it done. What
    cannot be imported is left to pytest, which says why.
    """
    # What is made now stays: there is nothing to look for until all are collected.
    gc.disable()
    if WORKERS == 1:
        return
    begun = [Path(argument.split("::")[0]) for argument in session.config.args]
    found = [path for one in begun for path in sorted([one, *one.rglob("test_*.py")])]
    first = int(os.environ["PYTEST_XDIST_WORKER"].removeprefix("gw")) * len(found) // WORKERS
    for path in (*found[first:], *found[:first]):
        with suppress(Exception, pytest.skip.Exception), warnings.catch_warnings():
            warnings.simplefilter("error")
            module = path.resolve().relative_to(session.config.rootpath).with_suffix("")
            importlib.import_module(".".join(module.parts))


def pytest_collection_modifyitems(items):
    """Deal out the tests of real daemons evenly: workers begin with equal runs of what there is.

    So the last ones that are left are short, and no worker waits for another.
    """
    slow = [item for item in items if item.path.is_relative_to(ACCEPTANCE)]
    quick = [item for item in items if not item.path.is_relative_to(ACCEPTANCE)]
    size = len(quick) // WORKERS + 1
    items[:] = [
        item
        for worker in range(WORKERS)
        for item in (*slow[worker::WORKERS], *quick[worker * size : (worker + 1) * size])
    ]


def pytest_collection_finish():
    """Leave all that was made so far out of collections: tests are what there is to look at."""
    gc.collect()
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def _quiet_logs():
    """Show errors only: a test that fails should show why, not what went well."""
    logs.configure("console", "ERROR")
    logs.redact_with(str)


@pytest.fixture(scope="session", autouse=True)
def _no_server_stays():
    """End the server of PostgreSQL that some tests had started."""
    yield
    postgresql.close()
