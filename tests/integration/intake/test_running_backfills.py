"""Backfills that are begun: one for each webhook, whoever asks and how often."""

import asyncio
from dataclasses import replace

import pytest

from tests import postgresql
from tests.polls import everything, polling, settings
from webhookd import clock
from webhookd.definitions import HubspotObject
from webhookd.delivery.claims import ClaimTable
from webhookd.intake.backfilled_webhook import BackfillError
from webhookd.intake.running_backfills import Backfills
from webhookd.storage.database.database import open_database
from webhookd.storage.database.writer import Writer
from webhookd.storage.fleet.exclusive import backfilling
from webhookd.storage.records import backfills as stored_backfills
from webhookd.storage.records.backfills import StoredBackfill

NEW = replace(everything("contacts"), name="new")
SOURCE = settings(HubspotObject("contacts", ("stage",)))


def of(polls, *, writer=None):
    """Return the backfills of what *polls* reads, with the webhook NEW in force."""
    polls.definitions = replace(
        polls.definitions, webhooks={NEW.name: NEW}, sources={NEW.source: SOURCE}
    )
    return Backfills(
        writer or polls.writer,
        definitions=lambda: polls.definitions,
        offer=polls._offered,
        claims=ClaimTable(lambda: None),
        clock=polls.time.clock,
        new_id=polls.intake._new_id,
        may_end_unknown=lambda: True,
    )


async def with_leads(polls, count):
    """Have *count* records known."""
    for _ in range(count):
        polls.account.create("contacts", {"stage": "lead"})
    polls.time.seconds += 60
    await polls.poll()


def test_of_two_that_are_begun_at_once_one_is_refused(url):
    async def scenario():
        async with polling(url, SOURCE) as polls:
            await with_leads(polls, 20)
            backfills = of(polls)
            begun = [backfills.begin(NEW.name, per_second=1000) for _ in range(2)]
            first, second = await asyncio.gather(*begun, return_exceptions=True)
            await first.task
            return second, await polls.query("SELECT count(*) FROM deliveries")

    second, count = asyncio.run(scenario())

    assert isinstance(second, BackfillError)
    assert "is under way" in str(second)
    assert count == [(20,)]


class OvertakenWriter:
    """A writer that has something happen as soon as the first read is answered."""

    def __init__(self, writer, happen):
        self._writer = writer
        self._happen = happen

    def __getattr__(self, name):
        return getattr(self._writer, name)

    def read(self, unit):
        """Queue the read; what happens comes before whoever awaits it goes on."""
        answer, happen = self._writer.read(unit), self._happen
        self._happen = lambda: None
        answer.add_done_callback(lambda _: happen())
        return answer


async def store_one(polls, *conditions):
    """Store that a backfill has begun."""
    begun = StoredBackfill(NEW.name, conditions, 50, clock.now())
    await polls.writer.write(lambda connection: stored_backfills.begin(connection, begun))


def test_it_goes_on_from_where_it_is_when_this_daemon_gets_its_lock(url):
    """The daemon that had the lock goes on until then; its records must not be told twice."""

    def step(connection):
        assert stored_backfills.advance(connection, NEW.name, after="9", records=7, deliveries=7)

    async def scenario():
        async with polling(url, SOURCE) as polls:
            await store_one(polls)
            overtaken = OvertakenWriter(polls.writer, lambda: polls.writer.write(step))
            backfills = of(polls, writer=overtaken)
            await backfills.start()
            (running,) = backfills.under_way
            made = running.made
            await running.task
            return made

    made = asyncio.run(scenario())

    assert (made.after, made.records) == ("9", 7)


async def resume_a_wrong_one(polls):
    """Resume a backfill whose conditions the source does not know any more."""
    backfills = of(polls)
    await store_one(polls, "nonsense")
    await backfills.start()
    assert await polls.query("SELECT * FROM backfills") == []


async def begin_a_late_one(polls):
    """Begin a backfill whose webhook a reload takes away while the lock is awaited."""

    def reload():
        polls.definitions = replace(polls.definitions, webhooks={})

    backfills = of(polls, writer=OvertakenWriter(polls.writer, reload))
    with pytest.raises(BackfillError):
        await backfills.begin(NEW.name)


async def is_free(url):
    """Return whether another daemon gets the lock of the webhook NEW within a second."""

    def acquire(connection):
        return connection.session.acquire(backfilling(NEW.name))

    database = open_database(url)
    async with Writer(database) as writer:
        for _ in range(20):
            if await writer.read(acquire):
                break
            await asyncio.sleep(0.05)
        else:
            return False
    database.close()
    return True


@pytest.mark.parametrize("fail", [resume_a_wrong_one, begin_a_late_one])
def test_a_backfill_that_does_not_begin_leaves_its_lock_to_other_daemons(fail):
    server = postgresql.server()
    url = server.url(server.new())

    async def scenario():
        async with polling(url, SOURCE) as polls:
            await fail(polls)
            return await is_free(url)

    assert asyncio.run(scenario())
