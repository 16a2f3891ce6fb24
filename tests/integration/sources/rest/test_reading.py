"""What changed is found, once, however the API pages and whatever changes meanwhile."""

from __future__ import annotations

from tests.integration.sources.rest.conftest import dump, kinds


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
