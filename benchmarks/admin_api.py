"""What the admin API answers, of a daemon with 100 webhooks and 1,000,000 deliveries."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from benchmarks import cpu
from benchmarks.filled_daemon import Filling, start_filled
from benchmarks.processes import daemon
from benchmarks.rows import Row
from tests.making import NOW, a_delivery
from webhookd.storage.database.database import open_database
from webhookd.storage.deliveries import enqueue, lanes
from webhookd.storage.deliveries.lanes import ConfiguredLane

if TYPE_CHECKING:
    from benchmarks.processes import DaemonProcess

WEBHOOKS = 100
DELIVERIES = 1_000_000
WAITING = 1_000
ASKED = 10
LONGEST_MS, LONGEST_CPU_MS = 150.0, 250.0
INSERT = """
INSERT INTO deliveries (id, lane, source, object, record_id, change, state, epoch, due_at,
  attempts, last_status, last_error, settled_at, created_at, method, query, body)
WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)
SELECT printf('%032x', n), CASE WHEN n % 1000 = 7 THEN 100 ELSE n % 99 + 1 END, 'export',
  'contacts', n % 50000, 'updated',
  CASE WHEN n >= :settled THEN 'pending' WHEN n % 40 = 0 THEN 'failed' ELSE 'delivered' END, 0,
  CASE WHEN n >= :settled THEN :due END, 1, CASE WHEN n % 80 = 0 THEN NULL WHEN n % 40 = 0 THEN 422
  ELSE 200 END, CASE WHEN n % 80 = 0 THEN 'refused: nobody listens' WHEN n % 40 = 0 THEN
  'the receiver answered 422, which is not retried' END, CASE WHEN n < :settled THEN :at - :length +
  n * (:length / :last) END, :at - :length + n * (:length / :last), 'POST', '', zeroblob(400)
FROM numbers
"""
"""One webhook has few, one delivery of forty failed, over thirty days; no other state is there."""

LIST = "/v1/deliveries?limit=51"
DAY = 86_400
QUESTIONS = {
    "the newest": LIST,
    "the second page": f"{LIST}&before=999949",
    "failed": f"{LIST}&state=failed",
    "failed of a webhook": f"{LIST}&state=failed&webhook=webhook-0007",
    "of a webhook that has few": f"{LIST}&webhook=webhook-0099",
    "superseded, none there": f"{LIST}&state=superseded",
    "held, none there": f"{LIST}&state=held",
    "pending": f"{LIST}&state=pending",
    "a record that is not there": f"{LIST}&record_id=nobody",
    "failed as 422": f"{LIST}&state=failed&error=422",
    "refused, whatever the state": f"{LIST}&error=refused",
    "until 20 days ago": f"{LIST}&until={{days_20}}",
    "since an hour ago": f"{LIST}&since={{hour}}",
    "one delivery": "/v1/deliveries/{id}",
    "groups": "/v1/groups",
    "a webhook": "/v1/webhooks/webhook-0007",
    "activity of a day": "/v1/activity?minutes=1440",
    "status": "/v1/status",
}
DRY_RUNS = {
    "dry run: failed of a webhook": {"state": "failed", "webhook": "webhook-0007"},
    "dry run: failed since ten days": {"state": "failed", "since": "{days_10}"},
}


def measure() -> list[Row]:
    """Measure each question: the time that passed, and the daemon's of the processor."""
    with (
        tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name,
        daemon(Path(name)) as running,
    ):
        start_filled(running, Filling(INSERT, WEBHOOKS, DELIVERIES, WAITING, 30 * DAY * 1_000_000))
        found = _asked(running)
    worst = max(found, key=lambda question: statistics.median(found[question][0]))
    figures = {f"{question}, ms": wall for question, (wall, _) in found.items()}
    figures |= {f"{question}, ms of the processor": spent for question, (_, spent) in found.items()}
    return [
        Row(
            f"1,000,000 deliveries: the slowest question ({worst})",
            f"under {LONGEST_MS:g} ms",
            found[worst][0],
            LONGEST_MS,
            is_most=True,
            unit=" ms",
            digits=0,
            figures=figures,
        ),
        _stored_rows(),
    ]


def _asked(running: DaemonProcess) -> dict[str, tuple[list[float], list[float]]]:
    """Return for each question the milliseconds that passed, and those of the processor."""
    socket = str(running.folder / "state" / "admin.sock")
    values = {
        "days_20": _ago(20 * DAY),
        "days_10": _ago(10 * DAY),
        "hour": _ago(3600),
        "id": f"{DELIVERIES - 5:032x}",
    }
    found = {}
    with httpx.Client(
        transport=httpx.HTTPTransport(uds=socket), timeout=60, base_url="http://webhookd"
    ) as client:
        for question, path in QUESTIONS.items():
            found[question] = _times(running, lambda: client.get(path.format(**values)))  # noqa: B023
        for question, body in DRY_RUNS.items():
            asked = {name: text.format(**values) for name, text in body.items()}
            asked_for = {"dry_run": True, **asked}
            found[question] = _times(
                running,
                lambda: client.post("/v1/deliveries/retry", json=asked_for),  # noqa: B023
            )
    return found


def _ago(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))


def _times(running: DaemonProcess, ask: object) -> tuple[list[float], list[float]]:
    wall, spent = [], []
    for _ in range(ASKED):
        # The daemon's turns end in between, so that each time is that of one question.
        time.sleep(0.05)
        before, began = cpu.seconds(running.pid), time.perf_counter()
        ask().raise_for_status()  # type: ignore[operator]
        wall.append((time.perf_counter() - began) * 1000)
        spent.append((cpu.seconds(running.pid) - before) * 1000)
    return wall, [statistics.mean(spent)]


INDEXES = ("deliveries_by_lane", "failed_by_number", "superseded_by_number", "cancelled_by_number")
BATCH, BATCHES, PAIRS = 100, 100, 7


def _stored_rows() -> Row:
    """Measure what a stored delivery costs with the indexes of lists and without, in turn."""
    with_, without = [], []
    for _ in range(PAIRS):
        with_.append(_stored(is_indexed=True))
        without.append(_stored(is_indexed=False))
    more = [one - other for one, other in zip(with_, without, strict=True)]
    return Row(
        "what the indexes of lists cost a stored delivery, of the processor",
        "under 5 µs",
        more,
        5,
        is_most=True,
        unit=" µs",
        figures={"with them": with_, "without": without},
    )


def _stored(*, is_indexed: bool) -> float:
    with tempfile.TemporaryDirectory(prefix="webhookd-bench-") as name:
        database = open_database(f"sqlite:///{name}/webhookd.db")
        connection = database.connect()
        connection.begin()
        lanes.adopt(connection, [ConfiguredLane(f"w{number}") for number in range(WEBHOOKS)], NOW)
        for index in () if is_indexed else INDEXES:
            connection.execute(f"DROP INDEX {index}")
        connection.commit()
        made = [
            [a_delivery(f"w{number % WEBHOOKS}", record_id=str(number)) for number in range(BATCH)]
            for _ in range(BATCHES)
        ]
        began = time.process_time()
        for batch in made:
            connection.begin()
            enqueue.store(connection, batch)
            connection.commit()
        took = time.process_time() - began
        connection.close()
        database.close()
    return took * 1e6 / (BATCH * BATCHES)
