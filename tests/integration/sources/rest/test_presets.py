"""Each preset reads its CRM: what exists in silence, then exactly what happens."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from tests.fake_crms.attio import Attio
from tests.fake_crms.crm import TOKEN
from tests.fake_crms.dataverse import Dataverse
from tests.fake_crms.directus import Directus
from tests.fake_crms.pipedrive import Pipedrive
from tests.fake_crms.salesforce import Salesforce
from tests.fake_crms.zoho import Zoho
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
"""Of the first object of each preset; the others of it are read alike."""

FEWER = 240


@dataclass(frozen=True)
class Case:
    """A preset and its object, what the user adds to it, and the CRM that it reads."""

    preset: str
    object: str
    crm: Any
    source: str
    read: str = "{}"
    records: int = FEWER

    @property
    def name(self):
        return f"{self.preset}-{self.object}"


TABLES = ("contacts", "leads", "opportunities")
MODULES = ("Contacts", "Accounts", "Deals")
ORDERS = partial(Salesforce, "Order__c")
SOBJECTS = ("Account", "Lead", "Opportunity")
PIPEDRIVE = "authentication: {key: {env: CRM_TOKEN}}"
ZOHO = (
    "authentication: {client_id: {env: CLIENT_ID}, client_secret: {env: CLIENT_SECRET},"
    " refresh_token: {env: REFRESH_TOKEN}}"
)
SALESFORCE = (
    "base_url: https://acme.my.salesforce.com/services/data/v62.0/,"
    " authentication: {token_url: https://acme.my.salesforce.com/services/oauth2/token,"
    " client_id: {env: CLIENT_ID}, client_secret: {env: CLIENT_SECRET}}"
)
ATTIO = "authentication: {token: {env: CRM_TOKEN}}"
DIRECTUS = f"base_url: https://crm.example.com/, {ATTIO}"
DATAVERSE = (
    "base_url: https://acme.crm.dynamics.com/api/data/v9.2/,"
    " authentication: {scope: https://acme.crm.dynamics.com/.default,"
    " token_url: https://login.microsoftonline.com/contoso/oauth2/v2.0/token,"
    " client_id: {env: CLIENT_ID}, client_secret: {env: CLIENT_SECRET}}"
)
ORDER = "{path: new_orders, id: new_orderid, properties: [name]}"
ENVIRONMENT = {
    "CRM_TOKEN": TOKEN,
    "CLIENT_ID": "a-client-id",
    "CLIENT_SECRET": "a-client-secret",
    "REFRESH_TOKEN": "a-refresh-token",
}
CASES = [
    Case("pipedrive-v2", "persons", Pipedrive, PIPEDRIVE, records=RECORDS),
    Case("pipedrive-v2", "organizations", partial(Pipedrive, "organizations"), PIPEDRIVE),
    Case("pipedrive-v2", "deals", partial(Pipedrive, "deals"), PIPEDRIVE),
    Case("zoho-v8", "Leads", Zoho, ZOHO, records=RECORDS),
    *(Case("zoho-v8", one, partial(Zoho, one), ZOHO) for one in MODULES),
    Case("zoho-v8", "Projects", partial(Zoho, "Projects"), ZOHO, "{properties: [Name]}"),
    Case("salesforce", "Contact", Salesforce, SALESFORCE, records=RECORDS),
    *(Case("salesforce", one, partial(Salesforce, one), SALESFORCE) for one in SOBJECTS),
    Case("salesforce", "Order__c", ORDERS, SALESFORCE, "{properties: [Name, CreatedDate]}"),
    Case("attio-v2", "people", Attio, ATTIO, records=RECORDS),
    Case("attio-v2", "companies", partial(Attio, "companies"), ATTIO),
    Case("attio-v2", "deals", partial(Attio, "deals"), ATTIO),
    Case("directus", "contacts", Directus, DIRECTUS, records=RECORDS),
    Case("dataverse-9.2", "accounts", Dataverse, DATAVERSE, records=RECORDS),
    *(Case("dataverse-9.2", one, partial(Dataverse, one), DATAVERSE) for one in TABLES),
    Case("dataverse-9.2", "new_orders", partial(Dataverse, "new_orders"), DATAVERSE, ORDER),
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
        loaded = loading.load(path, environment=ENVIRONMENT)
        return loaded.definitions.sources["crm"]

    return make


class Story:
    """A daemon that reads a CRM, in a time that both have."""

    def __init__(self, daemon, crm):
        self.daemon = daemon
        self.crm = crm
        crm.time = daemon.time
        self._told = 0

    async def poll(self):
        """Poll so much later that each pass over a list is due; return what is new, by kind."""
        self.daemon.time.seconds += 3601
        await self.daemon.poll()
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
        ids = crm.create(case.records, every=7.0)
        assert await told.poll() == {}
        assert (await told.known()).keys() == set(ids)

        made = crm.create(3, every=1.0)
        crm.update(*ids[20:170:10], name="moved")
        crm.delete(ids[0], ids[5], ids[-1])
        found = {kind: sorted(ids) for kind, ids in (await told.poll()).items()}
        assert found == {
            "created": sorted(made),
            "updated": sorted(ids[20:170:10]),
            "deleted": sorted([ids[0], ids[5], ids[-1]]),
        }
        assert (await told.known()).keys() == set(crm.records)
        assert await told.poll() == {}
        assert crm.refused == []

    tell(settings(case), case.crm(), tmp_path, story)


def test_every_object_of_every_preset_has_its_story():
    told = {(case.preset, case.object) for case in CASES} | {("pocketbase", "users")}

    assert {
        (name, read) for name in catalogue.names() for read in catalogue.find(name).objects
    } <= told


def of(preset, object_):
    return next(case for case in CASES if (case.preset, case.object) == (preset, object_))


def test_salesforce_is_left_alone_when_its_requests_are_used_up(settings, tmp_path, logged):
    async def story(told):
        told.crm.create(20, every=7.0)
        told.crm.is_used_up = True
        await told.poll()
        await told.daemon.poll(times=29, every=30)
        assert [one.path.rpartition("/")[2] for one in told.crm.asked] == ["token", "queryAll"]
        told.crm.is_used_up = False
        await told.poll()
        assert len(await told.known()) == 20

    tell(settings(of("salesforce", "Contact")), Salesforce(), tmp_path, story)


def test_salesforce_gets_one_new_token_when_the_session_is_over(settings, tmp_path):
    async def story(told):
        told.crm.create(20, every=7.0)
        await told.poll()
        told.crm.tokens += 1
        made = told.crm.create(2)

        assert await told.poll() == {"created": made}
        assert told.crm.tokens == 3

    tell(settings(of("salesforce", "Contact")), Salesforce(), tmp_path, story)


def test_salesforce_goes_on_when_the_result_that_it_kept_is_gone(settings, tmp_path, logged):
    async def story(told):
        ids = told.crm.create(60, every=7.0)
        told.crm.lose_after = 2
        await told.poll()
        assert len(await told.known()) < 60
        assert await told.poll() == {}
        assert (await told.known()).keys() == set(ids)

    tell(settings(of("salesforce", "Contact")), Salesforce(batch=20), tmp_path, story)


def test_zoho_gives_more_than_2000_records_that_were_imported_in_one_second(settings, tmp_path):
    async def story(told):
        ids = told.crm.create(2300)
        assert await told.poll() == {}
        assert (await told.known()).keys() == set(ids)
        told.daemon.time.seconds += 60
        told.crm.update(ids[7], name="moved")
        assert await told.poll() == {"updated": [ids[7]]}
        assert told.crm.refused == []

    tell(settings(of("zoho-v8", "Leads")), Zoho(), tmp_path, story)


def test_zoho_pages_through_many_deleted_records(settings, tmp_path):
    async def story(told):
        ids = told.crm.create(700, every=1.0)
        await told.poll()
        told.crm.delete(*ids[:450])
        assert {kind: len(ids) for kind, ids in (await told.poll()).items()} == {"deleted": 450}

    tell(settings(of("zoho-v8", "Leads")), Zoho(), tmp_path, story)


def test_dataverse_whose_link_has_ended_is_read_whole_and_what_happened_meanwhile_is_told(
    settings, tmp_path, logged
):
    async def story(told):
        crm = told.crm
        ids = crm.create(60, every=7.0)
        await told.poll()
        told.daemon.time.seconds += 60
        crm.update(*ids[3:5], name="moved")
        crm.delete(*ids[7:10])
        crm.expire()
        found = {}
        for _ in range(4):
            for kind, new in (await told.poll()).items():
                found.setdefault(kind, []).extend(new)
        assert found == {"updated": ids[3:5], "deleted": ids[7:10]}

    tell(settings(of("dataverse-9.2", "accounts")), Dataverse(), tmp_path, story)
