"""Producers of every manner and user, while the process is killed: each row is taken once.

Files of records and snapshots are renamed, written in place with pauses, appended to, copied with
old times, packed slowly. Every snapshot lists everybody, so that no deletion is true.
"""

from __future__ import annotations

import gzip
import json
import os
import random
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from tests.crash.stage import DRAIN_SECONDS, ReceiverProcess, Report
from tests.daemon import Daemon, until
from webhookd import clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS: Final = ("rename", "direct", "append", "part", "rsync", "old", "gzip")
SNAPSHOT_KINDS: Final = ("rename", "direct", "part", "rsync", "old")
EVERYBODY: Final = 200
DUMPED: Final = "p"
"""What the ids in snapshots begin with."""

LONGEST_PAUSE: Final = 6.0
OTHER_USER: Final = 65534


def written(folder: Path, seed: int, producers: int, seconds: float) -> Report:
    """Let so many *producers* begin within *seconds*, and kill the process now and then."""
    chance = random.Random(seed)
    daemon = Daemon(folder, {"WEBHOOKD_LOG_SUCCESSES": "none"})
    receiver = ReceiverProcess(folder / "notes", {"/all": {"fails": 0.0, "delay": 0.0}}, seed)
    receiver.start()
    faults: list[str] = []
    kills = 0
    try:
        daemon.configure(_webhooks(receiver.port), sources=_sources())
        daemon.start()
        plans = list(_plans(folder, chance, producers, seconds))
        rows = [row for plan in plans for row in plan.pop("rows")]
        processes = [_begin(plans, user) for user in {plan["user"] for plan in plans}]
        until_at = clock.monotonic() + seconds + LONGEST_PAUSE
        while clock.monotonic() < until_at or any(one.poll() is None for one in processes):
            _rest(chance.uniform(2, 8))
            daemon.kill_unsuspecting()
            kills += 1
            daemon.start(is_awaited=False)
        daemon.kill_unsuspecting()
        daemon.start()
        faults += [line for one in processes for line in one.communicate()[0].splitlines()]
        try:
            until(lambda: _is_settled(daemon), "every file is taken", DRAIN_SECONDS)
        except AssertionError as unsettled:
            faults.append(str(unsettled))
        if status := daemon.stop():
            faults.append(f"it ended with the status {status}")
        faults += _faults(daemon, rows)
    finally:
        daemon.close()
        receiver.kill()
    return Report("producers", [], faults, {"producers": producers, "kills": kills})


def _sources() -> dict[str, Any]:
    records = {"type": "drop_directory", "path": "crm", "object": "contacts", "settle": "8s"}
    return {
        "export": records,
        "dumps": records | {"path": "dumps", "object": "people", "content": "snapshot"},
    }


def _webhooks(port: int) -> dict[str, Any]:
    request = {"url": f"http://127.0.0.1:{port}/all", "allow_http": True}
    changes = {"changes": ["created", "updated", "deleted"]}
    return {
        source: {"source": source, "object": object_, "trigger": changes, "request": request}
        for source, object_ in (("export", "contacts"), ("dumps", "people"))
    }


def _plans(
    folder: Path, chance: random.Random, producers: int, seconds: float
) -> Iterator[dict[str, Any]]:
    """Yield what each producer does; its `rows` are those of records."""
    users = [os.getuid()] + [OTHER_USER] * (os.getuid() == 0)
    _open_to_others(folder)
    for number in range(producers):
        is_dump = number % 10 == 0
        kind = chance.choice(SNAPSHOT_KINDS if is_dump else KINDS)
        ids = (
            [f"{DUMPED}{one}" for one in range(EVERYBODY)]
            if is_dump
            else [f"{number}-{one}" for one in range(40)]
        )
        value = f"{number}"
        lines = [json.dumps({"id": one, "value": value}) + "\n" for one in ids]
        yield {
            "kind": kind,
            "root": str(folder / ("dumps" if is_dump else "crm")),
            "name": f"{number:04}.ndjson{'.gz' if kind == 'gzip' else ''}",
            "pieces": [piece.hex() for piece in _pieces(kind, lines, chance)],
            "pause": chance.uniform(0, LONGEST_PAUSE),
            "after": chance.uniform(0, seconds),
            "user": chance.choice(users),
            "rows": [] if is_dump else ids,
        }


def _open_to_others(folder: Path) -> None:
    folder.chmod(0o755)
    for source in ("crm", "dumps"):
        for name in ("tmp", "new"):
            (folder / source / name).chmod(0o777)


def _pieces(kind: str, lines: list[str], chance: random.Random) -> list[bytes]:
    """Return the content in two or three pieces; who appends has whole lines in each."""
    place = chance.randrange(1, len(lines))
    if kind == "append":
        return ["".join(lines[:place]).encode(), "".join(lines[place:]).encode()]
    content = "".join(lines).encode()
    if kind == "gzip":
        content = gzip.compress(content)
    cuts = sorted(chance.sample(range(1, len(content)), chance.randint(1, 2)))
    return [
        content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True)
    ]


def _begin(plans: list[dict[str, Any]], user: int) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.producer_process", str(user)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    for plan in plans:
        if plan["user"] == user:
            process.stdin.write(json.dumps(plan) + "\n")
    process.stdin.close()
    process.stdin = None
    return process


def _rest(seconds: float) -> None:
    until_at = clock.monotonic() + seconds
    until(lambda: clock.monotonic() >= until_at, "a pause", seconds + 60)


def _is_settled(daemon: Daemon) -> bool:
    folders = [daemon.folder / source / name for source in ("crm", "dumps")
               for name in ("new", "work")]  # fmt: skip
    return not any(any(folder.iterdir()) for folder in folders)


def _faults(daemon: Daemon, rows: list[str]) -> Iterator[str]:
    """Yield what is not as it must be in the end."""
    with daemon.connect() as connection:
        told = connection.execute("SELECT record_id, change FROM deliveries").fetchall()
    times = Counter(record_id for record_id, _ in told)
    lost = [record_id for record_id in rows if not times[record_id]]
    twice = [record_id for record_id in rows if times[record_id] > 1]
    for what, found in (("lost", lost), ("told twice", twice)):
        if found:
            yield f"{len(found)} rows were {what}, as {', '.join(found[:5])}"
    deleted = [record_id for record_id, change in told if change == "deleted"]
    if deleted:
        yield f"{len(deleted)} deletions were told that are not true"
    if sum(record_id.startswith(DUMPED) for record_id in times) != EVERYBODY:
        yield "not everybody in the snapshots was told"
    for source in ("crm", "dumps"):
        failed = sorted(path.name for path in (daemon.folder / source / "failed").iterdir())
        if failed:
            yield f"set aside: {', '.join(failed)}"
    if "Traceback" in daemon.log:
        yield "there is a traceback in its log"
