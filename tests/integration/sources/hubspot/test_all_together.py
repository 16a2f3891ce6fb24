"""Lists, associated records and deletions of one type of object, together."""

from dataclasses import replace

from tests.polls import CONTACTS, an_old, settings
from webhookd.definitions import HubspotAssociated, HubspotList

READ = replace(
    CONTACTS,
    deletions=True,
    lists=(HubspotList("vip", "1"),),
    associated=(HubspotAssociated("companies", "companies", ("name",)),),
)


def carried(properties):
    return {name: value for name, value in properties.items() if "." in name}


def test_a_record_that_joins_a_list_is_told_with_what_it_carries_and_nothing_is_asked_for(poll):
    async def scenario(polls):
        one, other = an_old(polls, 2)
        acme = polls.account.create("companies", {"name": "Acme"})
        globex = polls.account.create("companies", {"name": "Globex"})
        for contact in (one, other):
            polls.fake.associations.associate("contacts", contact, "companies", acme)
        segment = polls.fake.lists.create()
        await polls.poll(times=2)
        polls.fake.requests.clear()
        polls.fake.lists.add(segment, one)
        await polls.poll(times=2)
        joined, requests = polls.news(), polls.fake.requests["associations", 200]
        polls.fake.associations.dissociate("contacts", other, "companies")
        polls.fake.associations.associate("contacts", other, "companies", globex)
        polls.fake.lists.add(segment, other)
        polls.account.change("contacts", other, {"email": "b@x"})
        await polls.poll(times=3)
        both = polls.news()
        polls.account.merge("contacts", one, other)
        await polls.poll(times=3)
        return joined, requests, both, polls.news(), (one, other, acme, globex)

    joined, requests, both, merged, (one, other, acme, globex) = poll(scenario, settings(READ))

    ((id_, kind, properties),) = joined
    assert (id_, kind) == (one, "updated")
    assert carried(properties) == {
        "lists.vip": True,
        "companies.id": acme,
        "companies.name": "Acme",
    }
    assert requests == 0
    assert [(id_, carried(properties)) for id_, _, properties in both] == [
        (other, {"lists.vip": True, "companies.id": globex, "companies.name": "Globex"})
    ]
    assert [(id_, kind) for id_, kind, _ in merged] == [(other, "deleted")]
    assert carried(merged[0][2]) == carried(both[0][2])


def test_nothing_is_told_while_associations_cannot_be_read_and_a_list_is_joined(poll):
    async def scenario(polls):
        one, other = an_old(polls, 2)
        acme = polls.account.create("companies", {"name": "Acme"})
        polls.fake.associations.associate("contacts", other, "companies", acme)
        segment = polls.fake.lists.create()
        await polls.poll(times=2)
        polls.fake.associations.forbidden.add(("contacts", "companies"))
        polls.account.change("contacts", other, {"email": "b@x"})
        polls.fake.lists.add(segment, one, other)
        await polls.poll(times=2)
        during = polls.news()
        polls.fake.associations.forbidden.clear()
        polls.time.seconds += 3700
        await polls.poll(times=4)
        return during, {id_: carried(properties) for id_, _, properties in polls.news()}, one, other

    during, after, one, other = poll(scenario, settings(READ))

    assert during == []
    assert after == {
        one: {"lists.vip": True},
        other: {
            "lists.vip": True,
            "companies.id": after[other]["companies.id"],
            "companies.name": "Acme",
        },
    }
