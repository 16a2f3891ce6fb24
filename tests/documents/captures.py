"""Screens of the command line at 80 and 140 columns, as docs/terminal.md shows them.

`make captures` runs real commands beside a real daemon, each on a terminal of its own, and writes
the page anew. What they print without colours is what people see.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.daemon import INTERPRETER, Daemon, until
from tests.ports import free_port
from tests.receiver import Answer, Receiver

if TYPE_CHECKING:
    from tests.receiver import Received

WIDTHS = (80, 140)
PAGE = Path(__file__).parents[2] / "docs" / "terminal.md"
_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")

_FOLDER = "/home/ada/hooks"


@dataclass(frozen=True, slots=True)
class Screen:
    """What is typed: *words* behind `webhookd`.

    A command that goes on has printed *last* when Ctrl-C ends it. *meanwhile* is typed into another
    terminal once it has printed *first*.
    """

    words: tuple[str, ...]
    last: str = ""
    first: str = ""
    meanwhile: tuple[str, ...] = ()


SCREENS = {
    "demo": Screen(("demo",), "a list of all contacts)"),
    "status": Screen(("status",)),
    "deliveries list": Screen(("deliveries", "list")),
    "deliveries show": Screen(("deliveries", "show", "{failed}")),
    "explain": Screen(("explain", "{failed}")),
    "sources list": Screen(("sources", "list")),
    "sources properties": Screen(("sources", "properties", "crm")),
    "records list": Screen(("records", "list")),
    "records show": Screen(("records", "show", "contacts/102")),
    "records forget": Screen(("records", "forget", "contacts/102", "--dry-run")),
    "test": Screen(("test", "tell-the-shop", "--record-id", "101")),
    "listen": Screen(
        ("listen", "--port", "{free}", "--forward-to", "{receiver}/shop"),
        "answered 200",
        "listening on",
        ("deliveries", "retry", "{failed}", "--to", "http://127.0.0.1:{free}/hook"),
    ),
    "console": Screen(("console", "--listen", "127.0.0.1:{free}"), "/enter?t="),
    "plan": Screen(("plan",)),
    "check": Screen(("check",)),
    "presets list": Screen(("presets", "list")),
    "help": Screen(("--help",)),
}
"""What the page shows, and what is typed for it."""

_INTRODUCTION = """\
# What it looks like

Every screen on a terminal of 80 columns, and on one of 140. Into a file or a pipe lines are neither
cut nor wrapped, and `--json` is for programs. `make captures` makes this page, with a real daemon.

<!-- contents -->
<!-- /contents -->
"""


class _Running:
    """A command on a terminal of so many columns."""

    def __init__(self, words: tuple[str, ...], width: int, daemon: Daemon) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
        os.set_blocking(self._master, False)
        self._said = b""
        environment = daemon.environment | {
            "TERM": "xterm",
            "TMPDIR": str(daemon.folder),
            "WEBHOOKD_STATE_DIRECTORY": "state",
            "WEBHOOKD_CONFIG": "config.yaml",
        }
        environment.pop("COLUMNS", None)
        self._process = subprocess.Popen(
            [*INTERPRETER, *words],
            stdin=subprocess.DEVNULL,
            stdout=slave,
            stderr=slave,
            cwd=daemon.folder,
            env=environment,
        )
        os.close(slave)

    @property
    def said(self) -> str:
        """Return what it printed so far, without colours."""
        # On Linux a terminal whose other end is closed is an error to read from.
        with suppress(OSError):
            while part := os.read(self._master, 65536):
                self._said += part
        return _STYLE.sub("", self._said.decode(errors="ignore")).replace("\r", "")

    def end(self) -> str:
        """Wait for its end, and return all that it printed."""
        until(lambda: self.said and self._process.poll() is not None, "its end", seconds=60)
        said = self.said
        os.close(self._master)
        return said

    def interrupt(self) -> None:
        self._process.send_signal(signal.SIGINT)


def on_terminal(screen: Screen, width: int, daemon: Daemon) -> str:
    """Return what a screen's command prints on a terminal of so many columns."""
    running = _Running(screen.words, width, daemon)
    if screen.meanwhile:
        until(lambda: screen.first in running.said, screen.first)
        daemon.command(*screen.meanwhile, "--state-directory", "state", "--config", "config.yaml")
    if screen.last:
        until(lambda: screen.last in running.said, screen.last, seconds=60)
        shown = running.said
        running.interrupt()
        running.end()
        return shown
    return running.end()


def _answer(received: Received) -> Answer:
    if received.target.startswith("/crm"):
        return Answer(422, {"Content-Type": "application/json"}, b'{"error": "no such account"}')
    return Answer(503 if received.target.startswith("/slow") else 200, {}, b"")


def _configure(daemon: Daemon, url: str) -> None:
    def hook(path: str, **more: object) -> dict[str, object]:
        request = {"url": f"{url}{path}", "allow_http": True, "body": {"properties": "all"}}
        return {"source": "crm", "object": "contacts", "request": request} | more

    when = [{"property": "lifecyclestage", "operator": "EQ", "value": "customer"}]
    daemon.configure(
        {
            "tell-the-shop": hook("/shop", description="Customers, to the shop"),
            "welcome-mail": hook("/slow/mail", trigger={"when": when}),
            "to-the-old-crm": hook("/crm/import"),
        },
        sources={"crm": {"type": "drop_directory", "path": "crm", "object": "contacts"}},
    )


def captured() -> dict[str, dict[int, str]]:
    """Return each screen at each width."""
    with tempfile.TemporaryDirectory(prefix="w-") as folder, Receiver(_answer) as receiver:
        daemon = Daemon(Path(folder))
        try:
            _configure(daemon, receiver.url)
            daemon.start()
            names = ("Ada Lovelace", "Grace Hopper", "Hedy Lamarr")
            rows = [
                {
                    "id": 101 + number,
                    "email": f"{name.split()[0].lower()}@example.com",
                    "name": name,
                    "lifecyclestage": "customer" if number % 2 else "lead",
                }
                for number, name in enumerate(names)
            ]
            daemon.drop_rows("1.ndjson", *rows)
            until(lambda: daemon.named("file.taken"), "the file")
            daemon.drop_rows("2.ndjson", rows[1] | {"lifecyclestage": "lead"})
            until(lambda: len(daemon.named("delivery.attempted")) >= 9, "attempts")
            (failed,) = {one["id"] for one in daemon.deliveries() if one["state"] == "failed"} & {
                one["id"] for one in daemon.deliveries("--record", "101")
            }
            names = {
                "failed": failed[-6:],
                "free": str(free_port()),
                "receiver": receiver.url,
            }
            return {
                name: {width: _typed(screen, names, width, daemon) for width in WIDTHS}
                for name, screen in SCREENS.items()
            }
        finally:
            daemon.close()


def _typed(screen: Screen, names: dict[str, str], width: int, daemon: Daemon) -> str:
    def filled(words: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(word.format(**names) for word in words)

    typed = replace(screen, words=filled(screen.words), meanwhile=filled(screen.meanwhile))
    said = on_terminal(typed, width, daemon).rstrip()
    # A folder of as many letters, whatever it was: lines are wrapped as they were.
    said = said.replace(str(daemon.folder), _FOLDER).replace("python -m webhookd", "webhookd")
    said = said.replace(str(Path(sys.executable).with_name("webhookd")), "webhookd")
    return f"$ webhookd {' '.join(typed.words)}\n{said}"


def page(screens: dict[str, dict[int, str]]) -> str:
    """Return the page that shows *screens*."""
    parts = [_INTRODUCTION]
    for name, by_width in screens.items():
        parts.append(f"\n## {name}\n")
        for width, text in by_width.items():
            parts.append(f"\n{width} columns:\n\n```text\n{text}\n```\n")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(captured()))
