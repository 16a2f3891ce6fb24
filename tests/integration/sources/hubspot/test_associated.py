"""Properties of associated records: carried with a record, and never a hole in what is sent."""

import json
import random
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from tests.fake_hubspot.endpoints import broken
from tests.fake_hubspot.limits import RefusedError
from tests.polls import CONTACTS, an_old, settings
from webhookd.definitions import HubspotAssociated
from webhookd.telemetry import logs

FIRST = HubspotAssociated("companies", "companies", ("name", "domain"))
PRIMARY = replace(FIRST, label="primary")
ALL = HubspotAssociated("every", "companies", ("name",), take="all")


def reading(*blocks):
    return settings(replace(CONTACTS, associated=blocks))


def companies(polls, count=1, **properties):
    found = []
    for _ in range(count):
        made = polls.account.create("companies")
        polls.account.change("companies", made, {"name": f"C{made}", **properties})
        found.append(made)
    return found


def join(polls, contact, company, *types):
    polls.fake.associations.associate("contacts", contact, "companies", company, *types)


def told(polls):
    """Return what was told since this was last asked: id, kind, properties, those before."""
    found = [
        (
            one["objectId"],
            one["eventType"].partition(".")[2],
            one["properties"],
            one["previousProperties"],
        )
        for one in polls.told
    ]
    polls.told.clear()
    return found


def touch(polls, *ids, email="b@x"):
    for id_ in ids:
        polls.account.change("contacts", id_, {"email": email})


def asked(polls, *kinds):
    """Return how many requests there were of *kinds* since this was last asked."""
    found = sum(n for (kind, _), n in polls.fake.requests.items() if kind in kinds)
    polls.fake.requests.clear()
    return found


@pytest.mark.parametrize("version", ["2026-03", "v3"])
def test_a_changed_contact_carries_its_company_and_a_renamed_company_tells_nobody(poll, version):
    async def scenario(polls):
        (contact,) = an_old(polls)
        one, other = companies(polls, 2)
        join(polls, contact, one)
        await polls.poll(times=2)
        silence = told(polls)
        polls.account.change("companies", one, {"name": "New"})
        await polls.poll(times=2)
        silence += told(polls)
        touch(polls, contact)
        await polls.poll(times=2)
        changed = told(polls)
        polls.fake.associations.dissociate("contacts", contact, "companies")
        join(polls, contact, other)
        touch(polls, contact)
        await polls.poll(times=2)
        moved = told(polls)
        polls.fake.associations.dissociate("contacts", contact, "companies")
        touch(polls, contact)
        await polls.poll(times=2)
        return silence, changed, moved, told(polls), (contact, one, other)

    source = replace(reading(FIRST), api_version=version)
    silence, changed, moved, left, (contact, one, other) = poll(scenario, source)

    assert silence == []
    ((id_, kind, properties, previous),) = changed
    assert (id_, kind) == (contact, "updated")
    assert properties["companies.id"] == one
    assert properties["companies.name"] == "New"
    assert "companies.domain" not in properties
    # What was carried before stands beside what changed.
    assert previous == {"email": "a@x", "companies.name": f"C{one}"}
    ((_, _, properties, previous),) = moved
    assert (properties["companies.id"], previous["companies.id"]) == (other, one)
    assert properties["companies.name"] == f"C{other}"
    ((_, _, properties, previous),) = left
    assert not [name for name in properties if "." in name]
    assert previous["companies.id"] == other


@pytest.mark.parametrize("numbers", [True, False])
@pytest.mark.parametrize("tells_of_none", [True, False])
def test_a_thousand_contacts_carry_what_the_account_has(poll, numbers, tells_of_none):
    chance = random.Random(5)

    async def scenario(polls):
        polls.fake.associations.numbers = numbers
        polls.fake.associations.tells_of_none = tells_of_none
        boss = polls.fake.associations.label("contacts", "companies", "Boss")
        primary = polls.fake.associations.primary("contacts", "companies")
        firms, people = companies(polls, 300), an_old(polls, 1000)
        for at, contact in enumerate(people):
            many = 250 if at % 97 == 0 else chance.choice([0, 1, 1, 2, 5, 40])
            for company in chance.sample(firms, many):
                join(polls, contact, company, *chance.choice([(), (), (boss,), (primary,)]))
        await polls.poll()
        rows = await polls.query(
            "SELECT record_id, properties FROM known_records WHERE object = 'contacts'"
        )
        return {id_: json.loads(text) for id_, text in rows}, polls, (boss, primary), people

    blocks = (FIRST, replace(PRIMARY, prefix="main"), replace(FIRST, prefix="boss", label="Boss"))
    found, polls, (boss, primary), people = poll(scenario, reading(*blocks, ALL))

    assert found.keys() == set(people)
    for id_, properties in found.items():
        links = polls.fake.associations.found("contacts", id_, "companies")
        order = sorted(links, key=lambda one: (primary not in links[one], int(one)))
        wanted = {
            "companies": order[:1],
            "main": [one for one in order if primary in links[one]][:1],
            "boss": [one for one in order if boss in links[one]][:1],
        }
        for prefix, ids in wanted.items():
            assert properties.get(f"{prefix}.id") == (f'"{ids[0]}"' if ids else None)
            assert properties.get(f"{prefix}.name") == (f'"C{ids[0]}"' if ids else None)
        assert json.loads(properties.get("every.id", "[]")) == order[:100]
        assert json.loads(properties.get("every.name", "[]")) == [f"C{one}" for one in order[:100]]
    assert polls.figures().failures == 0


def test_idle_polls_cost_nothing_more_and_a_page_of_200_three_requests(poll):
    async def scenario(polls):
        people, firms = an_old(polls, 200), companies(polls, 200)
        for contact, company in zip(people, firms, strict=True):
            join(polls, contact, company)
        await polls.poll(times=30)
        polls.fake.requests.clear()
        await polls.poll(times=2)
        idle = polls.fake.requests.copy()
        polls.fake.requests.clear()
        polls.account.change_all("contacts", people, {"email": "b@x"})
        await polls.poll()
        page = asked(polls, "associations", "read")
        await polls.poll(times=3)
        return idle, page, asked(polls, "associations", "read"), len(polls.told)

    idle, page, again, count = poll(scenario, reading(FIRST))

    assert idle == {("search", 200): 2}
    assert page == 3
    assert again == 0
    assert count == 200


def test_two_blocks_of_one_type_are_one_read_of_associations(poll):
    async def scenario(polls):
        (contact,) = an_old(polls)
        join(polls, contact, *companies(polls))
        await polls.poll(times=2)
        polls.fake.requests.clear()
        touch(polls, contact)
        await polls.poll()
        return asked(polls, "associations"), len(polls.told)

    assert poll(scenario, reading(FIRST, ALL)) == (1, 1)


@pytest.mark.parametrize("kind", ["associations", "read"])
@pytest.mark.parametrize(
    "answer", ["500", "nonsense", "other error", "silence", "no results", "empty"]
)
def test_what_cannot_be_found_out_is_never_a_hole(poll, kind, answer):
    """Nothing is told and no cursor moves until it is there."""
    if kind == "read" and answer in {"silence", "empty"}:
        pytest.skip("a record that is not there is not associated")

    async def scenario(polls):
        contact, other = an_old(polls, 2)
        (company,) = companies(polls)
        join(polls, contact, company)
        join(polls, other, company)
        await polls.poll(times=2)
        touch(polls, contact, other)

        def fault(asked_kind, object_):
            if asked_kind != kind or (kind == "read" and object_ != "companies"):
                return None
            bodies = {
                "nonsense": b"<html>",
                "other error": b'{"results": [], "errors": [{"category": "INTERNAL_ERROR"}]}',
                "silence": b'{"results": [], "errors": [{"category": "OBJECT_NOT_FOUND",'
                b' "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",'
                b' "context": {"fromObjectId": ["77"]}}]}',
                "no results": b'{"status": "COMPLETE"}',
                "empty": b'{"results": null}',
            }
            if answer == "500":
                return broken(b"{}", 500)
            return broken(bodies[answer], 207)

        polls.fake.fault = fault
        (before,) = await polls.query("SELECT cursor FROM cursors WHERE object = 'contacts'")
        await polls.poll()
        (after,) = await polls.query("SELECT cursor FROM cursors WHERE object = 'contacts'")
        during = told(polls)
        polls.fake.fault = lambda *_: None
        await polls.poll(times=3, every=600)
        return during, before == after, told(polls), company, polls.figures().failures

    during, stayed, after, company, failures = poll(scenario, reading(FIRST))

    if answer == "silence":
        # Asked for alone, an answer that says "none" of nobody else means the one.
        assert len(during) == 2
        return
    assert during == []
    assert stayed
    assert failures >= 1
    assert [properties["companies.id"] for _, _, properties, _ in after] == [company] * 2


@pytest.mark.parametrize("kind", ["associations", "properties", "read"])
@pytest.mark.parametrize("when", ["first", "later"])
def test_no_permission_rests_the_object_loudly(poll, kind, when):
    logs.configure("console", "WARNING")

    async def scenario(polls):
        (contact,) = an_old(polls)
        join(polls, contact, *companies(polls))
        if when == "later":
            await polls.poll(times=2)

        def fault(asked_kind, object_):
            is_it = object_ == ("contacts" if kind == "associations" else "companies")
            if asked_kind == kind and is_it:
                return RefusedError(403, "no scope", category="MISSING_SCOPES")
            return None

        polls.fake.fault = fault
        polls.time.seconds += 3600
        touch(polls, contact)
        with capture_logs() as logged:
            await polls.poll(times=4)
        during = told(polls)
        polls.fake.fault = lambda *_: None
        polls.time.seconds += 3600
        touch(polls, contact, email="c@x")
        await polls.poll(times=2)
        return during, told(polls), [one for one in logged if one["log_level"] == "error"]

    during, after, logged = poll(scenario, reading(FIRST))

    assert during == []
    # What reading began with is known to nobody, but the change of the meantime is told.
    assert len(after) == (0 if (when, kind) == ("first", "properties") else 1)
    assert [one["event"] for one in logged] == ["source.object_refused"]
    assert logged[0]["source"] == "crm"
    assert "contacts wait: no permission to read associations to companies" in logged[0]["error"]
    assert "crm.objects.companies.read" in logged[0]["error"]


@pytest.mark.parametrize("change", ["added", "label", "type", "take"])
def test_another_choice_is_taken_over_in_silence_and_then_compared(poll, change):
    before = {
        "added": (),
        "label": (replace(FIRST, label="Boss"),),
        "type": (replace(FIRST, type_id=1),),
        "take": (replace(FIRST, take="all"),),
    }[change]

    async def scenario(polls):
        polls.fake.associations.label("contacts", "companies", "Boss")
        people, firms = an_old(polls, 2500), companies(polls, 2)
        for contact in people:
            join(polls, contact, firms[0])
        await polls.poll()
        polls.time.seconds += 7200
        await polls.poll(times=2)
        polls.fake.requests.clear()
        await polls.run_source(objects=(replace(CONTACTS, associated=(FIRST,)),))
        await polls.poll()
        requests = asked(polls, "associations")
        await polls.poll(times=2)
        silence = told(polls)
        rows = await polls.query(
            "SELECT properties FROM known_records WHERE object = 'contacts' AND deleted = 0"
        )
        carried = {json.loads(text).get("companies.name") for (text,) in rows}
        polls.fake.associations.dissociate("contacts", people[0], "companies")
        join(polls, people[0], firms[1])
        touch(polls, people[0])
        await polls.poll()
        return silence, carried, firms, told(polls), requests

    silence, carried, firms, later, requests = poll(scenario, reading(*before))

    assert silence == []
    assert carried == {f'"C{firms[0]}"'}
    assert requests == 3
    ((_, kind, properties, previous),) = later
    assert kind == "updated"
    assert (properties["companies.id"], previous["companies.id"]) == (firms[1], firms[0])


def test_an_archived_company_is_as_if_it_were_not_associated_and_a_merged_one_is_what_it_became(
    poll,
):
    async def scenario(polls):
        contact, other = an_old(polls, 2)
        archived, second, merged, survivor = companies(polls, 4)
        join(polls, contact, archived)
        join(polls, contact, second)
        join(polls, other, merged)
        polls.account.archive("companies", archived)
        polls.account.merge("companies", survivor, merged)
        await polls.poll(times=2)
        touch(polls, contact, other)
        await polls.poll()
        return {id_: properties for id_, _, properties, _ in told(polls)}, (
            (contact, second),
            (other, survivor),
        )

    found, pairs = poll(scenario, reading(FIRST, ALL))

    for contact, company in pairs:
        assert found[contact]["companies.id"] == company
        assert found[contact]["companies.name"] == f"C{company}"
        assert found[contact]["every.id"] == [company]


def test_dates_of_the_first_are_instants_and_lists_hold_null_where_one_has_none(poll):
    block = HubspotAssociated("companies", "companies", ("founded", "domain"), take="all")

    async def scenario(polls):
        (contact,) = an_old(polls)
        one, other = companies(polls, 2)
        polls.account.change("companies", one, {"domain": "a.example"})
        polls.account.change("companies", other, {"founded": "2020-01-01"})
        for company in (one, other):
            join(polls, contact, company)
        await polls.poll(times=2)
        touch(polls, contact)
        await polls.poll()
        ((_, _, properties, _),) = told(polls)
        asked_ = await polls.query("SELECT content FROM asked")
        return properties, asked_

    properties, asked_ = poll(scenario, reading(block, replace(block, prefix="main", take="first")))

    assert properties["companies.domain"] == ["a.example", None]
    assert properties["companies.founded"] == [None, "2020-01-01"]
    (((content,)),) = asked_
    _names, instants, unwatched = json.loads(content)
    assert "main.founded" in instants
    assert "companies.founded" not in instants
    assert "companies.id" not in unwatched
    assert {"companies.domain", "main.founded"} <= set(unwatched)


def test_more_than_a_hundred_are_cut_and_warned_of(poll):
    logs.configure("console", "WARNING")

    async def scenario(polls):
        (contact,) = an_old(polls)
        for company in companies(polls, 130):
            join(polls, contact, company)
        with capture_logs() as logged:
            await polls.poll(times=2)
        touch(polls, contact)
        await polls.poll()
        ((_, _, properties, _),) = told(polls)
        return properties, [one for one in logged if one["event"] == "source.associated_cut"]

    properties, warned = poll(scenario, reading(ALL))

    assert len(properties["every.id"]) == 100
    assert [one["prefix"] for one in warned] == ["every"]


def test_a_record_that_ends_between_its_page_and_its_associations_stops_nothing(poll):
    async def scenario(polls):
        ids = an_old(polls, 30)
        (company,) = companies(polls)
        for contact in ids:
            join(polls, contact, company)
        await polls.poll(times=2)
        touch(polls, *ids)
        left = set(ids[:3])

        def between(kind, object_):
            if kind == "search" and object_ == "contacts":
                while left:
                    polls.account.erase("contacts", left.pop())

        polls.fake.between = between
        await polls.poll(times=2)
        return {one[0] for one in told(polls)}, set(ids), polls.figures().failures

    found, ids, failures = poll(scenario, reading(FIRST))

    assert found == ids
    assert failures == 0


def test_an_associated_record_that_cannot_be_understood_costs_only_those_that_carry_it(poll):
    async def scenario(polls):
        contact, other = an_old(polls, 2)
        bad, good = companies(polls, 2)
        join(polls, contact, bad)
        join(polls, other, good)
        await polls.poll(times=2)
        touch(polls, contact, other)

        def spoil(kind, object_, body):
            if (kind, object_) != ("read", "companies"):
                return None
            content = json.loads(body)
            for one in content["results"]:
                if one["id"] == bad:
                    one["properties"] = []
            return json.dumps(content).encode()

        polls.fake.spoil = spoil
        await polls.poll(times=2)
        during = [one[0] for one in told(polls)]
        polls.fake.spoil = lambda *_: None
        touch(polls, contact, email="c@x")
        await polls.poll()
        return during, [one[0] for one in told(polls)], (contact, other), polls.figures()

    during, after, (contact, other), figures = poll(scenario, reading(FIRST))

    assert (during, after) == ([other], [contact])
    assert figures.failures == 0
    assert figures.left_out >= 1


def test_a_label_that_is_not_there_is_warned_of_with_those_that_are(poll):
    logs.configure("console", "WARNING")

    async def scenario(polls):
        an_old(polls)
        polls.fake.associations.label("contacts", "companies", "Boss")
        with capture_logs() as logged:
            await polls.poll(times=3)
        return [one for one in logged if one["event"] == "source.label_missing"]

    (warned,) = poll(scenario, reading(replace(FIRST, label="Bos"), replace(PRIMARY, prefix="p")))

    assert warned["label"] == "Bos"
    assert any(one.startswith("Boss (") for one in warned["labels"])
    assert any(one.startswith("Primary (1)") for one in warned["labels"])


@pytest.mark.parametrize("most", [100, 7, 1])
def test_how_many_a_request_may_ask_about_is_found_out(poll, most):
    async def scenario(polls):
        people, (company,) = an_old(polls, 40), companies(polls)
        for contact in people:
            join(polls, contact, company)
        polls.fake.associations.most_inputs = most
        await polls.poll()
        polls.fake.bad.clear()
        rows = await polls.query(
            "SELECT properties FROM known_records WHERE object = 'contacts' AND deleted = 0"
        )
        return len(rows), {json.loads(text).get("companies.id") for (text,) in rows}, company

    count, carried, company = poll(scenario, reading(FIRST))

    assert (count, carried) == (40, {f'"{company}"'})


def test_associations_of_many_pages_are_read_to_their_end(poll):
    async def scenario(polls):
        polls.fake.associations.page = 10
        (contact,) = an_old(polls)
        firms = companies(polls, 95)
        for company in firms:
            join(polls, contact, company)
        primary = polls.fake.associations.primary("contacts", "companies")
        join(polls, contact, firms[-1], primary)
        await polls.poll(times=2)
        touch(polls, contact)
        await polls.poll()
        ((_, _, properties, _),) = told(polls)
        return properties["companies.id"], firms[-1]

    found, expected = poll(scenario, reading(FIRST))

    assert found == expected
