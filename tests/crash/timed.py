"""The process is killed at random moments while moments come, and waits end."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from tests.crash.account import Account
from tests.crash.stage import Report
from tests.daemon import Daemon, until
from tests.receiver import Receiver

if TYPE_CHECKING:
    from pathlib import Path

ROWS_OF_A_FILE = 40
SPREAD_SECONDS = 3.0
"""Over how long the moments of one file's records are spread, from the time it is written on."""


def killed(folder: Path, seed: int, kills: int) -> Report:
    """Kill it (-9) so many times: each record is due once, and told once behind its wait."""
    chance = random.Random(seed)
    daemon, told = Daemon(folder), {}
    with Receiver() as receiver:
        daemon.configure({name: _webhook(receiver.url, at) for name, at in TRIGGERS.items()})
        daemon.start()
        try:
            for number in range(kills):
                told |= _drop(daemon, chance, number)
                # Mostly in the middle of what comes, now and then while it still starts.
                threading.Event().wait(chance.uniform(0.1, 1.5))
                daemon.kill_unsuspecting()
                daemon.start(is_awaited=chance.random() < 0.5)
            until(lambda: len(daemon.known()) == len(told), "all files taken")
            query = "SELECT count(*) FROM moments WHERE at IS NOT NULL"
            until(lambda: daemon.look(query) == 0, "all moments come")
            until(lambda: daemon.tally("pending") == 0, "all delivered")
            daemon.stop()
            return _report(daemon, receiver, told, kills)
        finally:
            daemon.close()


TRIGGERS = {
    "due": {"at": {"property": "due_at", "offset": "1s"}},
    "waits": {"wait": "1s", "while": [{"property": "due_at", "operator": "HAS_PROPERTY"}]},
}


def _webhook(url: str, trigger: dict[str, object]) -> dict[str, object]:
    request = {"url": url, "allow_http": True}
    return {"source": "export", "object": "contacts", "trigger": trigger, "request": request}


def _drop(daemon: Daemon, chance: random.Random, number: int) -> dict[str, str]:
    """Drop a file of new records; return when each is due."""
    now = datetime.now(UTC)
    rows = {}
    for row in range(ROWS_OF_A_FILE):
        at = now + timedelta(seconds=chance.uniform(0, SPREAD_SECONDS))
        rows[f"{number}-{row}"] = at.isoformat(timespec="milliseconds")
    daemon.drop_rows(f"{number}.ndjson", *({"id": id_, "due_at": at} for id_, at in rows.items()))
    return rows


def _report(daemon: Daemon, receiver: Receiver, told: dict[str, str], kills: int) -> Report:
    """Compare the deliveries with the records, and what arrived with the deliveries."""
    with closing(daemon.connect()) as connection:
        query = (
            "SELECT webhook, record_id FROM deliveries JOIN lanes ON lanes.number = deliveries.lane"
        )
        stored = Counter(connection.execute(query).fetchall())
    arrived = Counter(one.id for one in receiver.received)
    named = {one.id: json.loads(one.body) for one in receiver.received}
    accounts = []
    for webhook in TRIGGERS:
        ids = {record_id for name, record_id in stored if name == webhook}
        mine = [id_ for id_, body in named.items() if _is_of(webhook, body)]
        accounts.append(
            Account(
                webhook,
                changes=len(told),
                requests=sum(arrived[id_] for id_ in mine),
                lost=len(told.keys() - ids) + max(0, len(ids) - len(mine)),
                twice=sum(n - 1 for (name, _), n in stored.items() if name == webhook),
                out_of_order=0,
                repeated=sum(arrived[id_] - 1 for id_ in mine),
                may_be_repeated=kills * 20,
                unexplained=0,
            )
        )
    wrong = [
        f"{body['objectId']} was due {body['occurredAt']}, and not a second after {at}"
        for body in named.values()
        if _is_of("due", body) and not _is_at(body["occurredAt"], at := told[body["objectId"]])
    ]
    faults = [fault for one in accounts for fault in one.faults] + wrong
    return Report("kill -9, moments", accounts, faults, {"kills": kills})


def _is_of(webhook: str, body: dict[str, str]) -> bool:
    return (body["eventType"] == "contacts.due") == (webhook == "due")


def _is_at(occurred_at: str, due_at: str) -> bool:
    wanted = datetime.fromisoformat(due_at) + timedelta(seconds=1)
    return datetime.fromisoformat(occurred_at) == wanted
