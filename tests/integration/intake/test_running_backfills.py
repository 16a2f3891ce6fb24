"""Backfills that are begun: one for each webhook, whoever asks and how often."""

import asyncio
from dataclasses import replace

from tests.polls import everything, polling, settings
from webhookd.definitions import HubspotObject
from webhookd.delivery.claims import ClaimTable
from webhookd.intake.backfill import BackfillError
from webhookd.intake.running_backfills import Backfills

NEW = replace(everything("contacts"), name="new")


def test_of_two_that_are_begun_at_once_one_is_refused(url):
    async def scenario():
        source = settings(HubspotObject("contacts", ("stage",)))
        async with polling(url, source) as polls:
            for _ in range(20):
                polls.account.create("contacts", {"stage": "lead"})
            polls.time.seconds += 60
            await polls.poll()
            polls.definitions = replace(
                polls.definitions, webhooks={NEW.name: NEW}, sources={NEW.source: source}
            )
            backfills = Backfills(
                polls.writer,
                definitions=lambda: polls.definitions,
                offer=polls._offered,
                claims=ClaimTable(lambda: None),
                clock=polls.time.clock,
                new_id=polls.intake._new_id,
            )
            begun = [backfills.begin(NEW.name, per_second=1000) for _ in range(2)]
            first, second = await asyncio.gather(*begun, return_exceptions=True)
            await first.task
            return second, await polls.query("SELECT count(*) FROM deliveries")

    second, count = asyncio.run(scenario())

    assert isinstance(second, BackfillError)
    assert "is under way" in str(second)
    assert count == [(20,)]
