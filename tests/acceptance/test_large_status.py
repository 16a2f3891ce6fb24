"""The status of a daemon with 1,000 webhooks and 1,000,000 deliveries: whole, and in a moment."""

import sqlite3
import time
from contextlib import closing

import httpx

WEBHOOKS, DELIVERIES, WAITING = 1000, 1_000_000, 10_000
LIMIT = 0.15
"""Seconds."""
TRIES = 40
FILL = """
INSERT INTO deliveries (id, lane, source, object, record_id, change, state, epoch, due_at,
  attempts, settled_at, created_at, method, query)
WITH RECURSIVE numbers (n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < :last)
SELECT 'd' || n, n % 1000 + 1, 'export', 'contacts', n % 50000, 'updated',
  CASE WHEN n >= :settled THEN 'pending' WHEN n % 50 = 0 THEN 'failed' ELSE 'delivered' END, 0,
  CASE WHEN n >= :settled THEN :due END, 1, CASE WHEN n < :settled THEN :now END, :now, 'POST', ''
FROM numbers
"""


def test_the_whole_answer_takes_less_than_150_ms(daemon):
    request = {"url": "http://127.0.0.1:9/hook", "allow_http": True}
    hook = {"source": "export", "object": "contacts", "request": request}
    daemon.configure({f"webhook-{number:04}": hook for number in range(WEBHOOKS)})
    daemon.start()
    daemon.stop()
    now = int(time.time() * 1e6)
    with closing(sqlite3.connect(daemon.state / "webhookd.db", isolation_level=None)) as outbox:
        outbox.execute("PRAGMA synchronous = OFF")
        filled = {"last": DELIVERIES - 1, "settled": DELIVERIES - WAITING}
        outbox.execute(FILL, filled | {"now": now, "due": now + 3_600_000_000})
    daemon.start()
    transport = httpx.HTTPTransport(uds=str(daemon.state / "admin.sock"))
    took = []
    with httpx.Client(transport=transport, timeout=60) as client:
        # The best of many: others may use the machine as well.
        while len(took) < TRIES and min(took, default=1.0) >= LIMIT:
            began = time.perf_counter()
            answer = client.get("http://webhookd/v1/status")
            took.append(time.perf_counter() - began)
    daemon.stop()

    found = answer.json()
    assert len(found["webhooks"]) == WEBHOOKS
    assert (found["pending"], found["failed"]) == (WAITING, (DELIVERIES - WAITING) // 50)
    assert found["sources"][0]["pending"] == WAITING
    assert min(took) < LIMIT
