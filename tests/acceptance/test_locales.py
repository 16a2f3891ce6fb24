"""Locales that know no character beyond ASCII: nothing stops, and nothing is told otherwise."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.daemon import until
from tests.receiver import Receiver

SCRIPT = str(Path(sys.executable).with_name("webhookd"))
ASCII = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
LOCALES = {
    "LC_ALL=C, no UTF-8 mode": ASCII,
    "LC_ALL=C": {"LC_ALL": "C"},
    "streams of ASCII": ASCII | {"PYTHONIOENCODING": "ascii"},
}
GOOD, ODD, BAD = "kündigung_日本.csv", b"odd-\xff.csv", "schlecht_ß.json"


@pytest.fixture(params=LOCALES)
def daemon(request, another):
    """Return a daemon under a locale, whose folders, secret and webhook are beyond ASCII."""
    made = another("ordner-ü", environment=LOCALES[request.param] | {"TOKEN": "geheim-ü-äöß"})
    made.command_line = (SCRIPT,)
    return made


def configure(daemon, receiver):
    basic = {"type": "basic", "username": "für", "password": {"env": "TOKEN"}}
    request = {"url": receiver.url, "allow_http": True, "authentication": basic}
    webhook = {"source": "export", "object": "contacts", "request": request}
    source = {"path": "ablage-é"}
    daemon.configure({"mirror": webhook | {"description": "für 日本"}}, source=source)


def command(daemon, *arguments):
    done = subprocess.run(
        [SCRIPT, *arguments],
        cwd=daemon.folder,
        env=daemon.environment,
        capture_output=True,
        check=False,
        timeout=60,
    )
    told = done.stdout.decode() + done.stderr.decode()
    assert done.returncode == 0, told
    return told


def test_a_name_beyond_ascii_stops_no_source(daemon):
    with Receiver() as receiver:
        configure(daemon, receiver)
        assert "ok, 1 webhook" in command(daemon, "check", "--config", "config.yaml")
        daemon.start()
        root = daemon.folder / "ablage-é"
        for name, content in {
            GOOD: b"id,name\n1,J\n",
            BAD: b"nonsense",
            ODD.decode(errors="surrogateescape"): b"id,name\n2,J\n",
        }.items():
            (root / "new" / f".{name}").write_bytes(content)
            (root / "new" / f".{name}").rename(root / "new" / name)
        until(lambda: len(daemon.named("file.taken")) == 2, "both files")
        failed = until(lambda: daemon.named("file.failed"), "the bad one")
        until(lambda: len(receiver.received) == 2, "deliveries")
        address = ("--admin-address", "unix:state/admin.sock")
        status = json.loads(command(daemon, "status", "--json", *address))
        command(daemon, "status", *address)
        command(daemon, "sources", "list", "--state-directory", "state")
        assert daemon.stop() == 0
    # Every line is JSON, and says the names as they are.
    lines = [json.loads(line) for line in daemon.log.splitlines()]
    assert {one["file"] for one in lines if one["event"] == "file.taken"} == {GOOD, r"odd-\xff.csv"}
    assert failed[0]["file"] == BAD
    assert json.loads((root / "failed" / f"{BAD}.error.json").read_text())["file"] == BAD
    assert status["webhooks"][0]["description"] == "für 日本"
    assert not daemon.named("source.broke")


def test_a_hangup_at_any_moment_of_such_a_start_is_a_reload(another):
    daemon = another("hangups", environment=ASCII | {"TOKEN": "geheim-ü"})
    daemon.command_line = (SCRIPT,)
    with Receiver() as receiver:
        configure(daemon, receiver)
        daemon.start(is_awaited=False)
        status = Path(f"/proc/{daemon.process.pid}/status")
        until(lambda: takes(status, signal.SIGHUP), "signals are noted")
        while not daemon.named("daemon.ready"):
            assert not daemon.has_ended, daemon.log
            daemon.signal(signal.SIGHUP)
        until(lambda: daemon.named("config.unchanged"), "a reload")

        assert daemon.stop() == 0


def takes(status, number):
    """Return whether a process has a handler for a signal, by what the kernel says."""
    caught = next(
        line.split()[1] for line in status.read_text().splitlines() if line.startswith("SigCgt:")
    )
    return bool(int(caught, 16) & (1 << (number - 1)))
