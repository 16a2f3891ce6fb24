"""Lists as properties on the real process: killed, reloaded, let through, and read by a fleet."""

import json
import os
import random
import threading
import time
from collections import Counter
from itertools import pairwise

from tests.daemon import until
from tests.fake_hubspot import Account, FakeHubspot
from tests.fleet import hook
from tests.mirror import hubspot_source, mirror, told
from tests.polls import LEAD
from tests.receiver import Receiver

TYPES = {"contacts": {"email": "string", "stage": "enumeration"}}
LISTS = {"vip": {"id": "1", "read_every": "5s"}, "leads": {"id": "2", "read_every": "5s"}}
KILLS = int(os.environ.get("WEBHOOKD_TEST_KILLS", "6"))
"""`make crash` asks for more."""


def source(fake, lists, **changes):
    contacts = {"properties": ["email", "stage"], "deletions": True, "lists": lists}
    return hubspot_source(fake, contacts, **changes)


def webhook(receiver, **trigger):
    return mirror(receiver, **{"changes": ["created", "updated"]} | trigger)


def members(daemon, name):
    return {id_ for id_, of in daemon.known().items() if of.get(f"lists.{name}") is True}


def test_members_are_right_and_told_once_whenever_the_daemon_is_killed(daemon, crm):
    """Static and dynamic, of many pages each, changed between pages and beside them."""
    chance = random.Random(20261128)
    crm.lists.most_shown = 20

    def change(*_):
        id_ = chance.choice(ids)
        match chance.randrange(6):
            case 0 | 1:
                crm.lists.add("1", id_)
            case 2:
                crm.lists.remove("1", id_)
            case 3:
                stage = chance.choice(["lead", "customer"])
                crm.account.change("contacts", id_, {"stage": stage})
            case _:
                pass

    with Receiver() as receiver:
        ids = [crm.account.create("contacts", LEAD) for _ in range(400)]
        crm.lists.create("contacts", *ids[:200])
        crm.lists.create("contacts", matches=lambda of: of.get("stage") == "lead")
        daemon.configure(
            {"mirror": webhook(receiver)}, sources={"crm": source(crm, LISTS, start="beginning")}
        )
        crm.between = change
        for _ in range(KILLS):
            daemon.start()
            threading.Event().wait(chance.random())
            daemon.kill()
        daemon.start()
        crm.between = lambda *_: None
        for name in LISTS:
            _await_two_passes(daemon, name)
        until(lambda: daemon.tally("pending") == 0, "everything told")
        found = {name: members(daemon, name) for name in ("vip", "leads")}
        table = daemon.look("SELECT count(*) FROM list_members")
        assert daemon.stop() == 0
        bodies = told(receiver)

    fake = {"vip": crm.lists.members("1"), "leads": crm.lists.members("2")}
    assert found == fake
    assert table == sum(len(one) for one in fake.values())
    by_record = {id_: [] for id_ in ids}
    for body in bodies:
        by_record[body["objectId"]].append((body["eventType"], body["properties"]))
    for id_, states in by_record.items():
        kinds = [kind for kind, _ in states]
        assert kinds == ["contacts.created", *["contacts.updated"] * (len(states) - 1)]
        assert all(before != after for (_, before), (_, after) in pairwise(states))
        for name, those in fake.items():
            assert (states[-1][1].get(f"lists.{name}") is True) == (id_ in those)
    assert len(bodies) > len(ids) + KILLS
    assert crm.bad == []
    assert "Traceback" not in daemon.log


def test_segments_enroll_and_are_left_and_a_person_lets_through_what_was_set_aside(daemon, crm):
    joins = {
        "when": [{"property": "lists.vip", "operator": "EQ", "value": True}],
        "enroll": "every_match",
    }
    leaves = {
        "changed_properties": ["lists.vip"],
        "when": [{"property": "lists.vip", "operator": "NOT_HAS_PROPERTY"}],
        "changes": ["updated"],
    }
    with Receiver() as joined, Receiver() as left:
        ids = [crm.account.create("contacts", LEAD) for _ in range(40)]
        crm.lists.create("contacts", *ids[:30])
        of_vip = {"vip": LISTS["vip"]}
        hooks = {"joins": webhook(joined, **joins), "leaves": webhook(left, **leaves)}
        daemon.configure(
            {"quiet": webhook(joined, changes=["deleted"])}, sources={"crm": source(crm, {})}
        )
        daemon.start()
        until(lambda: daemon.named("source.first_read_done"), "the first read")
        daemon.configure(hooks, sources={"crm": source(crm, of_vip)})
        assert daemon.reload()["event"] == "config.reloaded"
        until(lambda: len(members(daemon, "vip")) == 30, "the list is taken over")
        with crm.lock:
            crm.lists.add("1", ids[35])
            crm.lists.remove("1", ids[0])
        until(lambda: told(joined), "who joined")
        until(lambda: told(left), "who left")
        with crm.lock:
            crm.lists.remove("1", *ids[1:30])
        until(lambda: daemon.named("source.absence_set_aside"), "it is set aside")
        status = json.loads(
            daemon.command(
                "status", "--json", "--admin-address", f"unix:{daemon.state}/admin.sock"
            ).stdout
        )
        accepted = daemon.command("sources", "accept", "crm/contacts/lists/vip", *_of(daemon))
        until(lambda: len(told(left)) == 30, "who left as well")
        daemon.configure(hooks, sources={"crm": source(crm, {"vip": {"id": "2"}})})
        refused = daemon.reload()
        with crm.lock:
            crm.lists.delete("1")
        until(lambda: daemon.named("source.list_refused"), "the warning")
        until(lambda: "ago: contacts/lists/vip: " in _listed(daemon), "sources list shows it")
        assert daemon.stop() == 0
        entered, gone = told(joined), told(left)

    assert [(one["objectId"], one["properties"]["lists.vip"]) for one in entered] == [
        (ids[35], True)
    ]
    assert Counter(one["objectId"] for one in gone) == Counter(ids[:30])
    (place,) = [one for one in status["sources"][0]["cursors"] if one.get("list") == "vip"]
    assert (place["object"], place["missing"], place["first_read"]) == ("contacts", 29, False)
    assert accepted.returncode == 0, accepted.stderr
    assert accepted.stdout.startswith("accepted: 29 of 30 members of crm/contacts/lists/vip may")
    assert refused["event"] == "config.rejected"
    assert "lists.vip.id: it was '1' and may not become '2'" in str(refused)
    assert "give the changed list a new key" in str(refused)


def test_a_list_is_read_on_by_another_daemon_where_the_killed_one_was(fleet, receiver):
    crm = FakeHubspot(Account(TYPES))
    crm.lists.most_shown = 10
    with crm.serving() as crm.url:
        ids = [crm.account.create("contacts", LEAD) for _ in range(100)]
        crm.lists.create("contacts", *ids[:60])
        of_vip = {"vip": LISTS["vip"]}
        fleet.configure(
            {"mirror": hook(receiver, timeout="1s") | {"source": "crm"}},
            sources={"crm": source(crm, of_vip)},
        )
        for daemon in fleet.daemons:
            daemon.environment["CRM_TOKEN"] = "pat-token"
        # Dates of answers are whole seconds: what was created in that of the first one is new.
        time.sleep(1.1)
        fleet.start()
        until(lambda: crm.requests["joined", 200] > 1, "it is polled")
        with crm.lock:
            crm.lists.add("1", *ids[60:70])
        until(lambda: len(told(receiver)) == 10, "who joined")
        (reader,) = [daemon for daemon in fleet.daemons if daemon.named("source.polled")]
        reader.kill()
        with crm.lock:
            crm.lists.add("1", *ids[70:80])
            crm.lists.remove("1", *ids[:20])
        until(lambda: len(told(receiver)) == 40, "who joined and left", 60)

    bodies = told(receiver)
    is_member = {one["objectId"]: one["properties"].get("lists.vip") is True for one in bodies}
    assert len(is_member) == 40
    assert {id_ for id_, is_one in is_member.items() if is_one} == set(ids[60:80])


def _await_two_passes(daemon, name):
    """Wait for a pass over a list that began after now: the one under way may have met less."""
    cursor = "SELECT json_extract(cursor, '$.list.passes') FROM cursors WHERE object = ?"
    passes = f"SELECT coalesce(({cursor}), 0)"
    place = f"contacts/lists/{name}"
    began = daemon.look(passes, place)
    until(lambda: daemon.look(passes, place) > began + 1, f"two passes over {name}")


def _listed(daemon):
    return daemon.command("sources", "list", *_of(daemon)).stdout


def _of(daemon):
    return ("--state-directory", str(daemon.state))
