"""Presets of what can be run here, against the real thing: what happens is told once."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime

import pytest

from tests import directus, pocketbase
from tests.integration.sources.rest.conftest import kinds
from tests.source_harness import SourceDaemon
from tests.virtual_time import EPOCH
from webhookd.config import loading
from webhookd.sources.rest import rest_factory
from webhookd.transport import Transport

HEAD = """\
version: 1
egress: {allow: [127.0.0.1/32]}
sources:
  crm:
    type: rest
"""


@pytest.mark.skipif(pocketbase.binary() is None, reason="PocketBase is not installed")
def test_pocketbase(tmp_path):
    with pocketbase.running(tmp_path) as base:
        _what_happens_is_told_once(tmp_path, base, "pocketbase", f"{base.url}/api/")


@pytest.mark.skipif(
    directus.folder() is None,
    reason="Directus is not installed: make sources installs and names it (WEBHOOKD_TEST_DIRECTUS)",
)
def test_directus(tmp_path):
    with directus.running(tmp_path) as base:
        _what_happens_is_told_once(tmp_path, base, "directus", f"{base.url}/")


def _what_happens_is_told_once(folder, base, preset, url):
    text = (
        f"{HEAD}    extends: {preset}\n    base_url: {url}\n"
        "    authentication: {token: {env: CRM_TOKEN}}\n    objects: {persons: {}}\n"
    )
    ids = base.create(1200)
    time.sleep(1.1)
    told = Told(folder, text, base.token)
    assert told.poll() == {}

    made = base.create(3)
    base.update(ids[100:1150:70], "moved")
    base.delete([ids[0], ids[500], ids[-1]])
    time.sleep(1.1)
    assert told.poll() == {
        "created": sorted(made),
        "updated": sorted(ids[100:1150:70]),
        "deleted": sorted([ids[0], ids[500], ids[-1]]),
    }
    assert told.poll() == {}


class Told:
    """Polls a server as a configuration says; each time by a new daemon, an hour later."""

    def __init__(self, folder, text, token):
        path = folder / "config.yaml"
        path.write_text(text)
        loaded = loading.load(path, environment={"CRM_TOKEN": token})
        self._source = loaded.definitions.sources["crm"]
        self._url = f"sqlite:///{folder / 'webhookd.db'}"
        self._count = 0

    def poll(self):
        """Return what is new, by kind: the ids in order."""
        changes = asyncio.run(self._polled())
        new, self._count = changes[self._count :], len(changes)
        return {kind: sorted(ids) for kind, ids in kinds(new).items()}

    async def _polled(self):
        transport = Transport(None)
        try:
            async with SourceDaemon(
                self._url, self._source, rest_factory.make, transport=transport
            ) as daemon:
                # The daemon's clock and the server's agree, but for the hour until the next pass.
                daemon.time.seconds = (datetime.now(UTC) - EPOCH).total_seconds()
                await daemon.poll(every=3601)
                await daemon.poll()
                return await daemon.changes()
        finally:
            await transport.aclose()
