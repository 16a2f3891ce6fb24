"""What commands load before they do anything: most of their time goes there."""

import subprocess
import sys

import pytest

READS_DATABASES = {"sqlalchemy"}
READS_CONFIGURATIONS = {"jsonschema", "yaml"}
IS_A_DAEMON = {"apscheduler", "prometheus_client", "structlog", "uvicorn"}
READS_SETTINGS = {"pydantic"}
ALL = READS_DATABASES | READS_CONFIGURATIONS | IS_A_DAEMON | READS_SETTINGS | {"httpx", "rich.text"}


@pytest.mark.parametrize(
    ("module", "none_of"),
    [
        ("app", ALL),
        ("status", ALL),
        ("pause", ALL),
        ("reload", ALL),
        ("deliveries", ALL),
        ("explain", ALL),
        ("check", READS_DATABASES | IS_A_DAEMON | {"httpx"}),
        ("plan", READS_DATABASES),
        ("db", READS_CONFIGURATIONS | IS_A_DAEMON | {"alembic", "httpx"}),
        ("run", {"alembic", "psycopg"}),
    ],
)
def test_a_command_loads_only_what_it_may_need(module, none_of):
    script = f"import sys, webhookd.cli.{module}; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert none_of.isdisjoint(loaded.stdout.split())
