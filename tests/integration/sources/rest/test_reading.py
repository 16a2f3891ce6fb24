"""What changed is found, once, however the API pages and whatever changes meanwhile."""

from __future__ import annotations

from datetime import timedelta

from tests.fake_api import EPOCH
from tests.integration.sources.rest.conftest import dump, kinds
from webhookd.definitions import RestDetect


def test_a_first_read_is_silent_and_what_changes_then_is_told(reading, api):
    ids = [api.create()[0] for _ in range(35) if api.later(0.01) is None]
    api.later(60)
    crm = reading()
    assert crm.poll() == []
    assert crm.known() == dump(api)

    api.later(60)
    made = api.create(3)
    api.later(1)
    api.update(*ids[:15], name="moved")
    assert kinds(crm.poll()) == {"created": made, "updated": ids[:15]}
    assert crm.known() == dump(api)


def test_an_object_that_is_defined_otherwise_is_read_again_in_silence(reading, api):
    ids = api.create(35, city="Berlin")
    api.later(60)
    crm = reading()
    crm.poll()
    api.later(60)
    api.update(ids[0], name="moved")
    for changes in (
        {"properties": ("name", "city")},
        {"properties": {"label": "name", "town": "city"}},
        {},
        {"detect": RestDetect(), "query": {"sort": "id"}},
    ):
        told = reading(**changes).poll()
        assert {one["objectId"] for one in told} <= {ids[0]}
        api.later(60)
    api.update(ids[1], city="Paris")
    told = reading(detect=RestDetect(), query={"sort": "id"}).poll()
    assert kinds(told)["updated"][-1] == ids[1]
    assert crm.known() == dump(api)


def test_what_is_ignored_moves_in_silence(reading, api):
    ids = api.create(15)
    api.later(60)
    crm = reading(ignore=("name",))
    crm.poll()
    api.later(60)
    api.update(*ids, name="moved")
    assert crm.poll() == []
    assert crm.known() == dump(api)


def test_a_start_from_the_beginning_tells_all_of_it_once(reading, api):
    ids = api.create(35)
    api.later(60)
    crm = reading(source={"start": "beginning"})
    crm.poll()
    told = kinds(crm.poll(times=3, every=3600))
    assert {kind: sorted(one) for kind, one in told.items()} == {"created": ids}


def test_a_start_at_a_time_tells_what_was_modified_since(reading, api):
    old = api.create(35)
    api.later(600)
    start = EPOCH + timedelta(microseconds=api.now)
    api.later(1)
    new = api.create(3)
    api.update(*old[:2], name="moved")
    api.later(60)
    crm = reading(source={"start": start})
    assert kinds(crm.poll()) == {"updated": old[:2], "created": new}
