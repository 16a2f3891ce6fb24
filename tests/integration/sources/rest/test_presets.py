"""Each preset reads its CRM: what exists in silence, then exactly what happens."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.fake_crms.crm import TOKEN
from tests.fake_crms.pipedrive import Pipedrive
from tests.integration.sources.rest.conftest import kinds
from tests.making import LOOPBACK
from tests.source_harness import SourceDaemon
from webhookd.authentication.keyring import Keyring
from webhookd.authentication.known_secrets import KnownSecrets
from webhookd.config import loading
from webhookd.config.presets import catalogue
from webhookd.rules.redaction import Redactor
from webhookd.sources.rest import rest_factory
from webhookd.telemetry import logs

RECORDS = 1200


@dataclass(frozen=True)
class Case:
    """A preset and its object, what the user adds to it, and the CRM that it reads."""

    preset: str
    object: str
    crm: Any
    source: str
    read: str = "{}"

    @property
    def name(self):
        return f"{self.preset}-{self.object}"


PIPEDRIVE = "authentication: {key: {env: CRM_TOKEN}}"
CASES = [
    Case("pipedrive-v2", "persons", Pipedrive, PIPEDRIVE),
    Case("pipedrive-v2", "organizations", lambda **_: Pipedrive("organizations"), PIPEDRIVE),
    Case("pipedrive-v2", "deals", lambda **_: Pipedrive("deals"), PIPEDRIVE),
]


@pytest.fixture
def settings(tmp_path):
    """Return what gives the source of a case, as a file with `extends` defines it."""

    def make(case):
        path = tmp_path / "config.yaml"
        path.write_text(
            "version: 1\n"
            f"sources: {{crm: {{type: rest, extends: {case.preset}, {case.source},"
            f" objects: {{{case.object}: {case.read}}}}}}}\n"
        )
        loaded = loading.load(path, environment={"CRM_TOKEN": TOKEN})
        return loaded.definitions.sources["crm"]

    return make


class Story:
    """A daemon that reads a CRM, in a time that both have."""

    def __init__(self, daemon, crm):
        self.daemon = daemon
        self.crm = crm
        crm.time = daemon.time
        self._told = 0

    async def poll(self, times=2):
        """Poll, hours apart, so that each pass over the list is due; return what is new, by kind.

        The daemon's first poll begins some time after what was written last.
        """
        self.daemon.time.seconds += 600
        await self.daemon.poll(times=times, every=3601)
        changes = await self.daemon.changes()
        new, self._told = changes[self._told :], len(changes)
        return kinds(new)

    async def known(self):
        """Return the properties of each known record that is there."""
        query = "SELECT record_id, properties FROM known_records WHERE deleted = 0"
        rows = await self.daemon.writer.read(lambda one: one.execute(query).fetchall())
        return {
            id_: {name: json.loads(value) for name, value in json.loads(bytes(text)).items()}
            for id_, text in rows
        }


def tell(source, crm, tmp_path, story):
    """Run *story* with a daemon that reads *crm* as *source* says."""
    secrets = KnownSecrets()
    secrets.adopt(Redactor(()))

    def build(settings, dependencies):
        keyring = Keyring(crm, lambda: LOOPBACK, secrets, None, clock=dependencies.clock)
        return rest_factory.make(settings, replace(dependencies, credentials_of=keyring.of))

    async def run():
        url = f"sqlite:///{tmp_path / 'webhookd.db'}"
        async with SourceDaemon(url, source, build, transport=crm) as daemon:
            await story(Story(daemon, crm))

    logs.configure("console", "WARNING")
    asyncio.run(run())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_exists_is_read_in_silence_and_what_happens_then_is_told_once(
    case, settings, tmp_path
):
    async def story(told):
        crm = told.crm
        ids = crm.create(RECORDS, every=7.0)
        assert await told.poll() == {}
        assert (await told.known()).keys() == set(ids)

        made = crm.create(3, every=1.0)
        crm.update(*ids[100:1150:70], name="moved")
        crm.delete(ids[0], ids[500], ids[-1])
        found = {kind: sorted(ids) for kind, ids in (await told.poll()).items()}
        assert found == {
            "created": sorted(made),
            "updated": sorted(ids[100:1150:70]),
            "deleted": sorted([ids[0], ids[500], ids[-1]]),
        }
        assert (await told.known()).keys() == set(crm.records)
        assert await told.poll() == {}
        assert [one for one in crm.refused if one[2] != 404] == []

    tell(settings(case), case.crm(), tmp_path, story)


def test_every_object_of_every_preset_has_its_story():
    told = {(case.preset, case.object) for case in CASES}

    assert {
        (name, read) for name in catalogue.names() for read in catalogue.find(name).objects
    } <= told
