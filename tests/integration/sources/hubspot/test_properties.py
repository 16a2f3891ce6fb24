"""Which properties are read from HubSpot, and of what type they are."""

from structlog.testing import capture_logs

from tests.fake_hubspot import Account, FakeHubspot
from tests.polls import (
    CONTACTS,
    an_old,
    everything,
    settings,
)
from webhookd.definitions import AllOf, Condition, HubspotObject, Operator, Trigger
from webhookd.telemetry import logs

ALL = HubspotObject("contacts", None)


def test_a_property_that_is_asked_for_the_first_time_is_no_change(poll):
    async def scenario(polls):
        empty, valued = an_old(polls, 2)
        polls.account.change("contacts", valued, {"score": "5"})
        await polls.poll()
        more = HubspotObject("contacts", ("email", "stage", "score"))
        await polls.run_source(objects=(more,))
        await polls.poll(times=2)
        silent = polls.news()
        polls.account.change("contacts", empty, {"score": "1"})
        polls.account.change("contacts", valued, {"score": "6"})
        await polls.poll()
        changed = polls.news()
        await polls.run_source(objects=(CONTACTS,))
        await polls.poll(times=2)
        return silent, changed, polls.news()

    silent, changed, fewer = poll(scenario)

    assert silent == fewer == []
    assert [properties["score"] for _, _, properties in changed] == ["1", "6"]


def test_a_change_beside_a_new_property_is_told_without_it(poll):
    async def scenario(polls):
        (id_,) = an_old(polls, score="5")
        await polls.poll()
        await polls.run_source(objects=(HubspotObject("contacts", ("email", "stage", "score")),))
        polls.account.change("contacts", id_, {"stage": "customer"})
        await polls.poll()
        return [one["previousProperties"] for one in polls.told]

    assert poll(scenario) == [{"stage": "lead"}]


def test_all_properties_are_those_that_there_are_looked_up_every_hour(poll):
    async def scenario(polls):
        (id_,) = an_old(polls)
        await polls.poll()
        polls.account.types["contacts"]["colour"] = "string"
        polls.account.change("contacts", id_, {"colour": "red"})
        await polls.poll(times=2)
        before = polls.news()
        await polls.poll(times=3, every=1900)
        silent = polls.news()
        polls.account.change("contacts", id_, {"colour": "blue"})
        await polls.poll()
        return before, silent, [properties["colour"] for _, _, properties in polls.news()]

    assert poll(scenario, settings(ALL)) == ([], [], ["blue"])


def test_more_properties_than_a_url_or_a_search_can_name_are_read_all_the_same(poll):
    names = tuple(f"a_property_with_a_long_name_{number}" for number in range(500))
    account = Account({"contacts": dict.fromkeys(names, "string")})

    async def scenario(polls):
        id_, *_ = [polls.account.create("contacts", {names[0]: "1"}) for _ in range(150)]
        polls.time.seconds += 600
        await polls.poll()
        polls.account.change("contacts", id_, {names[499]: "2"})
        await polls.poll()
        return polls.news(), id_

    read = HubspotObject("contacts", names)
    news, id_ = poll(scenario, settings(read), everything(), fake=FakeHubspot(account))

    assert news == [(id_, "updated", {names[0]: "1", names[499]: "2"})]


def test_a_chosen_property_that_is_not_there_is_empty_and_warned_of(poll):
    async def scenario(polls):
        an_old(polls)
        await polls.poll(times=2)
        return polls.figures().failures

    logs.configure("console", "WARNING")
    with capture_logs() as logged:
        assert poll(scenario, settings(HubspotObject("contacts", ("email", "nickname")))) == 0

    warned = [one for one in logged if one["event"] == "source.property_missing"]
    assert [one["properties"] for one in warned] == [["nickname"]]


def test_conditions_know_the_type_of_a_property(poll):
    when = AllOf((Condition("met", Operator.GTE, ("2026-01-01",)),))
    webhook = everything(trigger=Trigger(when=when))

    async def scenario(polls):
        await polls.poll()
        polls.account.create("contacts", {"met": "1767225600000"})
        polls.account.create("contacts", {"met": "1767225599999"})
        await polls.poll()
        return [properties for _, _, properties in polls.news()]

    read = HubspotObject("contacts", ("met",))
    assert poll(scenario, settings(read), webhook) == [{"met": "1767225600000"}]
