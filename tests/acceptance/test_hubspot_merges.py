"""Merges, erasures, associated records and owners on the real process: killed wherever it is."""

import os
import random
import threading
from collections import Counter

from tests.daemon import until
from tests.mirror import hubspot_source, mirror, told
from tests.receiver import Receiver

TYPES = {
    "contacts": {"email": "string", "stage": "enumeration", "hubspot_owner_id": "enumeration"},
    "companies": {"name": "string"},
}
KILLS = int(os.environ.get("WEBHOOKD_TEST_KILLS", "6"))
"""`make crash` asks for more."""
MERGES = 50
CARRIED = {
    "associated": {
        "companies": {"properties": ["name"]},
        "every": {"object": "companies", "properties": ["name"], "take": "all"},
    },
    "owners": {"owner": {"of": "hubspot_owner_id", "properties": ["email"]}},
}


def source(fake, **contacts):
    read = {"properties": ["email", "stage"], "deletions": {"absence": "1m"}} | contacts
    return hubspot_source(fake, read, start="beginning")


def webhook(receiver):
    return mirror(receiver, changes=["created", "updated", "deleted"])


def killed(daemon, chance):
    for _ in range(KILLS):
        daemon.start()
        threading.Event().wait(chance.random())
        daemon.kill()
    daemon.start()


def test_each_merge_is_told_once_and_no_living_record_ends_whenever_it_is_killed(daemon, crm):
    """A thousand records; fifty merges, some of what was merged before, some into new ids."""
    chance = random.Random(20261128)
    alive, ended, left = set(), {}, [MERGES]

    def write(kind, object_):
        if object_ != "contacts" or chance.random() < 0.4:
            return
        with crm.lock:
            crm.account.change("contacts", chance.choice(sorted(alive)), {"stage": f"{left[0]}"})
            if left[0] and kind in {"search", "list", "archived"} and chance.random() < 0.5:
                left[0] -= 1
                pair = chance.sample(sorted(alive), 2)
                became = crm.account.merge("contacts", *pair, into_new=chance.random() < 0.3)
                ended.update(dict.fromkeys(set(pair) - {became}, became))
                alive.difference_update(pair)
                alive.add(became)

    with Receiver() as receiver:
        alive |= {crm.account.create("contacts", {"email": f"{at}@x"}) for at in range(1000)}
        daemon.configure({"mirror": webhook(receiver)}, sources={"crm": source(crm)})
        crm.between = write
        killed(daemon, chance)
        until(lambda: left[0] == 0, "all merges")
        crm.between = lambda *_: None
        erased = chance.sample(sorted(alive), 3)
        with crm.lock:
            for id_ in erased:
                crm.account.erase("contacts", id_)
                alive.discard(id_)
        until(lambda: daemon.known().keys() == alive, "what is known is what there is")
        until(lambda: daemon.tally("pending") == 0, "everything told")
        assert daemon.stop() == 0
        bodies = told(receiver)

    last = {body["objectId"]: body for body in bodies}
    kinds = Counter((body["objectId"], body["eventType"]) for body in bodies)
    assert {id_ for id_, body in last.items() if body["eventType"] != "contacts.deleted"} == alive
    assert all(kinds[id_, "contacts.deleted"] == 0 for id_ in alive)
    for id_ in last.keys() - alive:
        assert kinds[id_, "contacts.deleted"] == 1, id_
        if id_ not in erased:
            chain = ended[id_]
            assert last[id_]["mergedInto"] in _chain(ended, chain)
        else:
            assert "mergedInto" not in last[id_]
    assert crm.bad == []
    assert "Traceback" not in daemon.log


def _chain(ended, id_):
    """Return *id_*, and what it was merged into in turn."""
    found = [id_]
    while found[-1] in ended:
        found.append(ended[found[-1]])
    return found


def test_carried_values_are_those_of_the_account_whenever_it_is_killed(daemon, crm):
    chance = random.Random(77)
    links = crm.associations

    def write(_kind, object_):
        if object_ != "contacts" or chance.random() < 0.3:
            return
        with crm.lock:
            id_ = chance.choice(people)
            links.dissociate("contacts", id_, "companies")
            for company in chance.sample(firms, chance.choice([0, 1, 1, 3])):
                links.associate("contacts", id_, "companies", company)
            owner = chance.choice(owners)
            crm.account.change("contacts", id_, {"hubspot_owner_id": owner})

    with Receiver() as receiver:
        owners = [crm.owners.create(f"{at}@x") for at in range(5)]
        firms = [crm.account.create("companies", {"name": f"F{at}"}) for at in range(40)]
        people = [crm.account.create("contacts", {"email": f"{at}@x"}) for at in range(300)]
        daemon.configure({"mirror": webhook(receiver)}, sources={"crm": source(crm, **CARRIED)})
        crm.between = write
        killed(daemon, chance)
        threading.Event().wait(3)
        crm.between = lambda *_: None

        def settled():
            known = daemon.known()
            return known.keys() == set(people) and all(
                _carried(known[id_]) == _expected(crm, id_, firms) for id_ in people
            )

        until(settled, "what is carried is what there is")
        until(lambda: daemon.tally("pending") == 0, "everything told")
        assert daemon.stop() == 0
        bodies = told(receiver)

    for id_ in people:
        states = [body for body in bodies if body["objectId"] == id_]
        assert states[0]["eventType"] == "contacts.created"
        assert _carried(states[-1]["properties"]) == _expected(crm, id_, firms)
        # Never a hole: a record with a company always carries its name, and its owner's email.
        for body in states:
            of = body["properties"]
            assert ("companies.id" in of) == ("companies.name" in of) == ("every.id" in of)
            assert ("hubspot_owner_id" in of) == ("owner.email" in of)
    assert len(bodies) > len(people)
    assert crm.bad == []
    assert "Traceback" not in daemon.log


def _carried(properties):
    names = ("companies.id", "companies.name", "every.id", "every.name", "owner.email")
    return [properties.get(name) for name in names]


def _expected(crm, id_, firms):
    own = sorted(crm.associations.found("contacts", id_, "companies"), key=int)
    names = [f"F{firms.index(one)}" for one in own]
    owner = crm.account.records["contacts"][id_].properties.get("hubspot_owner_id")
    email = None if owner is None else crm.owners.all[owner]["email"]
    return [own[0] if own else None, names[0] if own else None, own or None, names or None, email]


def test_the_fake_is_read_as_a_person_would(daemon, crm):
    """`test --fetch` carries what a poll would, and says what a record was merged into."""
    with Receiver() as receiver:
        company = crm.account.create("companies", {"name": "Acme"})
        contact = crm.account.create("contacts", {"email": "a@x"})
        gone = crm.account.create("contacts", {"email": "b@x"})
        crm.associations.associate("contacts", contact, "companies", company)
        hook = webhook(receiver)
        hook["request"]["body"]["properties"] = ["email", "companies.name"]
        daemon.configure({"mirror": hook}, sources={"crm": source(crm, **CARRIED)})
        daemon.start()
        until(lambda: daemon.tally("pending") == 0 and len(told(receiver)) == 2, "both told")
        crm.account.merge("contacts", contact, gone)
        until(lambda: len(told(receiver)) >= 3, "the merge is told")
        bodies = told(receiver)
        fetch = ("test", "mirror", "--config", str(daemon.config), "--fetch", "--record-id")
        fetched = daemon.command(*fetch, contact)
        merged = daemon.command(*fetch, gone)
        (end,) = [one for one in daemon.named("delivery.attempted") if one["change"] == "deleted"]
        story = daemon.command(
            "explain", end["delivery_id"], "--state-directory", str(daemon.state)
        )
        assert daemon.stop() == 0

    first = {body["objectId"]: body["properties"].get("companies.name") for body in bodies[:2]}
    assert first == {contact: "Acme", gone: None}
    (end,) = [body for body in bodies if body["eventType"] == "contacts.deleted"]
    assert (end["objectId"], end["mergedInto"]) == (gone, contact)
    assert "Acme" in fetched.stdout
    assert f"was merged into {contact}" in merged.stderr
    assert f"it was merged into {contact}" in story.stdout
