"""Answers spoilt at random: no record stops others, nothing is told twice, nothing is lost.

Each seed is a story of 12 polls in which records are made, changed, archived and restored while a
part of the answers is spoilt: as a whole, or a record of them.
"""

import json
import random
from contextlib import suppress

import pytest

from tests.fake_hubspot import Account, FakeHubspot
from tests.polls import DELETIONS, LEAD, TYPES, settings
from tests.polls_oracle import Chronicle
from tests.virtual_time import EPOCH, VirtualTime

DAY_MS = 86_400_000
START_MS = int(EPOCH.timestamp() * 1000)
STRANGER = "99000000"
"""Ids of at least so much are those of records that a spoilt answer invented."""

WHOLE = [
    b"<html><body>Maintenance</body></html>",
    b"",
    b"[]",
    b"null",
    b'{"results": null}',
    b'{"results": {}}',
    b'{"status": "error"}',
    b"\xff\xfe",
]
VALUES = [None, True, 0, -1, 1.5, 10**40, "", " ", "\0", "é\ud800", [], {}, [[1]], {"id": None}]


def with_another_id(chance, record):
    ids = [*(one for one in VALUES if one not in (0, -1, 10**40)), "7" * 501, "-0"]
    ids.append(str(int(STRANGER) + chance.randrange(1000)))
    return record | {"id": chance.choice(ids)}


def without_properties(chance, record):
    # An object that lacks properties says that they have no value.
    bad = [one for one in VALUES if not isinstance(one, dict)]
    return record | {"properties": chance.choice(bad)}


def without_a_key(chance, record):
    left_out = chance.choice(["id", "properties"])
    return {name: value for name, value in record.items() if name != left_out}


def with_a_bad_time(chance, record):
    wrong = chance.choice([1.5, True, "", [], {}, "1" * 17, "soon"])
    properties = record["properties"] | {"lastmodifieddate": wrong}
    return record | {"properties": properties, "updatedAt": wrong}


def with_another_clocks_time(chance, record):
    wrong = str(START_MS + chance.choice([-400, -1, 1, 400, 100_000]) * DAY_MS)
    return record | {"properties": record["properties"] | {"lastmodifieddate": wrong}}


def with_more_keys(chance, record):
    return record | {chance.choice(["warnings", "new", "associations"]): chance.choice(VALUES)}


def with_other_times(chance, record):
    return record | dict.fromkeys(["createdAt", "archivedAt"], chance.choice(VALUES))


def in_its_place(chance, _record):
    return chance.choice(VALUES)


SPOILERS = [
    *(with_another_id, without_properties, without_a_key, with_a_bad_time),
    *(with_another_clocks_time, with_more_keys, with_other_times, in_its_place),
]


def spoil(chance, kind, body):
    """Return another body for an answer."""
    if chance.random() < 0.2:
        return chance.choice([*WHOLE, body[: len(body) // 2]])
    content = json.loads(body)
    records = content.get("results")
    if kind == "properties" or not isinstance(records, list) or not records:
        return body
    match chance.randrange(6):
        case 0:
            records.insert(chance.randrange(len(records)), chance.choice(records))
        case 1:
            chance.shuffle(records)
        case 2 if kind == "search":
            content["total"] = chance.choice([None, -1, 10**20, 10_000, "many", 0])
        case 3 if isinstance(content.get("paging"), dict):
            content["paging"] = {"next": chance.choice([{}, {"after": None}, {"link": "x"}])}
        case _:
            for _ in range(chance.choice((1, 1, 3))):
                place = chance.randrange(len(records))
                with suppress(TypeError, KeyError):
                    records[place] = chance.choice(SPOILERS)(chance, records[place])
    return json.dumps(content).encode()


@pytest.mark.parametrize("seed", range(24))
def test_spoilt_answers_lose_nothing_and_tell_nothing_twice(poll, seed):
    chance = random.Random(seed)
    time = VirtualTime()
    lag = chance.choice((0, 0, 30))
    account = Account(TYPES, clock=time.timestamp, lag=lambda: chance.random() * lag)
    story = Chronicle(account, "contacts", ("email", "stage"))
    fake = FakeHubspot(account)
    share = chance.choice((0.1, 0.4))

    def spoilt(kind, _object, body):
        return spoil(chance, kind, body) if chance.random() < share else None

    async def scenario(polls):
        for _ in range(chance.choice((3, 230))):
            story.create(LEAD)
        time.seconds += 600
        story.begin()
        await polls.poll()
        fake.spoil = spoilt
        for _ in range(12):
            story.happen(chance, chance.choice((0, 1, 20, 250)))
            await polls.poll(every=chance.choice((1, 30, 100)))
            if chance.random() < 0.2:
                await polls.run_source()
        fake.spoil = lambda *_: None
        failures = polls.figures().failures
        await polls.poll(times=12, every=60)
        assert polls.figures().failures == failures, polls.figures().last_error
        ((cursor,),) = await polls.query("SELECT cursor FROM cursors")
        newest = max(one.modified for one in account.records["contacts"].values())
        assert max(json.loads(cursor)["marks"].values()) <= max(newest, account.now())
        return [one for one in polls.news() if int(one[0]) < int(STRANGER)]

    told = poll(scenario, settings(DELETIONS), fake=fake, time=time)

    assert story.faults(told) == []
