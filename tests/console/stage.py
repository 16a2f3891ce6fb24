"""A daemon with something to show, a receiver with moods, and a console beside them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Self

import httpx

from tests import forked
from tests.daemon import PATIENCE, Daemon, until
from tests.receiver import Answer, Receiver
from webhookd.console import serving_pages
from webhookd.console.serving_pages import ConsoleAddress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.receiver import Received

LINK = re.compile(r"http://(w[0-9a-z]+)\.localhost:([0-9]+)/enter\?t=\S+")
CANARY = "canary-of-the-console-tests"
"""A secret of the configuration, which no page may show."""


class ConsoleProcess:
    """`webhookd console` as a process; *command_line* starts an interpreter of its own for it."""

    def __init__(
        self, folder: Path, address: str, *arguments: str, command_line: tuple[str, ...] = ()
    ) -> None:
        self._home = folder / "home"
        self._home.mkdir(exist_ok=True)
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("WEBHOOKD_")
        } | {"XDG_STATE_HOME": str(self._home), "PYTHONUNBUFFERED": "1"}
        self._folder = folder
        self._command = ("console", "--admin-address", address)
        words = (*self._command, "--listen", "127.0.0.1:0", *arguments)
        self.process: forked.Forked | subprocess.Popen[str] = (
            subprocess.Popen(
                [*command_line, *words],
                cwd=folder,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            if command_line
            else forked.begin(words, folder=folder, environment=self.environment)
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = LINK.fullmatch(line.strip())
        assert found, (line, self.process.stderr.read() if self.process.stderr else "")
        self.link, self.label, self.port = line.strip(), found[1], int(found[2])

    @property
    def host(self) -> str:
        """Return the console's own name and port."""
        return f"{self.label}.localhost:{self.port}"

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the command of this console's user and daemon with *arguments*, to its end."""
        return forked.run(
            (*self._command, *arguments),
            folder=self._folder,
            environment=self.environment,
            timeout=PATIENCE,
        )

    def another_link(self) -> str:
        """Return what `--link` prints, without the start of a command."""
        address = ConsoleAddress("127.0.0.1", self.port)
        return serving_pages.another_link(address, self._home / "webhookd").own

    @contextmanager
    def viewer(self, *, is_in: bool = True) -> Iterator[httpx.Client]:
        """Give a client that came in by a link, as a browser does."""
        with httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"host": self.host},
            trust_env=False,
            timeout=60,
        ) as client:
            if is_in:
                query = self.another_link().partition("?")[2]
                entered = client.get(f"/enter?{query}")
                assert entered.status_code == 303, entered.text
            yield client

    def stop(self) -> str:
        """End it as Ctrl-C does and return what it complained about."""
        self.process.send_signal(signal.SIGINT)
        _, errors = self.process.communicate(timeout=60)
        return errors


class Stage:
    """Everything together; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.moods: dict[str, Answer] = {}
        self.receiver = Receiver(self._answer)
        self.daemon = Daemon(folder, {"CANARY": CANARY})
        self.consoles: list[ConsoleProcess] = []

    def __enter__(self) -> Self:
        self.receiver.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        for one in self.consoles:
            one.process.kill()
            one.process.communicate()
        self.daemon.close()
        self.receiver.__exit__()

    @property
    def address(self) -> str:
        """Return where the admin API is."""
        return f"unix:{self.daemon.state}/admin.sock"

    def webhook(self, path: str, **more: Any) -> dict[str, Any]:
        """Return a webhook's definition that sends to *path* of the receiver."""
        request = {"url": f"{self.receiver.url}/{path}", "allow_http": True}
        request |= more.pop("request", {})
        return {"source": "export", "object": "contacts", "request": request} | more

    def console(self, *arguments: str) -> ConsoleProcess:
        """Start a console."""
        self.consoles.append(ConsoleProcess(self.folder, self.address, *arguments))
        return self.consoles[-1]

    def ask(self, path: str, **query: Any) -> Any:
        """Ask the admin API itself."""
        transport = httpx.HTTPTransport(uds=f"{self.daemon.state}/admin.sock")
        with closing(httpx.Client(transport=transport, base_url="http://webhookd")) as client:
            return client.get(path, params=query).json()

    def wait_for(self, **counts: int) -> None:
        """Wait until so many deliveries are in each state."""
        for state, count in counts.items():
            until(
                lambda state=state, count=count: self.daemon.tally(state) >= count,
                f"{count} {state}",
            )

    def _answer(self, received: Received) -> Answer:
        mood = received.target.partition("?")[0].strip("/")
        return self.moods.get(mood, Answer(200, body=b"thank you"))


def troubled(stage: Stage) -> None:
    """Start a daemon whose webhooks are in every state there is, with a hundred records."""
    stage.moods |= {
        "angry": Answer(422, body=b'{"error":{"code":"invalid_vat","field":"vat"}}'),
        "broken": Answer(500, body=b"an error of ours, sorry"),
        "gone": Answer(410, body=b"no such endpoint"),
    }
    key = {"type": "api_key", "name": "X-Api-Key", "location": "header", "key": {"env": "CANARY"}}
    stage.daemon.configure(
        {
            "audit-mirror": stage.webhook("audit", description="Everything, to the audit store"),
            "billing-sync": stage.webhook(
                "angry",
                description="Customers of the billing system",
                request={"authentication": key},
            ),
            "erp-export": stage.webhook("broken"),
            "legacy-crm": stage.webhook("x", request={"url": "http://127.0.0.1:9/import"}),
            "partner-portal": stage.webhook("gone"),
            "warehouse": stage.webhook("warehouse"),
        }
    )
    stage.daemon.start()
    command = ("pause", "warehouse", "--reason", "the warehouse moves house")
    stage.daemon.command(*command, "--admin-address", stage.address)
    rows = [
        {"id": str(1000 + number), "email": f"person{number}@example.com", "amount": number * 10}
        for number in range(100)
    ]
    stage.daemon.drop_rows("contacts.ndjson", *rows)
    stage.wait_for(delivered=100, failed=100, held=200)
