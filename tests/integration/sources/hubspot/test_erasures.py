"""Erased records: in no list, found by their absence where a source asks for that."""

from dataclasses import replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from tests.fake_hubspot.limits import RefusedError
from tests.polls import DELETIONS, an_old, settings
from webhookd.sources import kinds
from webhookd.storage.records.lists import listings
from webhookd.telemetry import logs

ERASURES = replace(DELETIONS, absence=timedelta(hours=1))


def ends(polls):
    return [(id_, kind) for id_, kind, _ in polls.news()]


async def alive(polls):
    query = "SELECT record_id FROM known_records WHERE object = 'contacts' AND deleted = 0"
    return {id_ for (id_,) in await polls.query(query)}


def test_an_erased_record_is_found_by_its_absence_and_not_without(poll):
    async def scenario(polls):
        erased, stays = an_old(polls, 2)
        await polls.poll(times=2)
        polls.account.erase("contacts", erased)
        await polls.poll(times=2, every=3600)
        told = ends(polls)
        polls.account.change("contacts", stays, {"email": "b@x"})
        await polls.poll()
        left = await polls.query("SELECT count(*) FROM snapshot_rows")
        how = await polls.query("SELECT deletion FROM changes WHERE change = 'deleted'")
        return told, erased, left, how

    told, erased, left, how = poll(scenario, settings(ERASURES))
    without, *_ = poll(scenario, settings(DELETIONS))

    assert told == [(erased, "deleted")]
    assert left == [(0,)]
    assert how == [("gone",)]
    assert without == []


def test_what_is_archived_is_told_as_archived_and_what_is_merged_as_merged(poll):
    async def scenario(polls):
        erased, archived, survivor, loser, *_ = an_old(polls, 8)
        await polls.poll(times=2)
        polls.account.erase("contacts", erased)
        polls.account.archive("contacts", archived)
        polls.account.merge("contacts", survivor, loser)
        # Nobody says so: as where it was merged before anybody asked for it.
        polls.account.names("contacts", survivor, ())
        await polls.poll(times=2, every=3600)
        query = "SELECT record_id, deletion FROM changes WHERE change = 'deleted' ORDER BY 1"
        return await polls.query(query), (erased, archived, loser, survivor)

    told, (erased, archived, loser, survivor) = poll(scenario, settings(ERASURES))

    assert told == [(erased, "gone"), (archived, "archived"), (loser, f"merged {survivor}")]


def test_without_the_archive_all_that_is_gone_is_found_by_its_absence(poll):
    async def scenario(polls):
        erased, archived, _ = an_old(polls, 3)
        await polls.poll(times=2)
        polls.account.erase("contacts", erased)
        polls.account.archive("contacts", archived)
        await polls.poll(times=2, every=3600)
        asked = {kind for _, kind, _, _ in polls.fake.log}
        return ends(polls), [(erased, "deleted"), (archived, "deleted")], asked

    told, expected, asked = poll(scenario, settings(replace(ERASURES, archive=False)))

    assert told == expected
    assert "archived" not in asked


def test_the_list_is_read_once_in_its_time_a_slice_at_each_poll(poll):
    async def scenario(polls):
        an_old(polls, 9_050)
        await polls.poll()  # the first read, and forty pages of the pass
        polls.fake.requests.clear()
        counts = []
        for _ in range(6):
            await polls.poll(every=30)
            counts.append(polls.fake.requests["list", 200])
            polls.fake.requests.clear()
        polls.time.seconds += 3600
        await polls.poll()
        return counts, polls.fake.requests["list", 200], polls.figures().failures

    counts, later, failures = poll(scenario, settings(ERASURES), fake=None)

    assert counts[0] == 40
    assert counts[1] == 91 - 80
    assert sum(counts[2:]) == 0
    assert later == 40
    assert failures == 0


@pytest.mark.parametrize("empty", [True, False])
def test_a_list_that_lacks_most_is_set_aside_until_a_person_lets_it_through(poll, empty):
    logs.configure("console", "WARNING")

    async def scenario(polls):
        ids = an_old(polls, 40)
        await polls.poll(times=2)
        erased = ids if empty else ids[:30]
        for id_ in erased:
            polls.account.erase("contacts", id_)
        with capture_logs() as logged:
            await polls.poll(times=4, every=3600)
        before = ends(polls)
        ((cursor,),) = await polls.query("SELECT cursor FROM cursors WHERE object = 'contacts'")
        aside = kinds.set_aside(cursor)
        listings.accept(polls.database, "crm", "contacts", aside.number)
        await polls.poll(times=3)
        warned = [one for one in logged if one["event"] == "source.absence_set_aside"]
        return before, aside, ends(polls), erased, warned

    before, aside, after, erased, warned = poll(scenario, settings(ERASURES))

    assert before == []
    assert (aside.missing, aside.known) == (len(erased), 40)
    assert sorted(after) == sorted((id_, "deleted") for id_ in erased)
    assert len(warned) == 1


def test_a_list_that_leaves_out_what_is_there_deletes_nothing(poll):
    async def scenario(polls):
        ids = an_old(polls, 30)
        await polls.poll(times=2)
        whole = polls.account.live("contacts")

        def hidden(kind, object_):
            if kind == "list" and object_ == "contacts":
                polls.account.listed["contacts", False] = whole[8:]

        polls.fake.fault = hidden
        await polls.poll(times=3, every=3600)
        return ends(polls), await alive(polls) == set(ids)

    assert poll(scenario, settings(ERASURES)) == ([], True)


@pytest.mark.parametrize("trouble", ["refused", "circle"])
def test_a_page_that_leads_no_further_has_the_pass_begun_anew(poll, trouble):
    async def scenario(polls):
        ids = an_old(polls, 450)
        await polls.poll(times=2)
        polls.account.erase("contacts", ids[-1])
        calls = {"count": 0}
        lists = polls.fake.spoil

        def fault(kind, object_):
            if kind != "list" or object_ != "contacts":
                return None
            calls["count"] += 1
            if trouble == "refused" and calls["count"] == 3:
                return RefusedError(400, "no such page")
            return None

        def spoil(kind, object_, body):
            if trouble == "circle" and kind == "list" and calls["count"] == 3:
                calls["count"] += 1
                return body.replace(
                    f'"after":"{ids[299]}"'.encode(), f'"after":"{ids[199]}"'.encode()
                )
            return lists(kind, object_, body)

        polls.fake.fault, polls.fake.spoil = fault, spoil
        polls.time.seconds += 3600
        await polls.poll(times=4, every=400)
        polls.fake.bad.clear()
        return ends(polls), ids[-1], polls.figures().failures

    told, erased, failures = poll(scenario, settings(ERASURES))

    assert told == [(erased, "deleted")]
    assert failures == 1


def test_what_comes_and_changes_while_the_list_is_read_stays(poll):
    async def scenario(polls):
        ids = an_old(polls, 500)
        await polls.poll(times=2)
        made = []

        def between(kind, object_):
            if kind == "list" and object_ == "contacts":
                made.append(polls.account.create("contacts", {"email": "n@x"}))
                polls.account.change("contacts", ids[len(made)], {"email": "c@x"})

        polls.fake.between = between
        await polls.poll(times=1, every=3600)
        await polls.poll(times=1)
        polls.fake.between = lambda *_: None
        await polls.poll(times=3, every=600)
        ended = [id_ for id_, kind in ends(polls) if kind == "deleted"]
        return ended, await alive(polls) == {*ids, *made}

    assert poll(scenario, settings(ERASURES)) == ([], True)


def test_an_absence_that_is_not_asked_for_any_more_leaves_nothing_behind(poll):
    async def scenario(polls):
        an_old(polls, 4_500)
        await polls.poll()  # forty pages, and five are left
        noted = await polls.query("SELECT count(*) FROM snapshot_rows")
        await polls.run_source(objects=(DELETIONS,))
        await polls.poll()
        left = await polls.query("SELECT count(*) FROM snapshot_rows")
        ((cursor,),) = await polls.query("SELECT cursor FROM cursors WHERE object = 'contacts'")
        return noted, left, "absence" in cursor

    assert poll(scenario, settings(ERASURES)) == ([(4000,)], [(0,)], False)
