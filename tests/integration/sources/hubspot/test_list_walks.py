"""Members come and go at random, while pages are read and the daemon ends anywhere: lists agree."""

import asyncio
import random
from itertools import pairwise

import pytest

from tests.fake_hubspot.limits import RefusedError
from tests.polls import polling, settings
from webhookd.definitions import HubspotList, HubspotObject
from webhookd.sources import kinds
from webhookd.storage.records.lists import listings

STATIC, DYNAMIC = HubspotList("vip", "1"), HubspotList("leads", "2")
OBJECT = HubspotObject("contacts", ("email", "stage"), deletions=True, lists=(STATIC, DYNAMIC))
HOUR = 3600
SEEDS = range(6)


class EndedError(RuntimeError):
    """What a batch meets when the daemon ends before it is committed, or just behind that."""


class Walk:
    """Changes of records and lists at random, and a reader that is broken off now and then."""

    def __init__(self, polls, seed, records):
        self.polls, self.chance = polls, random.Random(seed)
        self.account, self.lists = polls.account, polls.fake.lists
        self.ids = [self.account.create("contacts", self._properties()) for _ in range(records)]
        polls.time.seconds += 600
        self.lists.most_shown = self.chance.choice([3, 7, 40, 250])
        self.lists.counts_places = self.chance.random() < 0.5
        self.lists.tells_of_none = self.chance.random() < 0.5
        self.lists.create("contacts", *self.chance.sample(self.ids, records // 2))
        self.lists.create("contacts", matches=lambda of: of.get("stage") == "lead")
        self.ends, self.ended = 0.0, 0
        take = polls.intake.ingest

        async def ending(batch):
            if self.chance.random() < self.ends:
                self.ended += 1
                raise EndedError("it ends before the commit")
            count = await take(batch)
            if self.chance.random() < self.ends:
                self.ended += 1
                raise EndedError("it ends behind the commit")
            return count

        polls.intake.ingest = ending

    def _properties(self):
        stage = self.chance.choice(["lead", "customer"])
        return {"email": f"{self.chance.randrange(1000)}@x", "stage": stage}

    def step(self, *_):
        """Change something, anything; called between answers as well."""
        chance, one = self.chance, self.chance.choice(self.ids)
        live = self.account.records["contacts"][one].archived_at is None
        match chance.randrange(12):
            case 0:
                self.ids.append(self.account.create("contacts", self._properties()))
            case 1 if live and chance.random() < 0.3:
                self.account.archive("contacts", one)
            case 2 if not live:
                # What was left while it was archived is told with its next change, and to be
                # restored is one.
                self.account.restore("contacts", one)
                self.account.change("contacts", one)
            case 3 | 4 if live:
                self.account.change("contacts", one, self._properties())
            case 5 | 6 if live:
                self.lists.add("1", one)
            case 7 if live:
                self.lists.remove("1", one)
            case 8 if live and chance.random() < 0.3:
                self._merge(one)
            case _:
                pass

    def _merge(self, loser):
        records = self.account.records["contacts"]
        live = [id_ for id_ in self.ids if id_ != loser and records[id_].archived_at is None]
        into_new = self.chance.random() < 0.3
        survivor = self.chance.choice(live)
        left = self.account.merge("contacts", survivor, loser, into_new=into_new)
        ended = {loser, survivor} - {left}
        self.ids = [*(id_ for id_ in self.ids if id_ not in {*ended, left}), left]

    async def poll(self, times=1, every=30.0):
        """Poll; where the reader was broken off, another one begins."""
        for _ in range(times):
            ended = self.ended
            await self.polls.poll(every=every)
            if self.ended > ended:
                await self.polls.run_source()


def told_by_record(polls):
    found = {}
    for body in polls.told:
        found.setdefault(body["objectId"], []).append(body)
    return found


async def known(polls):
    rows = await polls.query(
        "SELECT record_id, properties FROM known_records WHERE deleted = 0 AND object = 'contacts'"
    )
    return {
        name: {id_ for id_, content in rows if f'"lists.{name}":"true"'.encode() in bytes(content)}
        for name in ("vip", "leads")
    }


async def table(polls):
    rows = await polls.query("SELECT list, record_id FROM list_members")
    return {name: {id_ for of, id_ in rows if of == name} for name in ("vip", "leads")}


@pytest.mark.parametrize("seed", SEEDS)
def test_after_any_walk_lists_are_as_hubspot_has_them_and_each_step_was_told_once(url, seed):
    async def scenario():
        async with polling(url, settings(OBJECT, start="beginning")) as polls:
            walk = Walk(polls, seed, records=120)
            polls.fake.between = walk.step
            for number in range(25):
                walk.ends = 0.02 if number % 3 else 0.0
                if walk.chance.random() < 0.2:
                    await polls.run_source()
                polls.fake.fault = _faults(walk.chance) if number % 4 == 1 else lambda *_: None
                for _ in range(6):
                    walk.step()
                await walk.poll(every=walk.chance.choice([30.0, 400.0, HOUR]))
            walk.ends, polls.fake.between = 0.0, lambda *_: None
            polls.fake.fault = lambda *_: None
            await polls.run_source()
            for _ in range(5):
                polls.time.seconds += HOUR
                await walk.poll(times=3)
            await _let_through(polls)
            fake = {"vip": walk.lists.members("1"), "leads": walk.lists.members("2")}
            polls.fake.bad.clear()
            # One that was merged into a record which was archived before anybody saw that stays
            # known: only absence tells of it.
            there = walk.account.records["contacts"].keys()
            has = {name: ids & there for name, ids in (await known(polls)).items()}
            told = {id_: all_ for id_, all_ in told_by_record(polls).items() if id_ in there}
            return fake, has, await table(polls), told

    fake, has, members, told = asyncio.run(scenario())

    assert has == fake
    assert members == fake
    for bodies in told.values():
        states = [(one["eventType"], one["properties"]) for one in bodies]
        assert all(
            before != after or "updated" not in after[0] for before, after in pairwise(states)
        )
        last = bodies[-1]
        if last["eventType"] != "contacts.deleted":
            for name in ("vip", "leads"):
                is_member = last["objectId"] in fake[name]
                assert (last["properties"].get(f"lists.{name}") is True) == is_member


async def _let_through(polls):
    """Let through what was set aside, if a walk ended with most of a list gone."""
    for name in ("vip", "leads"):
        place = f"contacts/lists/{name}"
        query = f"SELECT cursor FROM cursors WHERE object = '{place}'"  # noqa: S608 - ours
        ((cursor,),) = await polls.query(query)
        aside = kinds.set_aside(cursor)
        if aside is not None:
            await asyncio.to_thread(listings.accept, polls.database, "crm", place, aside.number)
    await polls.poll(times=3)


def _faults(chance):
    """Return what answers some requests about lists with an error."""

    def fault(kind, _object):
        of_lists = kind in {"segment", "members", "joined", "memberships"}
        if not of_lists or chance.random() < 0.8:
            return None
        status = chance.choice([400, 403, 404, 500])
        category = {"category": "SOME"} if chance.random() < 0.5 else {}
        return RefusedError(status, "not now", **category)

    return fault
