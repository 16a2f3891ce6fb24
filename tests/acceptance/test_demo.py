"""`webhookd demo`: it shows the main job, and a folder to try things in."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from contextlib import suppress

import httpx
import pytest

from tests.daemon import until


def test_the_demo_shows_a_retry_and_verified_signatures_and_ends(daemon):
    done = daemon.command("demo")

    assert done.returncode == 0, done.stderr
    received = [
        line.split() for line in done.stdout.splitlines() if re.match("[0-9:]{8} [A-Z]", line)
    ]
    assert {line[-1] for line in received} == {"hubspot_v2", "hubspot_v3", "standard_webhooks"}
    assert "NOT verified" not in done.stdout
    assert [line[3] for line in received].count("503") == 1
    assert "warn  new-customer  contacts 102  503, retry at " in done.stdout
    assert done.stdout.count("delivered") == 10
    assert "check --config config.yaml" in done.stdout
    assert "deals.created 7" in done.stdout
    assert "deals.updated 7" in done.stdout
    assert "contacts.updated 101" in done.stdout
    assert "contacts.deleted 103" in done.stdout


def test_the_demo_s_folder_is_one_to_try_things_in(daemon, tmp_path):
    """On a terminal it goes on, and commands that are called in its folder find the daemon."""
    terminal, own = pty.openpty()
    fcntl.ioctl(own, termios.TIOCSWINSZ, struct.pack("4H", 40, 80, 0, 0))
    daemon.environment |= {"TMPDIR": str(tmp_path), "TERM": "xterm"}
    command = [sys.executable, "-u", "-m", "webhookd", "demo"]
    demo = subprocess.Popen(command, env=daemon.environment, stdin=own, stdout=own, stderr=own)
    os.close(own)
    os.set_blocking(terminal, False)
    printed = b""

    def shown(text):
        nonlocal printed
        with suppress(OSError):
            printed += os.read(terminal, 65_536)
        return text in printed

    try:
        until(lambda: shown(b"try, in another terminal"), "what to try", seconds=60)
        (folder,) = tmp_path.glob("webhookd-demo-*")
        environment = {
            name: value
            for name, value in daemon.environment.items()
            if not name.startswith("WEBHOOKD_")
        }
        asked = [sys.executable, "-m", "webhookd", "status", "--json"]
        told = subprocess.run(
            asked, cwd=folder, env=environment, capture_output=True, text=True, check=True
        )
        assert "yours" in [one["webhook"] for one in json.loads(told.stdout)["webhooks"]]
        (folder / "yours" / "tmp" / "a.csv").write_text("id,email\n7,you@example.com\n")
        (folder / "yours" / "tmp" / "a.csv").rename(folder / "yours" / "new" / "a.csv")
        until(lambda: shown(b"/yours "), "the request of a file of one's own")
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(20)
        shown(b"")
        os.close(terminal)
    assert b"deleted 102" not in printed
    assert demo.returncode == 0


def test_the_demo_serves_the_console_when_asked(daemon, tmp_path):
    """Its link lets a browser in, and both are gone when the demo is."""
    daemon.environment["TMPDIR"] = str(tmp_path)
    demo = subprocess.Popen(
        [sys.executable, "-u", "-m", "webhookd", "demo", "--console"],
        env=daemon.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    link = None
    while link is None:
        line = demo.stdout.readline()
        assert line, demo.poll()
        link = re.search(r"http://(w[0-9a-z]+\.localhost):([0-9]+)(/enter\?t=\S+)", line)
    address = f"http://127.0.0.1:{link[2]}"
    headers = {"host": f"{link[1]}:{link[2]}"}
    with httpx.Client(base_url=address, headers=headers, trust_env=False) as client:
        assert client.get(link[3]).status_code == 303
        assert "Needs attention" in client.get("/").text
    demo.send_signal(signal.SIGINT)
    printed, _ = demo.communicate(timeout=30)

    assert demo.returncode == 0, printed
    assert "Traceback" not in printed
    assert not list(tmp_path.glob("webhookd-demo-*"))
    with pytest.raises(httpx.ConnectError):
        httpx.get(address, trust_env=False)


def test_ctrl_c_ends_the_demo_within_seconds(daemon, tmp_path):
    daemon.environment["TMPDIR"] = str(tmp_path)
    demo = subprocess.Popen(
        [sys.executable, "-u", "-m", "webhookd", "demo"],
        env=daemon.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while "contacts-1.csv is dropped" not in demo.stdout.readline():
        assert demo.poll() is None
    demo.send_signal(signal.SIGINT)
    printed, _ = demo.communicate(timeout=15)

    assert demo.returncode == 0, printed
    assert "Traceback" not in printed
    assert not list(tmp_path.glob("webhookd-demo-*"))
