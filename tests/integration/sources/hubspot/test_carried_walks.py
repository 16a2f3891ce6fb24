"""Random walks: records, companies, owners and what joins them change, and requests fail anywhere.

Whatever happens, nothing is told with a hole, and when it is quiet what is known is what there is.
"""

import json
import random
from dataclasses import replace

import pytest

from tests.fake_hubspot import Account, FakeHubspot
from tests.fake_hubspot.endpoints import broken
from tests.polls import CONTACTS, TYPES, settings
from webhookd.definitions import HubspotAssociated, HubspotOwner

READ = replace(
    CONTACTS,
    deletions=True,
    associated=(
        HubspotAssociated("companies", "companies", ("name",)),
        HubspotAssociated("main", "companies", ("name",), label="primary"),
        HubspotAssociated("every", "companies", ("name",), take="all"),
    ),
    owners=(HubspotOwner("owner", "stage", ("email",)),),
)
STEPS = 120


class Walk:
    """One walk over an account; *chance* decides all of it."""

    def __init__(self, polls, chance):
        self.polls, self.chance = polls, chance
        self.account, self.links = polls.account, polls.fake.associations
        self.owners = [polls.fake.owners.create(f"{at}@x") for at in range(4)]
        self.firms = [self.account.create("companies", {"name": f"F{at}"}) for at in range(12)]
        self.people = [self.create() for _ in range(15)]
        self.merged = set()

    def create(self):
        owner = self.chance.choice(self.owners)
        return self.account.create("contacts", {"email": "a@x", "stage": owner})

    def there(self):
        return [one.id for one in self.account.live("contacts")]

    def step(self):
        """Change something."""
        steps = (self.change, self.change, self.join, self.join, self.part, self.end_company)
        self.chance.choice((*steps, self.end_contact, self.restore, self.add))()
        self.polls.time.seconds += 0.05

    def add(self):
        self.people.append(self.create())

    def change(self):
        now = {"email": f"{self.chance.randrange(99)}@x", "stage": self.chance.choice(self.owners)}
        self.account.change("contacts", self.chance.choice(self.there()), now)

    def join(self):
        id_, company = self.chance.choice(self.there()), self.chance.choice(self.firms)
        types = self.chance.choice([(), (1,)])
        self.links.associate("contacts", id_, "companies", company, *types)
        self.account.change("contacts", id_)

    def part(self):
        id_ = self.chance.choice(self.there())
        self.links.dissociate("contacts", id_, "companies")
        self.account.change("contacts", id_)

    def end_company(self):
        live = [one.id for one in self.account.live("companies")]
        if len(live) > 4:
            self.end("companies", *self.chance.sample(live, 2))

    def end_contact(self):
        there = self.there()
        if len(there) > 5:
            self.end("contacts", *self.chance.sample(there, 2))

    def end(self, object_, ended, left):
        if self.chance.random() < 0.5:
            self.account.archive(object_, ended)
        else:
            self.account.merge(object_, left, ended, into_new=self.chance.random() < 0.3)

    def restore(self):
        if archived := self.account.live("contacts", archived=True):
            self.account.restore("contacts", self.chance.choice(archived).id)

    def fault(self, kind, _object):
        """Change something within a poll, or let a request fail."""
        draw = self.chance.random()
        if draw < 0.15:
            self.step()
        if draw > 0.93:
            return broken(b'{"results": []}' if kind == "read" else b"{}", 500)
        return None

    def expected(self, id_):
        """Return what a record carries now."""
        live = {one.id: one for one in self.account.live("companies")}
        links = self.links.found("contacts", id_, "companies")
        order = sorted(links, key=lambda one: (1 not in links[one], int(one)))
        every = dict.fromkeys(self.account.after_merges("companies", one) for one in order)
        main = (self.account.after_merges("companies", one) for one in order if 1 in links[one])
        there = [one for one in every if one in live]
        found = {}
        for prefix, ids in (("companies", there), ("main", [one for one in main if one in live])):
            if ids:
                found |= {f"{prefix}.id": ids[0], f"{prefix}.name": name(live[ids[0]])}
        if there:
            found |= {"every.id": there, "every.name": [name(live[one]) for one in there]}
        owner = self.account.records["contacts"][id_].properties["stage"]
        email = self.polls.fake.owners.all[owner]["email"]
        return found | {"owner.id": owner, "owner.email": email}


def name(record):
    return record.properties["name"]


def carried(properties):
    return {name: value for name, value in properties.items() if "." in name}


def has_hole(properties):
    pairs = [(f"{prefix}.id", f"{prefix}.name") for prefix in ("companies", "main", "every")]
    pairs += [("owner.id", "owner.email"), ("every.id", "companies.id"), ("stage", "owner.id")]
    return any((one in properties) != (other in properties) for one, other in pairs)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_nothing_has_a_hole_and_in_the_end_all_is_as_it_is(poll, seed):
    async def scenario(polls):
        walk = Walk(polls, random.Random(seed))
        polls.fake.fault = walk.fault
        for _ in range(STEPS):
            walk.step()
            if walk.chance.random() < 0.5:
                await polls.poll(every=walk.chance.choice([1, 30, 300]))
        polls.fake.fault = lambda *_: None
        await polls.poll(times=4, every=600)
        for id_ in walk.there():
            polls.account.change("contacts", id_)
        await polls.poll(times=4, every=600)
        rows = await polls.query(
            "SELECT record_id, properties FROM known_records"
            " WHERE object = 'contacts' AND deleted = 0"
        )
        return walk, {id_: json.loads(text) for id_, text in rows}, list(polls.told)

    fake = FakeHubspot(Account(TYPES))
    walk, known, told = poll(scenario, settings(READ), fake=fake)

    assert known.keys() == set(walk.there())
    for id_, properties in known.items():
        found = {name: json.loads(value) for name, value in carried(properties).items()}
        assert found == walk.expected(id_), id_
    assert [body for body in told if has_hole(body["properties"])] == []
    ends = {}
    for body in told:
        kind = body["eventType"].partition(".")[2]
        assert (kind == "created") == (ends.get(body["objectId"], "deleted") == "deleted") or (
            kind == "updated" or body["objectId"] in walk.people
        )
        ends[body["objectId"]] = kind
    assert {id_ for id_, kind in ends.items() if kind != "deleted"} <= known.keys()
