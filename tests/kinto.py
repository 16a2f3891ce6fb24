"""A real Kinto on loopback (PyPI: kinto), in memory, with one collection of persons.

Its ETags are tokens for what changed since, its records' times whole milliseconds, its filter by
time is "later than", and pages lead on by links to a key that may be used once.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.answering import wait_for
from tests.ports import free_port

RECORDS = "/buckets/crm/collections/persons/records"
BATCH = 100
SETTINGS = """
[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = %(http_port)s
[app:main]
use = egg:kinto
kinto.storage_backend = kinto.core.storage.memory
kinto.permission_backend = kinto.core.permission.memory
kinto.bucket_create_principals = system.Everyone
kinto.batch_max_requests = 100
[loggers]
keys = root
[handlers]
keys =
[formatters]
keys =
[logger_root]
level = ERROR
handlers =
"""


def binary():
    """Return where Kinto is, None where it is not installed."""
    beside = Path(sys.executable).parent / "kinto"
    return str(beside) if beside.exists() else None


class Kinto:
    """Writes to the collection, and reads it whole."""

    def __init__(self, url):
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=60)

    def anew(self):
        """Empty the collection, its memory of deleted records too."""
        self.client.delete("/buckets/crm")
        everyone = {"permissions": {"write": ["system.Everyone"]}}
        self.client.put("/buckets/crm", json=everyone).raise_for_status()
        self.client.put("/buckets/crm/collections/persons", json={}).raise_for_status()

    def create(self, ids, name="new"):
        self._batch([("PUT", id_, {"data": {"name": name}}) for id_ in ids])

    def update(self, ids, name):
        self._batch([("PATCH", id_, {"data": {"name": name}}) for id_ in ids])

    def delete(self, ids):
        self._batch([("DELETE", id_, {}) for id_ in ids])

    def dump(self):
        """Return all records by id."""
        told = self.client.get(RECORDS).raise_for_status().json()["data"]
        return {one["id"]: one for one in told}

    def _batch(self, requests):
        told = [
            {"method": method, "path": f"/v1{RECORDS}/{id_}", "body": body}
            for method, id_, body in requests
        ]
        for start in range(0, len(told), BATCH):
            part = {"requests": told[start : start + BATCH]}
            answers = self.client.post("/batch", json=part).raise_for_status().json()["responses"]
            assert all(one["status"] < 400 for one in answers), answers


@contextmanager
def running(folder):
    """Run Kinto, its settings in *folder*."""
    settings, port = folder / "kinto.ini", free_port()
    settings.write_text(SETTINGS, encoding="utf-8")
    command = [binary(), "start", "--ini", str(settings), "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        made = Kinto(f"http://127.0.0.1:{port}/v1")
        wait_for(f"{made.url}/__heartbeat__", process, "Kinto")
        yield made
        made.client.close()
    finally:
        process.terminate()
        process.wait(20)
