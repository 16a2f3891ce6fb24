"""What the list of an API lacked is let through from the page of its source, after it was asked."""

import time
from contextlib import closing

import pytest

from tests.console.stage import Stage
from tests.console.test_pages import Acting, plain_text
from tests.daemon import until
from tests.fake_api import RealTime, running
from webhookd.client.admin_address import AdminAddress
from webhookd.client.blocking import Client
from webhookd.client.client_errors import RefusedError

ITEMS = {
    "records": "data",
    "query": {"limit": "${limit}", "sort": "id"},
    "paging": {"by": "page", "limit": 50, "query": {"page": "${page}"}},
    "detect": {"by": "comparison"},
    "deletions": {"by": "absence"},
}


@pytest.fixture
def lacking(tmp_path):
    """Give a daemon whose API lost most of its records, which nobody believes."""
    with running(RealTime()) as api, Stage(tmp_path) as stage:
        api.create(30)
        source = {
            "type": "rest",
            "base_url": api.url,
            "poll_every": "200ms",
            "requests_per_second": 500,
            "objects": {"items": ITEMS},
        }
        hook = stage.webhook("w") | {
            "source": "crm",
            "object": "items",
            "trigger": {"changes": ["deleted"]},
        }
        stage.daemon.configure({"w": hook}, sources={"crm": source})
        stage.daemon.start()
        until(lambda: len(stage.daemon.known()) == 30, "the first read")
        time.sleep(1.1)
        api.delete(*sorted(api.records)[5:])
        until(lambda: stage.daemon.named("source.absence_set_aside"), "the list set aside")
        yield stage


def test_absences_are_let_through_after_it_was_said_how_many(lacking):
    with lacking.console().viewer() as client:
        acting = Acting(client)
        assert "25 of 30 records of items are missing in the list" in acting.look("/")
        assert "It lacked 25 of 30 records" in acting.look("/sources/crm")

        asked = acting.press("Let through…")

        assert "25 records of items would count as deleted" in asked
        assert "Nothing has happened yet." in asked
        assert lacking.daemon.tally("delivered") == 0
        assert not lacking.daemon.named("person.acted")
        page = acting.html
        assert "items: 25 records may be missing" in acting.press("Let it through")
        lacking.wait_for(delivered=25)
        (act,) = lacking.daemon.named("person.acted")
        assert (act["action"], act["subject"], act["status"]) == ("accept", "crm", 200)
        until(lambda: "a list was set aside" not in acting.look("/sources/crm"), "the end")
        # Somebody else's page, which is out of date by now.
        acting.html = page
        with pytest.raises(AssertionError, match="nothing of it was set aside"):
            acting.press("Let it through")


def test_only_the_reading_that_was_looked_at_is_let_through(lacking):
    client = Client(AdminAddress(lacking.daemon.state / "admin.sock"), None, 30)
    told = client.post("/v1/sources/crm/accept", object="items", dry_run=True)
    assert told["missing"] == 25

    for asked, status, why in (
        ({"object": "items", "number": told["number"] + 1}, 409, "read again since"),
        ({"object": "no-such", "dry_run": True}, 409, "nothing of it was set aside"),
        ({"file": "a.csv", "dry_run": True}, 400, "dry_run: go with object"),
    ):
        with pytest.raises(RefusedError, match=why) as refused:
            client.post("/v1/sources/crm/accept", **asked)
        assert refused.value.status == status
    assert lacking.daemon.tally("delivered") == 0


def test_a_viewer_sees_what_was_set_aside_and_lets_nothing_through(lacking):
    with lacking.console("--role", "viewer").viewer() as client, closing(client):
        text = plain_text(client.get("/sources/crm").text)

        assert "It lacked 25 of 30 records" in text
        assert "Let through" not in text
