"""What commands load before they do anything: most of their time goes there."""

import json
import os
import subprocess
import sys

import pytest

from tests.receiver import Answer, Receiver
from webhookd.storage.database.database import open_database

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


@pytest.mark.parametrize(
    ("arguments", "none_of"),
    [
        (["deliveries", "list"], ALL),
        (["deliveries", "show", "0123456789"], ALL),
        (["sources", "list"], ALL),
        (["sources", "properties", "export"], ALL),
        (["deliveries", "list", "--state-directory", "none"], ALL - READS_SETTINGS),
        (["sources", "list", "--state-directory", "none"], ALL - READS_SETTINGS),
    ],
)
def test_a_command_that_finds_no_database_loads_nothing_that_reads_one(
    tmp_path, arguments, none_of
):
    script = (
        "import atexit, sys; from webhookd.__main__ import main;"
        f" sys.argv[1:] = {arguments!r}; atexit.register(lambda: print(*sys.modules)); main()"
    )
    environment = {name: value for name, value in os.environ.items() if "STATE_DIR" not in name} | {
        "WEBHOOKD_CONFIG": ""
    }
    ran = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=tmp_path,
        env=environment,
    )

    assert ran.returncode == 1
    assert "no database found (looked in " in ran.stderr
    assert none_of.isdisjoint(ran.stdout.split())


def test_properties_that_a_daemon_tells_are_shown_without_what_reads_them(monkeypatch):
    answers = {
        "/v1/sources": {"sources": [{"source": "export", "object": "contacts"}]},
        "/v1/properties?source=export&object=contacts": {"looked_at": 0, "properties": []},
    }

    def answer(received):
        return Answer(200, body=json.dumps(answers.get(received.target, {})).encode())

    script = (
        "import atexit, sys; from webhookd.__main__ import main;"
        " sys.argv[1:] = ['sources', 'properties', 'export'];"
        " atexit.register(lambda: print(*sys.modules)); main()"
    )
    with Receiver(answer) as receiver:
        monkeypatch.setenv("WEBHOOKD_ADMIN_ADDRESS", receiver.url.removeprefix("http://"))
        ran = subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
        )

    assert "contacts of export, no record of it is known" in ran.stdout
    # Where a daemon is, the environment says: that takes the settings.
    assert (ALL - READS_SETTINGS).isdisjoint(ran.stdout.split())


def test_a_list_of_what_the_database_has_loads_neither_configuration_nor_daemon(tmp_path):
    open_database(f"sqlite:///{tmp_path}/webhookd.db").close()
    script = (
        "import atexit, sys; from webhookd.__main__ import main;"
        f" sys.argv[1:] = ['deliveries', 'list', '--state-directory', {str(tmp_path)!r}];"
        " atexit.register(lambda: print(*sys.modules)); main()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )

    assert "no deliveries" in ran.stdout
    assert (READS_CONFIGURATIONS | IS_A_DAEMON | {"httpx"}).isdisjoint(ran.stdout.split())
