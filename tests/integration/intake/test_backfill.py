"""Backfill on a real database: known records are told as if they were just met."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from tests.making import a_webhook
from tests.polls import polling, settings
from webhookd.definitions import AllOf, Condition, Enroll, HubspotObject, Operator, Trigger, Wait
from webhookd.delivery.claims import ClaimTable
from webhookd.intake.backfill import Backfill
from webhookd.intake.backfilled_webhook import BackfillError
from webhookd.model import ChangeKind
from webhookd.rules import render
from webhookd.storage.records import backfills
from webhookd.storage.records.backfills import StoredBackfill

CUSTOMERS = AllOf((Condition("stage", Operator.EQ, ("customer",)),))
NEW = replace(a_webhook("new"), source="crm", trigger=Trigger(when=CUSTOMERS))


def maker_of(polls, sleep):
    """Return what makes backfills of what *polls* took in; it sleeps as *sleep* does."""
    return Backfill(
        polls.writer,
        offer=polls._offered,
        claims=ClaimTable(lambda: None),
        clock=polls.time.clock,
        new_id=polls.intake._new_id,
        sleep=sleep,
    )


@pytest.fixture
def backfill(url):
    """Return what runs a scenario where 250 contacts are known, every second one a customer."""

    def run(scenario, webhook=NEW):
        async def inside():
            async with polling(url, settings(HubspotObject("contacts", ("stage",)))) as polls:
                for number in range(250):
                    stage = "customer" if number % 2 else "lead"
                    polls.account.create("contacts", {"stage": stage, "met": "1767225600000"})
                polls.time.seconds += 60
                await polls.poll()
                polls.definitions = replace(polls.definitions, webhooks={webhook.name: webhook})
                unit = partial(backfills.begin, backfill=begun(polls, webhook))
                await polls.writer.write(unit)
                return await scenario(polls, maker_of(polls, polls.time.sleep), webhook)

        return asyncio.run(inside())

    return run


def begun(polls, webhook):
    return StoredBackfill(webhook.name, (), 50.0, polls.time.now())


async def stored(polls):
    ((count,),) = await polls.query("SELECT count(*) FROM deliveries")
    return count


def test_known_records_that_match_are_told_once_and_in_order(backfill):
    async def scenario(polls, maker, webhook):
        made = await maker.run(lambda: webhook)
        return made, polls.news(), await stored(polls)

    made, news, count = backfill(scenario)

    assert (made.records, made.deliveries, count) == (250, 125, 125)
    assert [kind for _, kind, _ in news] == ["created"] * 125
    assert [id_ for id_, *_ in news] == sorted(id_ for id_, *_ in news)


def test_counting_stores_nothing(backfill):
    async def scenario(polls, maker, webhook):
        made = await maker.run(lambda: webhook, count_only=True)
        return made.deliveries, await stored(polls), polls.told

    assert backfill(scenario) == (125, 0, [])


def test_where_narrows_it_and_deleted_records_are_not_meant(backfill):
    async def scenario(polls, maker, webhook):
        await polls.writer.write(
            lambda connection: connection.execute(
                "UPDATE known_records SET deleted = 1, properties = '{}' WHERE record_id < '1101'"
            )
        )
        made = await maker.run(lambda: webhook, where=CUSTOMERS)
        return made.records, made.deliveries

    everything = replace(NEW, trigger=Trigger())
    assert backfill(scenario, everything) == (150, 75)


def test_it_does_not_wait_and_looks_at_while(backfill):
    async def scenario(polls, maker, webhook):
        counted = await maker.run(lambda: webhook, count_only=True)
        made = await maker.run(lambda: webhook)
        due = await polls.query("SELECT count(*) FROM deliveries WHERE due_at <= created_at")
        return counted.deliveries, made.deliveries, due

    wait = Trigger(wait=Wait(timedelta(days=1)), still=CUSTOMERS)
    assert backfill(scenario, replace(NEW, trigger=wait)) == (125, 125, [(125,)])


def test_it_keeps_to_its_rate_and_says_how_far_it_is(backfill):
    async def scenario(polls, maker, webhook):
        began, steps = polls.time.seconds, []
        await maker.run(lambda: webhook, per_second=5, progress=steps.append)
        return polls.time.seconds - began, [one.records for one in steps]

    seconds, steps = backfill(scenario)

    assert seconds == pytest.approx(25, abs=0.1)
    assert steps == [*range(10, 250, 10), 250]


def test_once_is_once_whether_it_was_a_change_or_a_backfill(backfill):
    once = replace(NEW, trigger=Trigger(when=CUSTOMERS, enroll=Enroll.ONCE))

    async def scenario(polls, maker, webhook):
        first = await maker.run(lambda: webhook)
        polls.account.change("contacts", "1002", {"stage": "lead"})
        polls.account.change("contacts", "1002", {"stage": "customer"})
        await polls.poll(times=2)
        counted = await maker.run(lambda: webhook, count_only=True)
        unit = partial(backfills.begin, backfill=begun(polls, webhook))
        await polls.writer.write(unit)
        again = await maker.run(lambda: webhook)
        return first.deliveries, counted.deliveries, again.deliveries, await stored(polls)

    assert backfill(scenario, once) == (125, 0, 0, 125)


def test_a_webhook_of_updates_is_told_of_updates_and_one_of_deletions_of_nothing(backfill):
    updates = replace(NEW, trigger=Trigger(changes=(ChangeKind.UPDATED,)))
    deletions = replace(NEW, trigger=Trigger(changes=(ChangeKind.DELETED,)))

    async def scenario(polls, maker, webhook):
        await maker.run(lambda: webhook)
        return {kind for _, kind, _ in polls.news()}

    assert backfill(scenario, updates) == {"updated"}
    with pytest.raises(BackfillError, match="nothing but deletions"):
        backfill(scenario, deletions)


def test_a_record_that_cannot_be_rendered_is_stored_as_failed(backfill, monkeypatch):
    whole = render.render

    def broken(webhook, change, *, delivery_id):
        if change.record_id == "1002":
            raise ZeroDivisionError
        return whole(webhook, change, delivery_id=delivery_id)

    monkeypatch.setattr(render, "render", broken)

    async def scenario(polls, maker, webhook):
        await maker.run(lambda: webhook)
        return await polls.query("SELECT record_id FROM deliveries WHERE state = 'failed'")

    assert backfill(scenario) == [("1002",)]


@pytest.mark.parametrize("tells", [True, False])
def test_what_is_merged_while_it_runs_is_left_out_and_what_became_of_it_is_not(url, tells):
    """Whichever way a merge is noticed: a record names it, or a read by ids answers with it."""
    contacts = HubspotObject("contacts", ("stage",), deletions=tells)
    webhook = replace(NEW, trigger=Trigger())

    async def scenario():
        async with polling(url, settings(contacts)) as polls:
            ids = [polls.account.create("contacts", {"stage": "lead"}) for _ in range(20)]
            polls.time.seconds += 60
            await polls.poll()
            polls.definitions = replace(polls.definitions, webhooks={webhook.name: webhook})
            await polls.writer.write(partial(backfills.begin, backfill=begun(polls, webhook)))
            polls.told.clear()
            merged = {}

            async def sleep(seconds):
                await polls.time.sleep(seconds)
                if merged:
                    return
                merged[ids[10]] = polls.account.merge("contacts", ids[0], ids[10])
                merged[ids[12]] = polls.account.merge("contacts", ids[1], ids[12], into_new=True)
                more = replace(contacts, properties=("email", "stage"))
                polls.time.seconds += 60
                await polls.run_source(objects=(contacts if tells else more,))
                # The webhook's own lane would tell of the new one as of any change.
                polls.definitions = replace(polls.definitions, webhooks={})
                await polls.poll(times=2)
                polls.definitions = replace(polls.definitions, webhooks={webhook.name: webhook})

            await maker_of(polls, sleep).run(lambda: webhook, per_second=5)
            return ids, merged, [id_ for id_, *_ in polls.news()]

    ids, merged, told = asyncio.run(scenario())

    assert told == sorted({*ids, *merged.values()} - merged.keys())
