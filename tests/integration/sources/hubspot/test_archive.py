"""Archived records: deleted once, unless they were restored."""

import json
from itertools import count

import pytest

from tests.fake_hubspot.endpoints import broken
from tests.polls import (
    DELETIONS,
    LEAD,
    an_old,
    settings,
)


def test_archived_records_are_deleted_once_and_restored_ones_are_created(poll):
    async def scenario(polls):
        gone, back, _stays = an_old(polls, 3)
        early = polls.account.create("contacts", LEAD)
        polls.account.archive("contacts", early)
        await polls.poll()
        polls.account.archive("contacts", gone)
        polls.account.archive("contacts", back)
        await polls.poll(times=3)
        archived = polls.news()
        polls.account.restore("contacts", back)
        polls.account.erase("contacts", gone)
        await polls.poll(times=3)
        return (
            archived,
            polls.news(),
            gone,
            back,
            await polls.query("SELECT * FROM archived_records"),
        )

    archived, restored, gone, back, left = poll(scenario, settings(DELETIONS))

    assert archived == [(gone, "deleted", LEAD), (back, "deleted", LEAD)]
    assert restored == [(back, "created", LEAD)]
    assert len(left) == 1


def test_an_index_that_still_has_what_is_archived_brings_nothing_back(poll):
    async def scenario(polls):
        (id_,) = an_old(polls)
        await polls.poll()
        polls.account.change("contacts", id_, {"stage": "customer"})
        await polls.poll()
        polls.account.lag = lambda: 200.0
        polls.account.archive("contacts", id_)
        await polls.poll(times=12)
        return polls.news()

    news = poll(scenario, settings(DELETIONS))

    assert [kind for _, kind, _ in news] == ["updated", "deleted"]


def test_a_record_that_is_restored_while_the_archive_is_read_was_never_gone(poll):
    async def scenario(polls):
        (id_,) = an_old(polls)
        await polls.poll()
        polls.account.archive("contacts", id_)

        def between(kind, _object):
            if kind == "archived":
                polls.account.restore("contacts", id_)

        polls.fake.between = between
        await polls.poll(times=3)
        return polls.news()

    assert poll(scenario, settings(DELETIONS)) == []


def test_a_large_archive_is_read_slice_by_slice_and_holds_up_no_change(poll):
    async def scenario(polls):
        ids = an_old(polls, 4500)
        for id_ in ids[:-1]:
            polls.account.archive("contacts", id_)
        await polls.poll()
        polls.account.change("contacts", ids[-1], {"stage": "customer"})
        await polls.poll()
        told, cursors = polls.news(), await polls.query("SELECT cursor FROM cursors")
        polls.account.archive("contacts", ids[-1])
        await polls.poll(times=4)
        return told, cursors, polls.news(), polls.fake.requests["archived", 429]

    told, cursors, later, refused = poll(scenario, settings(DELETIONS))

    assert [kind for _, kind, _ in told] == ["updated"]
    assert '"passes":1' in cursors[0][0]
    assert [kind for _, kind, _ in later] == ["deleted"]
    assert refused == 0


@pytest.mark.parametrize("length", [2, 7, 97])
def test_pages_that_lead_in_a_circle_end_each_poll_however_long_the_circle(poll, length):
    async def scenario(polls):
        (id_,) = an_old(polls)
        await polls.poll(times=2)
        pages = count(1)

        def circle(kind, _object):
            if kind != "archived":
                return None
            after = str(next(pages) % length)
            return broken(json.dumps({"results": [], "paging": {"next": {"after": after}}}))

        polls.fake.fault = circle
        await polls.poll(times=10, every=600)
        failures, error = polls.figures().failures, polls.figures().last_error
        polls.fake.fault = lambda *_: None
        polls.account.archive("contacts", id_)
        await polls.poll(times=3, every=600)
        return failures, error, polls.news()

    failures, error, news = poll(scenario, settings(DELETIONS))

    assert failures >= 1
    assert "page" in error
    assert [kind for _, kind, _ in news] == ["deleted"]
