"""The real daemon as a process: started, fed, signalled and killed as people would."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Any

import yaml

from tests import forked
from webhookd import clock
from webhookd.sources.directory.ingest import MOST_OPENINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

PATIENCE = 120.0
"""Seconds within which whatever a test waits for happens, on a machine that is busy with others."""
INTERPRETER = (sys.executable, "-m", "webhookd")
ANOTHER_CLOCK = (sys.executable, "-m", "tests.crash.daemon_with_another_clock")
"""That clock is set before the modules are imported which read it, and so not in a fork."""
SECRET = "a-client-secret-of-the-tests"


def until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """Wait until *condition* gives something true and return that; say *what* failed.

    What is waited for longer is looked at less often, since looking takes from what it waits for.
    """
    begun = clock.monotonic()
    while True:
        met = condition()
        if met:
            return met
        waited = clock.monotonic() - begun
        assert waited < seconds, f"{what}: not within {seconds:g} s"
        threading.Event().wait(min(max(waited / 20, 0.005), 0.05))


class Daemon:
    """A daemon in *folder*: its configuration, its drop directory `crm`, its state."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.config = folder / "config.yaml"
        self.state = folder / "state"
        self.environment = {
            name: value for name, value in os.environ.items() if not name.startswith("WEBHOOKD_")
        } | {"APP_SECRET": SECRET, **(environment or {})}
        self.module = "webhookd"
        """What the process runs, which is forked."""
        self.command_line: tuple[str, ...] = ()
        """What starts an interpreter of its own instead; `INTERPRETER`, for one."""
        self.events: list[dict[str, Any]] = []
        self._lines: list[str] = []
        self.process: subprocess.Popen[str] | forked.Forked | None = None
        self._reading: threading.Thread | None = None

    def configure(self, webhooks: Mapping[str, Any], **more: Any) -> None:
        """Write a configuration of *webhooks* on the source `export`."""
        source = {"type": "drop_directory", "path": "crm", "object": "contacts"}
        content = {
            "version": 1,
            "egress": {"allow": ["127.0.0.0/8"]},
            "apps": {"1234567": {"client_secret": {"env": "APP_SECRET"}}},
            "sources": {"export": source | more.pop("source", {})},
            "webhooks": webhooks,
        } | more
        self.config.write_text(yaml.safe_dump(content, sort_keys=False))

    def command(
        self, *arguments: str, told: str | None = None, module: str = "webhookd"
    ) -> subprocess.CompletedProcess[str]:
        """Run *module* with *arguments* to its end."""
        return forked.run(
            arguments,
            folder=self.folder,
            environment=self.environment,
            told=told,
            timeout=PATIENCE,
            module=module,
        )

    def begin(self, *arguments: str) -> forked.Forked:
        """Begin a command that takes its time; what it says can be read as it says it."""
        return forked.begin(arguments, folder=self.folder, environment=self.environment)

    def start(self, *arguments: str, is_awaited: bool = True) -> None:
        """Start the daemon, and wait until it is ready."""
        count = self._count("daemon.ready")
        words = (
            *("run", "--log-format", "json"),
            *("--config", str(self.config), "--state-directory", str(self.state)),
            *arguments,
        )
        if self.command_line:
            self.process = subprocess.Popen(
                [*self.command_line, *words],
                env=self.environment,
                cwd=self.folder,
                stderr=subprocess.PIPE,
                text=True,
            )
        else:
            self.process = forked.start(
                words, folder=self.folder, environment=self.environment, module=self.module
            )
        self._reading = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._reading.start()
        if is_awaited:
            until(lambda: self._count("daemon.ready") > count or self.has_ended, "ready")
            assert not self.has_ended, self.log

    @property
    def log(self) -> str:
        """Return all that it said, of every start."""
        return "".join(self._lines)

    @property
    def has_ended(self) -> bool:
        """Return whether the process is over."""
        return self.process is not None and self.process.poll() is not None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> int:
        """Stop it in order and return its exit status."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """Kill it with no chance to do anything."""
        self.signal(signal.SIGKILL)
        self.wait()

    def kill_unsuspecting(self) -> None:
        """Kill it, but never so often within one file that the file would be suspected of it."""
        openings = "SELECT coalesce(max(openings), 0) FROM files"
        until(lambda: self.look(openings) < MOST_OPENINGS, "the file gets on")
        self.kill()

    def connect(self) -> sqlite3.Connection:
        """Return a connection to its database that only reads."""
        return sqlite3.connect(f"file:{self.state}/webhookd.db?mode=ro", uri=True)

    def known(self) -> dict[str, dict[str, Any]]:
        """Return every property of every record that it knows, by id; none before its tables."""
        query = "SELECT record_id, properties FROM known_records WHERE deleted = 0"
        with suppress(sqlite3.OperationalError), closing(self.connect()) as connection:
            return {
                id_: {name: json.loads(value) for name, value in json.loads(text).items()}
                for id_, text in connection.execute(query).fetchall()
            }
        return {}

    def look(self, query: str, *values: object) -> Any:
        """Return the one value that *query* finds in its database."""
        with closing(self.connect()) as connection:
            return connection.execute(query, values).fetchone()[0]

    def tally(self, state: str) -> int:
        """Return how many deliveries are in *state*, without the start of a command."""
        held = "(paused_reason IS NOT NULL OR gone_reason IS NOT NULL OR absent_reason IS NOT NULL)"
        clauses = {
            "held": f"state = 'pending' AND {held}",
            "pending": f"state = 'pending' AND NOT {held}",
        }
        clause = clauses.get(state, f"state = '{state}'")
        query = (
            "SELECT count(*) FROM deliveries JOIN lanes ON lanes.number = deliveries.lane WHERE "
        )
        return int(self.look(query + clause))

    def close(self) -> None:
        """End it, however far it came."""
        if self.process is not None and self.process.stderr and not self.process.stderr.closed:
            self.process.kill()
            self.wait()

    def wait(self) -> int:
        """Wait for the end and return the exit status."""
        assert self.process is not None
        assert self._reading is not None
        status = self.process.wait(PATIENCE)
        self._reading.join(PATIENCE)
        assert self.process.stderr is not None
        self.process.stderr.close()
        return status

    def reload(self) -> dict[str, Any]:
        """Send SIGHUP and return the event that says what came of it."""
        results = ("config.reloaded", "config.unchanged", "config.rejected")
        count = sum(self._count(name) for name in results)
        self.signal(signal.SIGHUP)
        until(lambda: sum(self._count(name) for name in results) > count, "a reload's result")
        return [event for event in self.events if event["event"] in results][-1]

    def drop(self, name: str, content: str | bytes) -> None:
        """Drop a file as every producer should: written aside, then renamed."""
        written = self.folder / "crm" / "tmp" / name
        written.write_bytes(content.encode() if isinstance(content, str) else content)
        written.rename(self.folder / "crm" / "new" / name)

    def drop_rows(self, name: str, *rows: Mapping[str, Any]) -> None:
        """Drop an ndjson file of *rows*."""
        self.drop(name, "".join(json.dumps(row) + "\n" for row in rows))

    def deliveries(self, *arguments: str) -> list[dict[str, Any]]:
        """Return what `webhookd deliveries list --json` prints."""
        listed = self.command(
            *("deliveries", "list", "--json", "--limit", "100000"),
            *("--state-directory", str(self.state)),
            *arguments,
        )
        assert listed.returncode == 0, listed.stderr
        return [json.loads(line) for line in listed.stdout.splitlines()]

    def named(self, event: str) -> list[dict[str, Any]]:
        """Return the log's events of a name."""
        return [one for one in self.events if one["event"] == event]

    def _count(self, event: str) -> int:
        return len(self.named(event))

    def _read(self, process: subprocess.Popen[str] | forked.Forked) -> None:
        assert process.stderr is not None
        for line in process.stderr:
            self._lines.append(line)
            if line.startswith("{"):
                self.events.append(json.loads(line))
