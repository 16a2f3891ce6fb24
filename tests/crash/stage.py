"""What every story has: a daemon, a receiver that writes everything down, and files without end.

Four webhooks hear of each row: `plain`, `ordered` (a record's deliveries one after the other),
`retried` (a third of the attempts fail), `limited` (few rows, at most so many a minute).
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from tests.crash.account import Account, Look, Note, Notes, account, look
from tests.crash.load import Load
from tests.daemon import Daemon, until
from webhookd import clock

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LIMIT = 120
WINDOW_SECONDS = 60.0
"""A window that is much longer than a restart: what was sent before one must be remembered."""

TIMEOUT_SECONDS = 2.0
BEHAVIOURS = {
    "/plain": {"fails": 0.0, "delay": 0.06},
    "/ordered": {"fails": 0.1, "delay": 0.02},
    "/retried": {"fails": 0.33, "delay": 0.04},
    "/limited": {"fails": 0.1, "delay": 0.02},
}
DRAIN_SECONDS = 240.0


@dataclass
class Report:
    """How a story ended: one account for each webhook, and what else there is to say."""

    story: str
    accounts: list[Account]
    faults: list[str]
    facts: dict[str, Any]


class ReceiverProcess:
    """The receiver as a process that can be killed and come back on its port."""

    def __init__(self, notes: Path, behaviours: Mapping[str, object], seed: int) -> None:
        self._arguments = (str(notes), json.dumps(behaviours), str(seed))
        self.port = 0

    def start(self) -> None:
        """Start it, on the port that it had before."""
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.crash.receiver_process"),
                *(*self._arguments, str(self.port)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    @property
    def pid(self) -> int:
        """Return the number of the process that runs now."""
        return self._process.pid

    def behave(self, behaviours: Mapping[str, object]) -> None:
        """Behave otherwise from now on."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(behaviours) + "\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """End it, whatever it was doing."""
        self._process.kill()
        self._process.communicate()


class Stage:
    """A story's surroundings in *folder*, all chance from *seed*. A context manager."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        *,
        environment: Mapping[str, str] | None = None,
        state: Path | None = None,
        command_line: tuple[str, ...] = (),
    ) -> None:
        self.chance = random.Random(seed)
        self.daemon = Daemon(folder, {"WEBHOOKD_LOG_SUCCESSES": "none", **(environment or {})})
        self.daemon.state = state or self.daemon.state
        self.daemon.command_line = command_line
        self.receiver = ReceiverProcess(folder / "notes", BEHAVIOURS, seed)
        self.load = Load(self.daemon, self.chance)
        self._notes = Notes(folder / "notes")
        self._scratch = folder / "scratch"
        self._scratch.mkdir()
        self.faults: list[str] = []

    def __enter__(self) -> Self:
        self.receiver.start()
        self.daemon.configure({name: self._webhook(name) for name in self._names})
        self.daemon.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.load.is_running:
            self.load.stop()
        self.daemon.close()
        self.receiver.kill()

    _names = ("plain", "ordered", "retried", "limited")

    def _webhook(self, name: str) -> dict[str, Any]:
        webhook: dict[str, Any] = {
            "source": "export",
            "object": "contacts",
            "request": {
                "url": f"http://127.0.0.1:{self.receiver.port}/{name}",
                "allow_http": True,
            },
            "delivery": {
                "timeout": f"{TIMEOUT_SECONDS:g}s",
                "retry": {"first_after": "100ms", "at_most_every": "500ms", "give_up_after": "90d"},
            },
        }
        if name == "ordered":
            webhook["delivery"]["order"] = "record"
        if name == "limited":
            webhook["delivery"]["rate_limit"] = f"{LIMIT}/m"
            chosen = {"property": "kind", "operator": "EQ", "value": "chosen"}
            webhook["trigger"] = {"when": [chosen], "enroll": "every_change"}
        return webhook

    @property
    def notes(self) -> list[Note]:
        """Return what the receiver noted so far."""
        return list(self._notes.read())

    def until_received(self, count: int, what: str, seconds: float = 30) -> None:
        """Wait until so many more requests have come."""
        before = len(self._notes.read())
        until(lambda: len(self._notes.read()) >= before + count, what, seconds)

    def rest(self, least: float, most: float) -> None:
        """Let things go on for a moment that chance chooses: it is the point of these stories."""
        threading.Event().wait(self.chance.uniform(least, most))

    def check_database(self) -> int:
        """Look at what the daemon left; return how many requests it does not know of."""
        found = look(self.daemon.state, self._scratch)
        if found.integrity != "ok":
            self.faults.append(f"the database is broken: {found.integrity}")
        sent = len(self._notes.read())
        return sent - found.attempts.total()

    def finish(self, story: str, **facts: Any) -> Report:
        """Let everything be delivered, stop the daemon, and draw up the accounts."""
        if self.load.is_running:
            self.load.stop()
        try:
            until(self._is_settled, "everything is settled", DRAIN_SECONDS)
        except AssertionError as unsettled:
            self.faults.append(str(unsettled))
        status = self.daemon.stop()
        if status:
            self.faults.append(f"it ended with the status {status}")
        if "Traceback" in self.daemon.log:
            self.faults.append("there is a traceback in its log")
        failed = [path.name for path in (self.daemon.folder / "crm" / "failed").iterdir()]
        if failed:
            self.faults.append(f"set aside: {', '.join(failed)}")
        left = look(self.daemon.state, self._scratch)
        accounts = [self._account(name, left) for name in self._names]
        self._check_limit()
        faults = [*self.faults, *(fault for one in accounts for fault in one.faults)]
        return Report(story, accounts, faults, facts)

    def _account(self, name: str, left: Look) -> Account:
        rows = [row for row in self.load.rows if row.is_chosen or name != "limited"]
        return account(
            name,
            (note for note in self._notes.read() if note.path == f"/{name}"),
            ((row.record, row.value) for row in rows),
            left,
            is_ordered=name == "ordered",
        )

    def _check_limit(self) -> None:
        """Look for too many in a window, a second shorter: requests come a little after starts."""
        came = [note.at for note in self._notes.read() if note.path == "/limited"]
        spans = zip(came, came[LIMIT:], strict=False)
        over = sum(later - earlier < WINDOW_SECONDS - 1 for earlier, later in spans)
        if over:
            self.faults.append(f"limited: {over} times over {LIMIT} in {WINDOW_SECONDS:g} seconds")

    def count_due_later(self, seconds: float) -> int:
        """Return how many deliveries wait for longer than *seconds* from the true time on."""
        at = int((clock.now().timestamp() + seconds) * 1_000_000)
        return int(self.daemon.look("SELECT count(*) FROM deliveries WHERE due_at > ?", at))

    def _is_settled(self) -> bool:
        folder = self.daemon.folder / "crm"
        if any((folder / "new").iterdir()) or any((folder / "work").iterdir()):
            return False
        waiting = "SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL"
        return bool(self.daemon.look(waiting) == 0)
