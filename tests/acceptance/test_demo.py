"""`webhookd demo`: it shows the main job, and a folder to try things in."""

import fcntl
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

STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")


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


def test_everything_the_demo_names_can_be_tried_from_another_terminal(daemon, tmp_path):
    """On a terminal it goes on; what it prints is typed as it stands there, at 80 columns."""
    terminal, own = pty.openpty()
    fcntl.ioctl(own, termios.TIOCSWINSZ, struct.pack("4H", 40, 80, 0, 0))
    daemon.environment |= {"TMPDIR": str(tmp_path), "TERM": "xterm"}
    command = [sys.executable, "-u", "-m", "webhookd", "demo"]
    demo = subprocess.Popen(command, env=daemon.environment, stdin=own, stdout=own, stderr=own)
    os.close(own)
    os.set_blocking(terminal, False)
    said, printed = b"", ""

    def shown(text):
        nonlocal said, printed
        with suppress(OSError):
            said += os.read(terminal, 65_536)
        # What was read may end within a character, or within a style.
        printed = STYLE.sub("", said.decode(errors="ignore")).replace("\r", "")
        return text in printed

    try:
        until(lambda: shown("a list of all contacts)\n"), "what to try", seconds=120)
        to_try = printed.partition("try, in another terminal:\n")[2].partition("\n(")[0]
        environment = {
            name: value
            for name, value in daemon.environment.items()
            if not name.startswith("WEBHOOKD_")
        }
        done = subprocess.run(
            ["/bin/sh", "-exc", to_try],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        # Each line is one command, and none was wrapped into two.
        assert len(to_try.splitlines()) == 4
        assert "yours" in done.stdout
        assert done.stdout.count("delivered") >= 10
        until(lambda: shown("/yours "), "the request of a file of one's own")

        receivers = re.search(r"receivers listen on (http://127\.0\.0\.1:\d+);", printed)[1]
        assert httpx.post(receivers, content=b"{}", trust_env=False).status_code == 200
        name, address, entry = re.search(
            r"http://(w\w+\.localhost):(\d+)(/enter\S+)", printed
        ).groups()
        headers = {"host": f"{name}:{address}"}
        pages = f"http://127.0.0.1:{address}"
        with httpx.Client(base_url=pages, headers=headers, trust_env=False) as client:
            assert client.get(entry).status_code == 303
            assert "Needs attention" in client.get("/").text
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(20)
        shown("")
        os.close(terminal)
    assert "deleted 102" not in printed
    assert "Traceback" not in printed
    assert demo.returncode == 0
    assert not list(tmp_path.glob("webhookd-demo-*"))


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
