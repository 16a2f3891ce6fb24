"""What each preset tells of properties: types, labels and options, where its CRM says them."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from tests.fake_crms.pipedrive import SIZE
from tests.fake_crms.zoho import Zoho
from tests.integration.sources.rest.test_presets import CASES, ENVIRONMENT, of
from tests.making import LOOPBACK
from tests.virtual_time import VirtualTime
from webhookd.authentication.keyring import Keyring
from webhookd.authentication.known_secrets import KnownSecrets
from webhookd.config import loading
from webhookd.rules.redaction import Redactor
from webhookd.sources.described import DescribedProperty
from webhookd.sources.rest import first_records, trial


@pytest.fixture
def asked(tmp_path):
    """Return what asks a CRM for the object of a case, *read* as a file defines it, by *ask*."""

    def made(case, crm, ask, *, read=None):
        path = tmp_path / "config.yaml"
        path.write_text(
            "version: 1\n"
            f"sources: {{crm: {{type: rest, extends: {case.preset}, {case.source},"
            f" objects: {{{case.object}: {read or case.read}}}}}}}\n"
        )
        settings = loading.load(path, environment=ENVIRONMENT).definitions.sources["crm"]
        secrets = KnownSecrets()
        secrets.adopt(Redactor(()))

        async def answered():
            crm.time = time = VirtualTime()
            crm.create(3, every=7.0)
            keyring = Keyring(crm, lambda: LOOPBACK, secrets, None, clock=time.clock)
            return await ask(
                settings,
                case.object,
                transport=crm,
                egress=LOOPBACK,
                clock=time.clock,
                credentials_of=keyring.of,
            )

        return asyncio.run(answered())

    return made


@pytest.fixture
def described(asked):
    """Return what gives what a CRM says of the object of a case."""

    def ask(case, crm=None, *, read=None):
        crm = case.crm() if crm is None else crm
        return asked(case, crm, first_records.describe, read=read)

    return ask


TOLD = {
    "pipedrive-v2": {
        "name": ("varchar", "Name", ()),
        SIZE: ("enum", "Size", ("12", "13")),
    },
    "zoho-v8": {
        "Email": ("email", "Email", ()),
        "Lead_Status": ("picklist", "Lead Status", ("Not Contacted", "Contacted")),
        "Stage": ("picklist", "Stage", ("Qualification", "Closed Won")),
    },
    "salesforce": {
        "Id": ("id", "Id", ()),
        "SystemModstamp": ("datetime", "SystemModstamp", ()),
    },
    "attio-v2": {"name": ("personal-name", "Name", ())},
    "directus": {
        "id": ("integer", "", ()),
        "stage": ("string", "", ("lead", "won")),
    },
    "dataverse-9.2": {
        "name": ("String", "Name", ()),
        "modifiedon": ("DateTime", "Modifiedon", ()),
    },
}
"""Of each preset, some of what is told of its objects: the type, the label, the options."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_object_of_every_preset_tells_types_labels_and_options(case, described):
    crm = case.crm()
    found = described(case, crm)

    assert found.untold == ""
    assert len(found.records) == 3
    assert {
        name: (one.type, one.label, one.options)
        for name, one in found.properties.items()
        if name in TOLD[case.preset]
    } == TOLD[case.preset]
    assert crm.refused == []


def test_salesforce_tells_the_values_of_a_picklist(described):
    found = described(of("salesforce", "Opportunity")).properties

    assert found["StageName"] == DescribedProperty(
        "StageName",
        "picklist",
        "Stage",
        ("Prospecting", "Negotiation/Review", "Closed Won", "Closed Lost"),
    )
    assert (found["Amount"].type, found["CloseDate"].type) == ("currency", "date")


def test_a_property_that_an_expression_finds_is_described_as_what_it_looks_at(described):
    read = (
        "{properties: {mail: Email, state: Lead_Status, owner: Owner.name,"
        " both: '[First_Name, Last_Name]'}}"
    )
    found = described(of("zoho-v8", "Leads"), read=read).properties

    assert {name: (one.type, one.options) for name, one in found.items()} == {
        "mail": ("email", ()),
        "state": ("picklist", ("Not Contacted", "Contacted")),
        "owner": ("ownerlookup", ()),
        "both": ("", ()),
    }


def test_whoever_may_not_read_what_there_is_sees_records_and_why(described):
    crm = Zoho()
    crm.may_read_fields = False
    found = described(of("zoho-v8", "Leads"), crm)

    assert (len(found.records), found.properties) == (3, {})
    assert "invalid oauth scope" in found.untold


@pytest.mark.parametrize(
    ("describe", "why"),
    [
        ("{properties: data}", "objects.Leads.describe.properties: this is no list"),
        (
            "{name: 'length(data_type)', label: 'length(length)'}",
            "objects.Leads.describe.properties: an expression breaks: ",
        ),
        ("{path: settings/nothing}", "404"),
    ],
)
def test_a_description_that_is_something_else_says_so(described, describe, why):
    found = described(of("zoho-v8", "Leads"), read=f"{{describe: {describe}}}")

    assert found.properties == {}
    assert why in found.untold


def test_null_takes_the_description_away(described):
    crm = Zoho()
    found = described(of("zoho-v8", "Leads"), crm, read="{describe: null}")

    assert (found.properties, found.untold, len(found.records)) == ({}, "", 3)
    assert not any(one.path.endswith("settings/fields") for one in crm.asked)


@pytest.mark.parametrize(
    ("may_read_fields", "says"),
    [
        (True, "  ok     describe: 20 properties, 2 with options"),
        (False, "  open   describe: the API answered 401: invalid oauth scope to access this URL"),
    ],
)
def test_trying_a_source_asks_for_its_properties_as_well(asked, may_read_fields, says):
    crm = Zoho()
    crm.may_read_fields = may_read_fields
    said = []
    tried = asked(of("zoho-v8", "Leads"), crm, partial(trial.attempt, say=said.append))

    assert (said[-1], tried) == (says, "held")
