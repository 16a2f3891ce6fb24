"""HubSpot sources: from the file to the plan."""

from datetime import UTC, datetime, timedelta

import pytest

from webhookd.definitions import HubspotAssociated, HubspotObject, HubspotOwner, HubspotSource
from webhookd.errors import ConfigError
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


CARRIED = """\
version: 1
sources:
  crm:
    type: hubspot
    token: {{env: TOKEN}}
    objects:
      contacts:
        properties: {properties}
        associated:
          companies: {{properties: [name], label: primary}}
          project: {{object: 2-77, properties: [title], take: all, label: {{type_id: 37}}}}
        owners: {{owner: {{of: hubspot_owner_id, properties: [email]}}}}
webhooks:
  tell:
    source: crm
    object: contacts
    trigger: {trigger}
    request: {{url: "https://example.com/", body: {{properties: [companies.name, owner.id]}}}}
"""


def test_what_is_carried_is_read_as_it_is_written(loaded):
    found = loaded(CARRIED.format(properties="[email]", trigger="{}"), TOKEN="pat-token-1")

    source = found.definitions.sources["crm"]
    (read,) = source.objects
    assert read.associated == (
        HubspotAssociated("companies", "companies", ("name",), "primary"),
        HubspotAssociated("project", "2-77", ("title",), type_id=37, take="all"),
    )
    assert read.owners == (HubspotOwner("owner", "hubspot_owner_id", ("email",)),)
    carried = {"companies.id", "companies.name", "project.id", "project.title"}
    assert read.carried == carried | {"owner.id", "owner.email"}
    assert read.unwatched == read.carried - {"companies.id", "project.id"}
    assert {*source.listed_properties("contacts")} == {"email", "hubspot_owner_id", *read.carried}
    assert found.warnings == ()


@pytest.mark.parametrize("properties", ["[email]", "all"])
def test_a_list_of_values_that_is_compared_as_one_is_warned_of(loaded, properties):
    trigger = (
        "{when: [{property: project.title, operator: EQ, value: x},"
        " {property: companies.name, operator: EQ, value: x},"
        " {property: project.id, operator: HAS_PROPERTY}]}"
    )

    found = loaded(CARRIED.format(properties=properties, trigger=trigger), TOKEN="pat-token-1")

    (problem,) = found.warnings
    assert problem.where == "webhooks.tell.trigger.when[0].operator"
    assert "take: all" in problem.message


@pytest.mark.parametrize(
    "trigger",
    [
        "{changed_properties: [companies.name]}",
        "{changed_properties: [owner.id]}",
        "{at: {property: companies.name, days: 1, time: '09:00', zone: UTC}}",
    ],
)
def test_what_is_carried_is_not_compared_so_that_nothing_waits_for_it(loaded, trigger):
    with pytest.raises(ConfigError) as raised:
        loaded(CARRIED.format(properties="all", trigger=trigger), TOKEN="pat-token-1")

    assert "is carried, not compared" in str(raised.value)


def test_which_record_is_associated_is_compared(loaded):
    trigger = "{changed_properties: [companies.id, hubspot_owner_id]}"

    assert loaded(CARRIED.format(properties="[email]", trigger=trigger), TOKEN="pat-token-1")
