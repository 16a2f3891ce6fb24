"""What is cleared away: old deliveries, and changes that the journal has no room for."""

import asyncio
from datetime import timedelta

from tests.making import a_change
from webhookd import clock
from webhookd.operations.activity_counts import ActivityCounts
from webhookd.operations.housekeeping import CHANGES, Housekeeping
from webhookd.storage.database.database import open_database
from webhookd.storage.database.writer import Writer
from webhookd.storage.records import journal, journal_pages


def test_the_journal_keeps_its_bounds_step_by_step(url):
    now = clock.now()
    ages = [timedelta(days=8), timedelta(days=2), timedelta(hours=1)]

    async def scenario():
        database = open_database(url)
        async with Writer(database) as writer:
            for age in ages:
                entries = journal.Entries(now - age, 1000)
                for number in range(2 * CHANGES + 1):
                    entries.add(a_change(record_id=str(number)), None)
                await writer.write(lambda connection: journal.write(connection, "export", entries))  # noqa: B023 - awaited here
            retention = timedelta(days=30)
            await Housekeeping(
                database,
                writer,
                retention=retention,
                activity=ActivityCounts(database, writer, clock.SYSTEM),
                kept=250,
            ).tidy()
        since = now - timedelta(days=7)
        page = journal_pages.page(database, since=since, after=0, limit=10_000)
        database.close()
        return page

    page = asyncio.run(scenario())

    assert len(page.changes) == 250
    assert page.changes[-1].record_id == str(2 * CHANGES)
    left_out = {(one.reason, one.count) for one in page.left_out}
    assert left_out == {("room", 2 * (2 * CHANGES + 1) - 250)}
