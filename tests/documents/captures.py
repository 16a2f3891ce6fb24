"""Screens of the command line at 80 and 140 columns, as docs/terminal.md shows them.

`make captures` runs real commands beside a real daemon, each on a terminal of its own, and writes
the page anew. What they print without colours is what people see.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import tempfile
import termios
from pathlib import Path
from typing import TYPE_CHECKING

from tests.daemon import INTERPRETER, Daemon, until
from tests.receiver import Answer, Receiver

if TYPE_CHECKING:
    from tests.receiver import Received

WIDTHS = (80, 140)
PAGE = Path(__file__).parents[2] / "docs" / "terminal.md"
_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")

_FOLDER = "/home/ada/hooks"

SCREENS = {
    "status": ("status",),
    "deliveries list": ("deliveries", "list"),
    "deliveries show": ("deliveries", "show", "{failed}"),
    "explain": ("explain", "{failed}"),
    "sources list": ("sources", "list"),
    "sources properties": ("sources", "properties", "crm"),
    "records list": ("records", "list"),
    "records show": ("records", "show", "contacts/102"),
    "records forget": ("records", "forget", "contacts/102", "--dry-run"),
    "test": ("test", "tell-the-shop", "--record-id", "101"),
    "plan": ("plan",),
    "check": ("check",),
    "help": ("--help",),
}
"""What the page shows, and what is typed for it."""

_INTRODUCTION = """\
# What it looks like

Every screen on a terminal of 80 columns, and on one of 140. Into a file or a pipe lines are neither
cut nor wrapped, and `--json` is for programs. `make captures` makes this page, with a real daemon.

<!-- contents -->
<!-- /contents -->
"""


def on_terminal(arguments: tuple[str, ...], width: int, daemon: Daemon) -> str:
    """Return what a command prints on a terminal of so many columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    environment = daemon.environment | {
        "TERM": "xterm",
        "WEBHOOKD_STATE_DIRECTORY": "state",
        "WEBHOOKD_CONFIG": "config.yaml",
    }
    environment.pop("COLUMNS", None)
    running = subprocess.Popen(
        [*INTERPRETER, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=slave,
        cwd=daemon.folder,
        env=environment,
    )
    os.close(slave)
    said = b""
    try:
        while part := os.read(master, 65536):
            said += part
    except OSError:
        # On Linux a terminal whose other end is closed ends so.
        pass
    finally:
        os.close(master)
    running.wait()
    return _STYLE.sub("", said.decode()).replace("\r", "")


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
            return {
                name: {width: _typed(words, failed[-6:], width, daemon) for width in WIDTHS}
                for name, words in SCREENS.items()
            }
        finally:
            daemon.close()


def _typed(words: tuple[str, ...], failed: str, width: int, daemon: Daemon) -> str:
    typed = tuple(one.format(failed=failed) for one in words)
    said = on_terminal(typed, width, daemon).rstrip()
    # A folder of as many letters, whatever it was: lines are wrapped as they were.
    said = said.replace(str(daemon.folder), _FOLDER).replace("python -m webhookd", "webhookd")
    return f"$ webhookd {' '.join(typed)}\n{said}"


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
