"""HubSpot sources: from the file to the plan."""

from datetime import UTC, datetime, timedelta

import pytest

from webhookd.definitions import HubspotObject, HubspotSource
from webhookd.model import Secret

SOURCE = """\
version: 1
egress: {{allow: [127.0.0.0/8]}}
sources:
  crm:
    type: hubspot
    token: {{env: TOKEN}}
    objects: {{contacts: {{properties: [email]}}}}
    {more}
"""


@pytest.fixture
def source(loaded):
    """Return what loads a HubSpot source with some more keys."""

    def load(more=""):
        found = loaded(SOURCE.format(more=more), TOKEN="pat-na1-token")
        return found.definitions.sources["crm"], found

    return load


def test_what_is_not_said_is_as_the_documents_say(source):
    made, found = source()

    assert made == HubspotSource(
        "crm",
        "https://api.hubapi.com",
        Secret("pat-na1-token"),
        (HubspotObject("contacts", ("email",)),),
    )
    assert found.definitions.secrets == (Secret("pat-na1-token"),)
    assert found.warnings == ()


def test_every_key_is_obeyed(source):
    made, _ = source(
        'api_version: v3\n    base_url: "http://127.0.0.1:1/"\n    poll_every: 1s\n'
        "    overlap: 2m\n    requests_per_second: 0.5\n    start: beginning\n"
    )

    assert made.base_url == "http://127.0.0.1:1"
    assert (made.api_version, made.start, made.requests_per_second) == ("v3", "beginning", 0.5)
    assert (made.poll_every, made.overlap) == (timedelta(seconds=1), timedelta(minutes=2))


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("now", "now"),
        ("2026-03-01", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-01T08:00:00+02:00", datetime(2026, 3, 1, 6, tzinfo=UTC)),
        ("2026-03-01 08:00:00.5Z", datetime(2026, 3, 1, 8, 0, 0, 500_000, tzinfo=UTC)),
    ],
)
def test_a_start_is_a_word_or_a_time_in_utc_unless_it_says_otherwise(source, text, start):
    assert source(f"start: {text}")[0].start == start


def test_an_address_that_egress_refuses_is_warned_of(source):
    _, found = source("base_url: https://10.0.0.1")

    assert [problem.where for problem in found.warnings] == ["sources.crm.base_url"]


def test_a_new_token_makes_it_another_source_so_that_a_reload_takes_it(loaded):
    one, other = (
        loaded(SOURCE.format(more=""), TOKEN=token).definitions.sources["crm"] for token in "ab"
    )

    assert one != other
    assert one.identity == other.identity
