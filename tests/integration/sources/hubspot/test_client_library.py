"""What a source carries, beside what HubSpot's own client library reads from the same account."""

import json
from dataclasses import replace

import hubspot
from hubspot.crm.associations.v4 import (
    BatchInputPublicFetchAssociationsBatchRequest,
    PublicFetchAssociationsBatchRequest,
)
from hubspot.crm.contacts import BatchReadInputSimplePublicObjectId, SimplePublicObjectId

from tests.fake_hubspot import Account, FakeHubspot
from tests.polls import CONTACTS, TYPES, an_old, settings
from webhookd.definitions import HubspotAssociated, HubspotOwner

READ = replace(
    CONTACTS,
    deletions=True,
    associated=(
        HubspotAssociated("every", "companies", ("name",), take="all"),
        HubspotAssociated("main", "companies", ("name",), label="primary"),
    ),
    owners=(HubspotOwner("owner", "stage", ("email",)),),
)


def of(api, url):
    """Return *api* of the library, asking the fake."""
    api.api_client.configuration.host = url
    return api


def library(url, ids):
    """Return what the library reads: associations and owners' emails."""
    crm = hubspot.HubSpot(access_token="pat-token").crm
    inputs = [PublicFetchAssociationsBatchRequest(id=id_) for id_ in ids]
    answer = of(crm.associations.v4.batch_api, url).get_page(
        "contacts", "companies", BatchInputPublicFetchAssociationsBatchRequest(inputs=inputs)
    )
    links = {
        one._from.id: {
            to.to_object_id: {kind.label for kind in to.association_types} for to in one.to
        }
        for one in answer.results
    }
    owners = of(crm.owners.owners_api, url).get_page(limit=100, archived=False)
    return links, {one.id: one.email for one in owners.results}


def became(url, id_):
    """Return the id that the library gets for *id_*."""
    crm = hubspot.HubSpot(access_token="pat-token").crm
    wanted = BatchReadInputSimplePublicObjectId(
        inputs=[SimplePublicObjectId(id=id_)], properties=["email"], properties_with_history=[]
    )
    return of(crm.contacts.batch_api, url).read(wanted).results[0].id


def test_both_read_the_same(poll):
    fake = FakeHubspot(Account(TYPES))

    async def scenario(polls):
        owner = fake.owners.create("ada@x")
        people = an_old(polls, 12, stage=owner)
        firms = [polls.account.create("companies", {"name": f"F{at}"}) for at in range(5)]
        for at, contact in enumerate(people[:9]):
            for company in firms[: at % 4]:
                fake.associations.associate("contacts", contact, "companies", company)
            fake.associations.associate("contacts", contact, "companies", firms[4], 1)
        await polls.poll(times=2)
        left = polls.account.merge("contacts", people[0], people[11], into_new=True)
        await polls.poll(times=2)
        rows = await polls.query("SELECT record_id, properties, deleted FROM known_records")
        merged = [(one["objectId"], one["mergedInto"]) for one in polls.told if "mergedInto" in one]
        return rows, merged, left, (people[0], people[11])

    rows, merged, left, ended = poll(scenario, settings(READ), fake=fake)

    known = {id_: json.loads(properties) for id_, properties, deleted in rows if not deleted}
    with fake.serving() as url:
        links, emails = library(url, sorted(known))
        assert [(id_, became(url, id_)) for id_ in sorted(ended)] == sorted(merged)
    assert merged == [(id_, left) for id_ in sorted(ended)]
    for id_, properties in known.items():
        own = links.get(id_, {})
        assert sorted(json.loads(properties.get("every.id", "[]"))) == sorted(own)
        main = [other for other, labels in own.items() if "Primary" in labels]
        assert properties.get("main.id") == (json.dumps(main[0]) if main else None)
        assert json.loads(properties["owner.email"]) == emails[json.loads(properties["stage"])]
