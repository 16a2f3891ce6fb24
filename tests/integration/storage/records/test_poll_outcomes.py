"""What the latest polls came to, in both kinds of database."""

from __future__ import annotations

from datetime import timedelta

from tests.making import NOW
from webhookd.model import PollOutcome
from webhookd.storage.records import last_files
from webhookd.storage.records.cursors import Polls

FAILED = PollOutcome(NOW, "the API answered 503: \N{BULLET}\x00", NOW + timedelta(minutes=1))


def test_each_type_of_object_has_its_own_and_the_latest_counts(with_writer, database):
    async def work(writer):
        polls = Polls(writer)
        await polls.remember("crm", "deals", PollOutcome(last_success_at=NOW))
        await polls.remember("crm", "deals", FAILED)
        await polls.remember("crm", "contacts", PollOutcome(last_success_at=NOW))
        return [await polls.outcome("crm", name) for name in ("deals", "contacts", "tickets")]

    assert with_writer(work) == [FAILED, PollOutcome(last_success_at=NOW), PollOutcome()]
    assert last_files.of_all(database) == {}
