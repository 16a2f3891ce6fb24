"""A real Directus on loopback (npm: directus), on a PostgreSQL database, with one collection.

`WEBHOOKD_TEST_DIRECTUS` names the folder that `tests/install_directus.sh` filled: some minutes'
work, which `make sources` does once. It runs on the Node of that folder.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests import postgresql
from tests.answering import wait_for
from tests.ports import free_port

TOKEN = "canary-token-of-directus"
PERSONS = {
    "collection": "persons",
    "schema": {},
    "meta": {},
    "fields": [
        {
            "field": "id",
            "type": "integer",
            "schema": {"is_primary_key": True, "has_auto_increment": True},
        },
        {"field": "name", "type": "string", "schema": {}},
        {
            "field": "date_created",
            "type": "timestamp",
            "schema": {},
            "meta": {"special": ["date-created"]},
        },
        {
            "field": "date_updated",
            "type": "timestamp",
            "schema": {},
            "meta": {"special": ["date-updated"]},
        },
    ],
}
_ITEMS = "/items/persons"


def folder():
    """Return where Directus is installed, None where it is not."""
    told = os.environ.get("WEBHOOKD_TEST_DIRECTUS")
    return Path(told).absolute() if told else None


class Directus:
    """Writes to the collection."""

    def __init__(self, url):
        self.url, self.token = url, TOKEN
        bearer = {"authorization": f"Bearer {TOKEN}"}
        self.client = httpx.Client(base_url=url, headers=bearer, timeout=60)

    def create(self, count):
        """Create *count* records, and return their ids."""
        rows = [{"name": f"name {number}"} for number in range(count)]
        made = []
        for start in range(0, count, 100):
            answer = self.client.post(_ITEMS, json=rows[start : start + 100]).raise_for_status()
            made += [str(one["id"]) for one in answer.json()["data"]]
        return made

    def update(self, ids, name):
        """Give the records of *ids* this name."""
        told = {"keys": ids, "data": {"name": name}}
        self.client.patch(_ITEMS, json=told).raise_for_status()

    def delete(self, ids):
        """Delete the records of *ids*."""
        self.client.request("DELETE", _ITEMS, json=ids).raise_for_status()


@contextmanager
def running(place):
    """Run Directus with its files in the folder *place*; yield the collection."""
    port, server = free_port(), postgresql.server()
    (place / "uploads").mkdir()
    environment = {
        "PATH": f"{folder() / 'node' / 'bin'}:{os.environ['PATH']}",
        "HOME": str(place),
        "DB_CLIENT": "pg",
        "DB_HOST": "127.0.0.1",
        "DB_PORT": str(server.port),
        "DB_USER": "postgres",
        "DB_PASSWORD": postgresql.PASSWORD,
        "DB_DATABASE": server.empty(),
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "SECRET": "canary-secret-of-directus-of-32-letters",
        "ADMIN_EMAIL": "admin@example.org",
        "ADMIN_PASSWORD": "canary-password",
        "ADMIN_TOKEN": TOKEN,
        "STORAGE_LOCAL_ROOT": str(place / "uploads"),
        "SERVE_APP": "false",
        "TELEMETRY": "false",
        "LOG_LEVEL": "error",
    }
    # Its command would ask a registry for a newer version first.
    script = folder() / "node_modules" / "@directus" / "api" / "dist" / "cli" / "run.js"
    command = ["node", str(script)]
    options = {"cwd": place, "env": environment, "stdout": subprocess.DEVNULL}
    subprocess.run([*command, "bootstrap"], check=True, timeout=300, **options)
    process = subprocess.Popen([*command, "start"], **options)
    try:
        made = Directus(f"http://127.0.0.1:{port}")
        wait_for(f"{made.url}/server/ping", process, "Directus")
        made.client.post("/collections", json=PERSONS).raise_for_status()
        yield made
        made.client.close()
    finally:
        process.terminate()
        process.wait(30)
