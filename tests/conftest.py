"""What all tests share."""

from __future__ import annotations

import gc

import pytest

from tests import postgresql
from webhookd.telemetry import logs


def pytest_collection_finish():
    """Leave all that was made so far out of collections: tests are what there is to look at."""
    gc.collect()
    gc.freeze()


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
