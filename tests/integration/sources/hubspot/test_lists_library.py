"""Members as the source has them, beside what HubSpot's own client library reads of the lists."""

import asyncio

import hubspot

from tests.fake_hubspot import Account, FakeHubspot
from tests.polls import TYPES, an_old, settings
from webhookd.definitions import HubspotList, HubspotObject

VIP, LEADS = HubspotList("vip", "1"), HubspotList("leads", "2")
READ = HubspotObject("contacts", ("email", "stage"), lists=(VIP, LEADS))


def library(url):
    """Return what the library reads of both lists: itself, members by id, and as they joined."""
    lists = hubspot.HubSpot(access_token="pat-token").crm.lists
    about, memberships = _of(lists.lists_api, url), _of(lists.memberships_api, url)
    return {
        one.name: (
            about.get_by_id(one.id).list,
            _all(memberships.get_page, one.id),
            _all(memberships.get_page_ordered_by_added_to_list_date, one.id),
        )
        for one in (VIP, LEADS)
    }


def _of(api, url):
    """Return *api* of the library, asking the fake."""
    api.api_client.configuration.host = url
    return api


def _all(get_page, list_id):
    found, after = [], None
    while True:
        page = get_page(list_id, limit=7, **({} if after is None else {"after": after}))
        found += page.results
        if page.paging is None:
            return found
        after = page.paging.next.after


def test_both_read_the_same_members(poll):
    account = Account(TYPES)
    fake = FakeHubspot(account, burst=None)

    async def scenario(polls):
        ids = an_old(polls, 60)
        for id_ in ids[::3]:
            account.change("contacts", id_, {"stage": "customer"})
        segment = fake.lists.create("contacts", *ids[:40])
        fake.lists.create("contacts", matches=lambda of: of.get("stage") == "lead")
        await polls.poll()
        fake.lists.remove(segment, *ids[:10])
        fake.lists.add(segment, *ids[50:])
        polls.time.seconds += 3600
        await polls.poll(times=3)
        rows = await polls.query("SELECT list, record_id FROM list_members")
        with fake.serving() as url:
            read = await asyncio.to_thread(library, url)
        return {name: {id_ for of, id_ in rows if of == name} for name in ("vip", "leads")}, read

    table, read = poll(scenario, settings(READ), fake=fake)

    for name, (itself, members, joined) in read.items():
        assert (itself.object_type_id, itself.processing_status) == ("0-1", "COMPLETE")
        assert {one.record_id for one in members} == table[name]
        assert [one.record_id for one in members] == sorted(table[name], key=int)
        times = [one.membership_timestamp for one in joined]
        assert {one.record_id for one in joined} == table[name]
        assert times == sorted(times)
