"""`webhookd init`, and a configuration that is found: what a person does in the first minutes."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from tests import forked
from tests.daemon import PATIENCE, until
from tests.ports import free_port
from webhookd.config.presets import catalogue

WRITTEN = {"webhookd.yaml", ".env.example", "contacts.csv"}


def commands(printed):
    """Return the commands that `init` prints, in order."""
    return [line.strip() for line in printed.partition("try:\n")[2].splitlines()]


def in_folder(daemon, folder, *arguments):
    return forked.run(arguments, folder=folder, environment=daemon.environment, timeout=PATIENCE)


def test_what_it_prints_works_in_one_shell_in_that_order(daemon):
    port = free_port()
    done = daemon.command("init", "my hooks")
    assert done.returncode == 0, done.stderr
    folder = daemon.folder / "my hooks"
    assert {one.name for one in folder.iterdir()} == WRITTEN | {"crm"}
    config = folder / "webhookd.yaml"
    assert config.read_text().startswith("# yaml-language-server: $schema=webhookd.schema.json\n")
    config.write_text(config.read_text().replace(":8000/", f":{port}/"))
    script = "\n".join(commands(done.stdout)).replace(
        "webhookd listen", f"webhookd listen --port {port}"
    )
    assert script.startswith("cd 'my hooks'\n")
    command = f'webhookd() {{ "{sys.executable}" -u -m webhookd "$@"; }}\n'
    with (daemon.folder / "log").open("w+") as log:
        process = subprocess.Popen(
            ["/bin/bash", "-c", command + script],
            env=daemon.environment,
            cwd=daemon.folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            until(lambda: "signature verified (hubspot_v3)" in read(log), "a delivery")
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(60)
        told = read(log)
    assert "/contacts" in told
    assert '"objectId":"101"' in told
    assert '"objectId":"102"' not in told
    assert json.loads((folder / "webhookd.schema.json").read_text())["title"]


def read(log):
    log.seek(0)
    return log.read()


@pytest.mark.parametrize("kind", ["hubspot", *(f"rest:{one}" for one in catalogue.names())])
def test_each_beginning_is_a_good_configuration_whose_webhook_fires(daemon, kind):
    done = daemon.command("init", "begun", "--from", kind)
    assert done.returncode == 0, done.stderr
    printed = [one for one in commands(done.stdout) if one.startswith("webhookd")]
    folder = daemon.folder / "begun"
    for command in printed[1:-1]:
        ran = in_folder(daemon, folder, *command.split()[1:])
        assert ran.returncode == 0, (command, ran.stderr)
        assert "configuration: webhookd.yaml" in ran.stderr
    assert printed[-1] == "webhookd run --env-file .env.example"


def test_nothing_is_overwritten(daemon):
    folder = daemon.folder / "there"
    folder.mkdir()
    (folder / "contacts.csv").write_text("mine")
    assert daemon.command("init", "there").returncode == 0
    (folder / "webhookd.yaml").write_text("mine")

    again = daemon.command("init", "there")

    assert again.returncode == 1
    assert "there/webhookd.yaml is there already, and nothing is overwritten" in again.stderr
    assert (folder / "webhookd.yaml").read_text() == "mine"
    assert (folder / "contacts.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("x", "--from", "oracle"), 2, "is none of csv, hubspot, rest:PRESET"),
        (("x", "--from", "rest:"), 2, "is none of csv, hubspot, rest:PRESET"),
        (("x", "--from", "csv:x"), 2, "is none of csv, hubspot, rest:PRESET"),
        (("x", "--from", "rest:pipedrve-v2"), 1, "did you mean"),
        (("",), 2, "the path is empty"),
        (("config.yaml/x",), 1, "cannot write into"),
        (("config.yaml",), 1, "is there already"),
        (("x" * 300,), 1, "cannot write into"),
    ],
)
def test_what_cannot_be_begun_is_a_line(daemon, arguments, code, says):
    daemon.config.write_text("version: 1\n")
    done = daemon.command("init", *arguments)

    assert done.returncode == code
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_configuration_that_is_not_there_is_asked_for(daemon):
    done = daemon.command("check")

    assert done.returncode == 1
    assert "there is none in ./webhookd.yaml and /etc/webhookd" in done.stderr
    assert re.search("`webhookd init` begins one", done.stderr)


def test_the_environment_goes_before_a_file_of_it(daemon):
    daemon.command("init", "a")
    folder = daemon.folder / "a"
    (folder / ".env").write_text("CLIENT_SECRET=short\nOTHER=1\n")
    one = in_folder(daemon, folder, "check", "--env-file", ".env")
    daemon.environment |= {"CLIENT_SECRET": "long-enough-to-be-one"}
    other = in_folder(daemon, folder, "check", "--env-file", ".env")

    assert "fewer than 8 characters" in one.stderr
    assert "fewer than 8 characters" not in other.stderr


@pytest.mark.parametrize(("command", "code"), [("check", 1), ("run", 78)])
def test_a_file_of_variables_that_is_wrong_is_told(daemon, command, code):
    daemon.command("init", "a")
    (daemon.folder / "a" / ".env").write_text("CLIENT_SECRET=canary\nno variable\n")
    done = in_folder(daemon, daemon.folder / "a", command, "--env-file", ".env")

    assert done.returncode == code
    assert ".env:2:1: this is no NAME=VALUE" in done.stderr
    assert "canary" not in done.stderr
