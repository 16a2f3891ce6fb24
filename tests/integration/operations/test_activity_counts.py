"""What attempts come to over time: counted, written down, read together, merged and deleted."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.making import a_delivery, a_settlement
from webhookd import clock, telemetry
from webhookd.errors import StorageError
from webhookd.model import GivenUp, Held, RetryAt
from webhookd.operations.activity_counts import ActivityCounts
from webhookd.storage.database.database import open_database
from webhookd.storage.database.writer import Writer
from webhookd.storage.deliveries import lanes
from webhookd.storage.deliveries.lanes import ConfiguredLane
from webhookd.telemetry.events import DeliveryAttempted
from webhookd.telemetry.reporter import Reporter

START = datetime(2026, 3, 1, 12, 0, 30, tzinfo=UTC)


class Wrist:
    """A clock that is set by hand."""

    def __init__(self):
        self.at = START
        self.clock = replace(clock.SYSTEM, now=lambda: self.at)


def attempted(at, outcome=None, *, lane=1, seconds=0.5):
    settlement = a_settlement(a_delivery("mirror"), outcome, lane=lane, ended_at=at)
    settlement.attempt.seconds = seconds
    telemetry.report(DeliveryAttempted(settlement))


def counting(url, scenario):
    """Run *scenario* with a clock and what makes a daemon's counts, one after the other."""

    async def run():
        before = telemetry.use_reporter(Reporter())
        database = open_database(url)
        try:
            async with Writer(database) as writer:
                await writer.write(
                    lambda connection: lanes.adopt(
                        connection, [ConfiguredLane("mirror"), ConfiguredLane("orders")], START
                    )
                )
                wrist = Wrist()
                await scenario(
                    wrist, lambda: ActivityCounts(database, writer, wrist.clock), writer, database
                )
        finally:
            database.close()
            telemetry.use_reporter(before)

    asyncio.run(run())


def test_attempts_are_counted_by_what_they_came_to(url):
    async def scenario(wrist, counts, writer, _):
        async with counts() as activity:
            for outcome in (None, None, RetryAt(START, "no"), GivenUp("no"), Held("gone")):
                attempted(START, outcome)
            attempted(START + timedelta(minutes=11), lane=2)
            wrist.at = START + timedelta(minutes=12)
            told = await activity.told(1440)
            one = await activity.told(1440, None, "orders")
        assert told.step == 600
        assert told.first == datetime(2026, 2, 28, 12, 20, tzinfo=UTC)
        assert told.webhooks == {
            "mirror": ((142, 2, 1, 1, 1, 2.5),),
            "orders": ((143, 1, 0, 0, 0, 0.5),),
        }
        assert one.webhooks == {"orders": ((143, 1, 0, 0, 0, 0.5),)}

    counting(url, scenario)


def test_nothing_counts_twice_or_gets_lost_between_memory_and_database(url):
    async def scenario(wrist, counts, writer, _):
        async with counts() as first:
            for number in range(30):
                wrist.at = START + timedelta(seconds=30 * number)
                attempted(wrist.at)
                if number % 4 == 0:
                    await first.write_down()
                told = await first.told(1440)
                assert sum(row[1] for row in told.webhooks["mirror"]) == number + 1
        # Another process, and another daemon: what was left was written at the end.
        async with counts() as second:
            attempted(wrist.at)
            told = await second.told(1440)
            assert sum(row[1] for row in told.webhooks["mirror"]) == 31

    counting(url, scenario)


def test_attempts_count_whichever_way_the_clock_is_set(url):
    async def scenario(wrist, counts, writer, _):
        async with counts() as activity:
            for at in (START, START + timedelta(days=1), START, START - timedelta(days=1), START):
                wrist.at = at
                attempted(at)
                await activity.write_down()
            wrist.at = START + timedelta(minutes=1)
            told = await activity.told(1440)
        assert sum(row[1] for row in told.webhooks["mirror"]) >= 3
        assert telemetry.reporter().failures == 0

    counting(url, scenario)


def test_what_the_database_refuses_is_written_the_next_time(url, monkeypatch):
    async def scenario(wrist, counts, writer, database):
        async with counts() as activity:
            attempted(START)

            async def refused(*_):
                attempted(START)
                raise StorageError("the disk is full")

            with monkeypatch.context() as patch:
                patch.setattr(activity._writer, "write", refused, raising=False)
                await activity.write_down()
            attempted(START)
            assert (await activity.told(1440)).webhooks["mirror"][0][1] == 3
        async with counts() as another:
            assert (await another.told(1440)).webhooks["mirror"][0][1] == 3

    counting(url, scenario)


def test_minutes_are_told_by_who_counted_all_of_them(url):
    async def scenario(wrist, counts, writer, _):
        async with counts() as activity:
            attempted(START)
            early = await activity.told(60)
            wrist.at = START + timedelta(minutes=61)
            attempted(wrist.at)
            late = await activity.told(60)
            wrist.at = START + timedelta(minutes=200)
            attempted(wrist.at)
            assert len(activity._minutes) == 1
            both = await activity.told(1440)
        assert early.step == 600
        # Of a fleet, only tens of minutes are known to everybody.
        assert late.step == (600 if writer.is_shared else 60)
        if not writer.is_shared:
            assert late.first == datetime(2026, 3, 1, 12, 2, tzinfo=UTC)
            assert late.webhooks == {"mirror": ((59, 1, 0, 0, 0, 0.5),)}
        assert sum(row[1] for row in both.webhooks["mirror"]) == 3

    counting(url, scenario)


def test_old_rows_become_hours_and_go_with_retention(url):
    async def scenario(wrist, counts, writer, database):
        def rows():
            with database.reading() as connection:
                query = "SELECT bucket, lane, delivered FROM activity ORDER BY bucket, lane"
                return [tuple(map(int, row)) for row in connection.execute(query)]

        async with counts() as activity:
            for minutes in range(0, 6 * 60, 5):
                attempted(START + timedelta(minutes=minutes), lane=1 + minutes % 2)
            await activity.write_down()
            fine = rows()
            wrist.at = START + timedelta(hours=51)
            await activity.tidy(START - timedelta(days=30))
            merged = rows()
            await activity.tidy(START + timedelta(hours=2))
            left = rows()
        hour = 3_600_000_000
        assert sum(row[2] for row in fine) == sum(row[2] for row in merged) == 72
        assert {row[0] % hour == 0 for row in merged[:6]} == {True}
        assert sum(row[2] for row in merged if row[0] < merged[0][0] + 3 * hour) == 36
        assert len(merged) == 6 + (len(fine) // 2)
        assert [row for row in merged if row[0] > merged[0][0] + 2 * hour] == left

    counting(url, scenario)
