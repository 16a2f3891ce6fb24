"""What every story of a fleet has: daemons, their PostgreSQL, a receiver, and files without end.

Each row is told to six webhooks: `plain`; `ordered` (a record's deliveries one after the other);
`limited` (so many a second); `slow` (so many at once); `retried` (every first attempt fails); and
`dead`, which answers nobody until the end.
"""

from __future__ import annotations

import random
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from tests.crash.account import ATTEMPTS, Account, Look, Note, Notes, account
from tests.crash.fleet_account import most_at_once, most_within
from tests.crash.load import Load, Pace
from tests.crash.stage import DRAIN_SECONDS, ReceiverProcess, Report
from tests.daemon import until
from tests.fleet import Fleet
from tests.postgresql import Server
from webhookd import clock

if TYPE_CHECKING:
    from pathlib import Path

    from tests.daemon import Daemon

LIMIT, BATCH = 50, 10
"""Starts a second of `limited`, and how many more there may be: one batch, its concurrency."""

AT_ONCE = 4
TIMEOUT_SECONDS = 2.0
PACE = Pace(records=60, rows=6, burst=60)
"""A little more than `limited` may send."""

BEHAVIOURS: dict[str, dict[str, float]] = {
    "/plain": {"delay": 0.06},
    "/ordered": {"fails": 0.1, "delay": 0.02},
    "/limited": {"delay": 0.02},
    "/slow": {"delay": 0.06},
    "/retried": {"first": 1, "delay": 0.04},
    "/dead": {"silent": 1},
}
DELIVERIES: dict[str, dict[str, Any]] = {
    "plain": {},
    "ordered": {"order": "record"},
    "limited": {"rate_limit": f"{LIMIT}/s", "concurrency": BATCH},
    "slow": {"concurrency": AT_ONCE},
    "retried": {},
    "dead": {},
}
CONCURRENCY = 10
IN_FLIGHT = sum(each.get("concurrency", CONCURRENCY) for each in DELIVERIES.values())
"""How many attempts the whole fleet may have under way."""


class FleetStage:
    """A story's surroundings in *folder*, all chance from *seed*. A context manager.

    Before it is entered, a daemon may be given another way to the `database` of the `server`.
    """

    def __init__(self, folder: Path, seed: int, *, daemons: int, is_durable: bool = True) -> None:
        self.chance = random.Random(seed)
        self.server = Server(is_durable=is_durable)
        self.database = self.server.empty()
        environment = {"WEBHOOKD_LOG_SUCCESSES": "none"}
        self.fleet = Fleet(folder, self.server.url(self.database), daemons, environment)
        self.receiver = ReceiverProcess(folder / "notes", BEHAVIOURS, seed)
        self.load = Load(self.fleet, self.chance, PACE)
        self._notes = Notes(folder / "notes")
        self.kills = 0
        self.faults: list[str] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self.server.close)
            self.receiver.start()
            stack.callback(self.receiver.kill)
            stack.enter_context(self.fleet)
            self.fleet.configure({name: self._webhook(name) for name in DELIVERIES})
            self.fleet.start()
            stack.enter_context(self.load)
            self._leaving = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._leaving.close()

    def _webhook(self, name: str) -> dict[str, Any]:
        return {
            "source": "export",
            "object": "contacts",
            "request": {
                "url": f"http://127.0.0.1:{self.receiver.port}/{name}",
                "allow_http": True,
            },
            "delivery": {
                "timeout": f"{TIMEOUT_SECONDS:g}s",
                "retry": {"first_after": "100ms", "at_most_every": "500ms", "give_up_after": "90d"},
                **DELIVERIES[name],
            },
        }

    @property
    def notes(self) -> list[Note]:
        """Return what the receiver noted so far."""
        return list(self._notes.read())

    def until_received(self, count: int, what: str, seconds: float = 30) -> None:
        """Wait until so many more requests have come."""
        before = len(self._notes.read())
        until(lambda: len(self._notes.read()) >= before + count, what, seconds)

    def go_on(self, seconds: float) -> None:
        """Let things go on for so long: it is the point of these stories."""
        end = clock.monotonic() + seconds
        while (left := end - clock.monotonic()) > 0:
            threading.Event().wait(min(left, 0.2))
            self.fleet.revive()

    def kill(self, daemon: Daemon) -> None:
        """Kill a daemon, and start it anew on its state."""
        daemon.kill()
        self.kills += 1
        daemon.start(is_awaited=False)

    def finish(self, story: str, **facts: Any) -> Report:
        """Let everything be delivered, stop the daemons, and draw up the accounts."""
        self.load.stop()
        began = clock.monotonic()
        self.receiver.behave(BEHAVIOURS | {"/dead": {}})
        try:
            until(self._is_settled, "everything is settled", DRAIN_SECONDS)
        except AssertionError as unsettled:
            self.faults.append(str(unsettled))
        facts["drained in"] = f"{clock.monotonic() - began:.0f} s"
        self._stop()
        left = self._look()
        accounts = [self._account(name, left) for name in DELIVERIES]
        self._check_database()
        facts |= self._check_limits(accounts)
        faults = [*self.faults, *(fault for one in accounts for fault in one.faults)]
        return Report(story, accounts, faults, facts)

    def _is_settled(self) -> bool:
        self.fleet.revive()
        return self.fleet.is_settled

    def _stop(self) -> None:
        for daemon in self.fleet.daemons:
            until(lambda one=daemon: one.named("daemon.ready"), "it is ready")
        ended = [status for status in self.fleet.stop() if status]
        if ended:
            self.faults.append(f"stopped, and ended with {ended}")
        for daemon in self.fleet.daemons:
            _, begin, rest = daemon.log.partition("Traceback")
            if begin:
                self.faults.append(f"there is a traceback in a log: {begin}{rest[:4000]}")
        crm = self.fleet.folder / "crm"
        failed = [path.name for path in (crm / "failed").iterdir()]
        if failed:
            self.faults.append(f"set aside: {', '.join(failed)}")
        done = len(list((crm / "done").iterdir()))
        if done != self.load.files:
            self.faults.append(f"{self.load.files} files were dropped, and {done} are done")

    def _look(self) -> Look:
        left = Look("ok")
        for id_, made, unanswered in self.fleet.rows(ATTEMPTS):
            left.attempts[id_], left.unanswered[id_] = made, unanswered
        return left

    def _account(self, name: str, left: Look) -> Account:
        return account(
            name,
            self._of(name),
            ((row.record, row.value) for row in self.load.rows),
            left,
            is_ordered=name == "ordered",
        )

    def _of(self, name: str) -> list[Note]:
        return [note for note in self._notes.read() if note.path == f"/{name}"]

    def _check_database(self) -> None:
        """Look for what must not be there when all is done and everybody has stopped."""
        wanted = len(self.load.rows) * len(DELIVERIES)
        found = {
            "deliveries too few or too many": abs(self.fleet.look(_STORED) - wanted),
            "deliveries pending": self.fleet.look(_PENDING),
            "deliveries owned by a daemon": self.fleet.look(_OWNED),
            "shares of a lane": self.fleet.look(_SHARES),
            "daemons that are no more": self.fleet.look(_DAEMONS),
        }
        self.faults += [
            f"in the database: {count} {what}" for what, count in found.items() if count
        ]

    def _check_limits(self, accounts: list[Account]) -> dict[str, Any]:
        """Return the most that there was of what is limited; note what was too much."""
        came = [note.at for note in self._of("limited")]
        started = [at / 1_000_000 for (at,) in self.fleet.rows(_STARTED)]
        found = {
            "limited: came in a second": (most_within(1.0, came), LIMIT + BATCH),
            "limited: started in a second": (most_within(1.0, started), LIMIT + BATCH),
            "slow: at once": (most_at_once(self._of("slow")), AT_ONCE),
            "repeated": (sum(one.repeated for one in accounts), self.kills * IN_FLIGHT),
        }
        self.faults += [
            f"{what}: {most}, more than {limit}"
            for what, (most, limit) in found.items()
            if most > limit
        ]
        return {what: most for what, (most, _) in found.items()}


_STORED = "SELECT count(*) FROM deliveries"
_PENDING = "SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL"
_OWNED = "SELECT count(*) FROM deliveries WHERE owner IS NOT NULL"
_SHARES = "SELECT count(*) FROM shares"
_DAEMONS = "SELECT count(*) FROM daemons WHERE is_dead = 0"
_STARTED = (
    "SELECT a.started_at FROM attempts a JOIN deliveries d ON d.id = a.delivery_id"
    " JOIN lanes l ON l.number = d.lane WHERE l.webhook = 'limited' ORDER BY a.started_at"
)
