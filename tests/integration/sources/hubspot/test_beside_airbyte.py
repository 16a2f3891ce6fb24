"""The same account for this source and for Airbyte's source-hubspot: ids, values, ends.

Airbyte's reader hears of no end: what was archived, merged or erased is not in its next full read.
So what that lacks is what is to be told as deleted here. Only in `make sources`, which installs it
in an environment of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fake_hubspot import Account, FakeHubspot
from tests.polls import DELETIONS, TYPES, an_old, settings
from webhookd.definitions import HubspotAssociated, HubspotObject, HubspotOwner

AIRBYTE = Path(os.environ.get("WEBHOOKD_TEST_AIRBYTE", "/nonexistent")).absolute()
PROGRAM = Path(__file__).parents[3] / "airbyte_reads.py"
pytestmark = pytest.mark.skipif(not AIRBYTE.exists(), reason="Airbyte is for `make sources`")

CONTACTS = replace(
    DELETIONS,
    absence=timedelta(hours=1),
    associated=(HubspotAssociated("firms", "companies", ("name",), take="all"),),
    owners=(HubspotOwner("owner", "stage", ("email",)),),
)
DEALS = HubspotObject("deals", ("dealname",), deletions=True)
STREAMS = ("contacts", "deals_archived", "owners", "owners_archived")


async def read(url, folder, state, *streams):
    """Return what Airbyte's reader reads: records by stream and id, and the state."""
    program = [AIRBYTE, PROGRAM, url, json.dumps(state), *streams]
    done = await asyncio.to_thread(
        subprocess.run, program, cwd=folder, capture_output=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    records = {name: {one["id"]: one for one in those} for name, those in found["records"].items()}
    return records, found["state"]


def ended(fake, ids, chance):
    """Merge, archive, restore and erase some of *ids*; return those that are left as they were."""
    left = list(ids)
    chance.shuffle(left)
    for number in range(15):
        survivor, loser = left.pop(), left.pop()
        became = fake.account.merge("contacts", survivor, loser, into_new=number % 3 == 0)
        if number % 5 == 0:
            fake.account.merge("contacts", left.pop(), became)
    for _ in range(8):
        fake.account.archive("contacts", left.pop())
    for _ in range(3):
        fake.account.erase("contacts", left.pop())
    return left


def test_both_know_the_same_records_values_and_ends(poll, tmp_path):
    fake = FakeHubspot(Account(TYPES), searches=None, burst=None)
    chance = random.Random(22)

    async def known(polls):
        query = "SELECT record_id, properties FROM known_records WHERE object = 'contacts'"
        return {
            id_: {name: json.loads(value) for name, value in json.loads(text).items()}
            for id_, text in await polls.query(f"{query} AND deleted = 0")
        }

    async def scenario(polls):
        owners = [fake.owners.create("ada@x"), fake.owners.create("old@x", archived=True)]
        ids = [an_old(polls, stage=chance.choice(owners), score=str(at))[0] for at in range(250)]
        firms = [fake.account.create("companies", {"name": f"F{at}"}) for at in range(20)]
        for id_ in ids:
            for firm in chance.sample(firms, chance.randrange(4)):
                fake.associations.associate("contacts", id_, "companies", firm)
        deals = [fake.account.create("deals", {"dealname": f"D{at}"}) for at in range(9)]
        await polls.poll(times=2)
        with fake.serving() as url:
            first, state = await read(url, tmp_path, {}, *STREAMS)
            before = await known(polls)
            polls.told.clear()
            polls.time.seconds += 60
            left = ended(fake, ids, chance)
            for id_ in left[:20]:
                fake.account.change("contacts", id_, {"email": "new@x"})
            new = fake.account.create("contacts", {"email": "c@x", "stage": owners[0]})
            for deal in deals[:4]:
                fake.account.archive("deals", deal)
            await polls.poll(times=3, every=3600)
            later, _ = await read(url, tmp_path, {"contacts": state["contacts"]}, "contacts")
            whole, _ = await read(url, tmp_path, {}, *STREAMS)
        return (first, later, whole), (before, await known(polls)), polls.told, (left[:20], new)

    read_, (before, now), told, (changed, new) = poll(
        scenario, settings(CONTACTS, DEALS), fake=fake
    )
    first, later, whole = read_

    emails = {id_: one["email"] for name in STREAMS[2:] for id_, one in whole[name].items()}
    same_values(before, first["contacts"], emails)
    same_values(now, whole["contacts"], emails)
    same_ends(told, first["contacts"], whole["contacts"])
    of_contacts = told_of(told, "contacts")
    # What is told here as a change, its search by time has found as well.
    assert {id_ for id_, kind in of_contacts if kind != "deleted"} <= later["contacts"].keys()
    assert {(id_, "updated") for id_ in changed} <= of_contacts
    assert (new, "created") in of_contacts
    archived = whole["deals_archived"].keys() - first["deals_archived"].keys()
    assert told_of(told, "deals") == {(id_, "deleted") for id_ in archived}
    assert len(archived) == 4


def told_of(told, object_):
    """Return the ids and kinds of what was told of a type of object."""
    kinds = {(one["objectId"], *one["eventType"].split(".")) for one in told}
    return {(id_, kind) for id_, of, kind in kinds if of == object_}


def same_values(here, there, emails):
    assert here.keys() == there.keys()
    for id_, own in here.items():
        theirs = there[id_]["properties"]
        assert own["email"] == theirs["email"]
        assert own["stage"] == theirs["stage"]
        assert sorted(own.get("firms.id", [])) == sorted(there[id_].get("companies", []))
        assert own["owner.email"] == emails[theirs["stage"]]


def same_ends(told, before, after):
    ends = {id_ for id_, kind in told_of(told, "contacts") if kind == "deleted"}
    assert ends & before.keys() == before.keys() - after.keys()
    assert not ends & after.keys()
    merged = {one["objectId"]: one["mergedInto"] for one in told if "mergedInto" in one}
    assert 18 <= len(merged) < len(ends)
    for id_, into in merged.items():
        assert id_ in after[into]["properties"]["hs_merged_object_ids"].split(";")
