"""Signals that come while the daemon is still being imported or started."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.daemon import until
from tests.receiver import Receiver

SCRIPT = Path(sys.executable).with_name("webhookd")
"""The installed command: it must begin where signals are noted."""


def catches(process, number):
    """Return whether the process has a handler for a signal, by what the kernel says."""
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return False
    caught = next(line.split()[1] for line in lines if line.startswith("SigCgt:"))
    return bool(int(caught, 16) & (1 << (number - 1)))


@pytest.fixture
def starting(daemon):
    """Return a function that starts the installed command and waits until signals are noted."""

    def start():
        with Receiver() as receiver:
            request = {"url": receiver.url, "allow_http": True}
            webhook = {"source": "export", "object": "contacts", "request": request}
            daemon.configure({"mirror": webhook})
        daemon.command_line = (str(SCRIPT),)
        daemon.start(is_awaited=False)
        until(lambda: catches(daemon.process, signal.SIGHUP), "signals are noted")
        assert not daemon.named("daemon.started"), "the daemon was there before the signal"

    return start


def test_a_hangup_before_the_daemon_is_there_is_a_reload_once_it_is(starting, daemon):
    starting()
    for _ in range(3):
        daemon.signal(signal.SIGHUP)
    until(lambda: daemon.named("config.unchanged"), "a reload")

    assert daemon.named("daemon.ready")
    assert len(daemon.named("config.unchanged")) == 1
    assert daemon.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_before_the_daemon_is_there_stops_it(starting, daemon, number):
    starting()
    daemon.signal(number)

    assert daemon.wait() == 0, daemon.log
    assert not daemon.named("daemon.ready")
    assert [event["signal"] for event in daemon.named("daemon.stopping")] == [number.name]


def test_whoever_asks_twice_is_obeyed_at_once(starting, daemon):
    starting()
    daemon.signal(signal.SIGTERM)
    daemon.signal(signal.SIGTERM)

    # The two may reach the process as one: then it stops in order.
    assert daemon.wait() in {0, 128 + signal.SIGTERM}


def test_commands_other_than_run_keep_what_signals_do():
    """Ctrl-C of a command that waits ends it."""
    with subprocess.Popen(
        # Whoever runs the tests may ignore it (nohup), which a child inherits.
        ["/usr/bin/env", "--default-signal=HUP", SCRIPT, "listen", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as process:
        try:
            process.stdout.readline()
            process.send_signal(signal.SIGHUP)
            assert process.wait(30) == -signal.SIGHUP
        finally:
            process.kill()
