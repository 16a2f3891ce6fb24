"""Owners of records: carried by what a property names, and not compared."""

from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from tests.fake_hubspot import Account, FakeHubspot
from tests.fake_hubspot.endpoints import broken
from tests.fake_hubspot.limits import RefusedError
from tests.polls import CONTACTS, TYPES, settings
from webhookd.definitions import HubspotOwner
from webhookd.sources.polling.request_budget import Budgets
from webhookd.telemetry import logs

OWNER = HubspotOwner("owner", "hubspot_owner_id", ("email", "lastName", "userId"))
READ = replace(CONTACTS, owners=(OWNER,))


@pytest.fixture
def fake():
    types = TYPES | {"contacts": TYPES["contacts"] | {"hubspot_owner_id": "enumeration"}}
    return FakeHubspot(Account(types))


def told(polls):
    found = [(one["objectId"], one["properties"], one["previousProperties"]) for one in polls.told]
    polls.told.clear()
    return found


def owned(polls, *owners):
    made = [
        polls.account.create("contacts", {"email": "a@x", "hubspot_owner_id": owner})
        for owner in owners
    ]
    polls.time.seconds += 600
    return made


@pytest.mark.parametrize("version", ["2026-03", "v3"])
def test_another_owner_is_a_change_with_the_new_email_and_a_renamed_one_is_none(
    poll, fake, version
):
    async def scenario(polls):
        ada, bob = fake.owners.create("ada@x"), fake.owners.create("bob@x", last="Ray")
        (contact,) = owned(polls, ada)
        await polls.poll(times=2)
        fake.owners.change(ada, email="byron@x")
        await polls.poll(times=2, every=4000)
        silence = told(polls)
        polls.account.change("contacts", contact, {"hubspot_owner_id": bob})
        await polls.poll(times=2)
        return silence, told(polls), (ada, bob)

    source = settings(READ, api_version=version)
    silence, changed, (ada, bob) = poll(scenario, source, fake=fake)

    assert silence == []
    ((_, properties, previous),) = changed
    assert properties["owner.email"] == "bob@x"
    assert properties["owner.lastName"] == "Ray"
    assert properties["owner.id"] == properties["hubspot_owner_id"] == bob
    assert properties["owner.userId"] == int(bob) + 9000
    assert previous["hubspot_owner_id"] == ada
    assert previous["owner.email"] == "ada@x"


def test_archived_owners_and_queues_are_found_and_unknown_ones_are_absent_and_told_once(poll, fake):
    logs.configure("console", "WARNING")

    async def scenario(polls):
        gone, queue = fake.owners.create("gone@x", archived=True), fake.owners.create()
        contacts = owned(polls, gone, queue, "999", "")
        await polls.poll(times=2)
        new = fake.owners.create("new@x")
        with capture_logs() as logged:
            for contact in contacts:
                polls.account.change("contacts", contact, {"email": "b@x"})
            polls.account.change("contacts", contacts[3], {"hubspot_owner_id": new})
            await polls.poll(times=2)
        found = {id_: properties for id_, properties, _ in told(polls)}
        return [found[id_] for id_ in contacts], [one["event"] for one in logged], fake.requests

    found, warned, requests = poll(scenario, settings(READ), fake=fake)

    assert [one.get("owner.email") for one in found] == ["gone@x", None, None, "new@x"]
    assert [one.get("owner.lastName") for one in found] == ["Byron", "Byron", None, "Byron"]
    assert warned == []  # it was told when the contact was read first
    assert requests["owner", 404] == 2  # current and archived, once in ten minutes
    assert requests["owner", 200] == 1


def test_thousands_of_owners_are_read_once_an_hour_by_all_types_together(poll, fake):
    deals = replace(READ, name="deals", properties=("dealname",))

    async def scenario(polls):
        for number in range(5000):
            fake.owners.create(f"{number}@x")
        fake.account.types["deals"]["hubspot_owner_id"] = "enumeration"
        owned(polls, fake.owners.create("last@x"))
        await polls.poll(times=10)
        first = fake.requests["owners", 200]
        await polls.poll(times=3, every=3700)
        rows = await polls.query("SELECT properties FROM known_records WHERE object = 'contacts'")
        return first, fake.requests["owners", 200], rows

    first, later, rows = poll(scenario, settings(READ, deals), fake=fake)

    assert first == 52
    assert later == 52 * 3
    assert b"last@x" in rows[0][0]


def test_a_restart_reads_the_owners_before_the_first_record(poll, fake):
    async def scenario(polls):
        owned(polls, fake.owners.create("ada@x"))
        await polls.poll(times=2)
        fake.log.clear()
        polls.budgets = Budgets(clock=polls.time.clock)
        await polls.run_source()
        await polls.poll()
        return [kind for _, kind, _, _ in fake.log]

    asked = poll(scenario, settings(READ), fake=fake)

    assert asked[:2] == ["owners", "owners"]
    assert "search" in asked[2:]


@pytest.mark.parametrize("answer", ["403", "500"])
def test_without_the_list_the_object_waits_at_first_and_later_uses_the_one_it_has(
    poll, fake, answer
):
    logs.configure("console", "WARNING")

    def fault(kind, _object):
        if kind != "owners":
            return None
        if answer == "500":
            return broken(b"{}", 500)
        return RefusedError(403, "no scope", category="MISSING_SCOPES")

    async def scenario(polls):
        ada = fake.owners.create("ada@x")
        (contact,) = owned(polls, ada)
        fake.fault = fault
        with capture_logs() as logged:
            await polls.poll(times=2)
        first = [one["event"] for one in logged], logged[0].get("error", "")
        nothing = await polls.query("SELECT count(*) FROM known_records")
        fake.fault = lambda *_: None
        polls.time.seconds += 3700
        await polls.poll(times=2)
        fake.fault = fault
        polls.time.seconds += 3700
        polls.account.change("contacts", contact, {"email": "b@x"})
        with capture_logs() as logged:
            await polls.poll(times=2)
        rests = polls.figures().resting
        fake.fault = lambda *_: None
        polls.time.seconds += 3700
        await polls.poll()
        later = [one["event"] for one in logged]
        return first, nothing, later, told(polls), (rests, polls.figures().resting)

    (events, error), nothing, later, changed, (rests, mended) = poll(
        scenario, settings(READ), fake=fake
    )

    assert nothing == [(0,)]
    assert events[0] == ("source.object_refused" if answer == "403" else "source.poll_failed")
    if answer == "403":
        assert "contacts wait: no permission to read owners" in error
        assert "crm.objects.owners.read" in error
    assert later == ["source.owners_stale"]
    assert (rests.keys(), mended) == ({"owners"}, {})
    assert answer in rests["owners"].last_error
    assert [properties["owner.email"] for _, properties, _ in changed] == ["ada@x"]


def test_a_new_choice_of_owner_is_taken_over_in_silence(poll, fake):
    async def scenario(polls):
        ada, bob = fake.owners.create("ada@x"), fake.owners.create("bob@x")
        (contact,) = owned(polls, ada)
        polls.account.change("contacts", contact, {"stage": bob})
        polls.time.seconds += 600
        await polls.poll(times=2)
        await polls.run_source(objects=(replace(CONTACTS, owners=(replace(OWNER, of="stage"),)),))
        await polls.poll(times=2)
        silence = told(polls)
        ((text,),) = await polls.query(
            "SELECT properties FROM known_records WHERE object = 'contacts'"
        )
        return silence, b"bob@x" in text

    assert poll(scenario, settings(READ), fake=fake) == ([], True)
