"""Every recipe loads, sends what its page shows, and what its receiver's own library takes.

What a record may hold is hostile: braces, markup, mentions, line breaks. It arrives as data.
"""

from __future__ import annotations

import base64
import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch
from urllib.parse import parse_qsl

import pytest
import standardwebhooks
import standardwebhooks.webhooks
import zeep
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from slack_sdk.models.blocks import Block

from tests.documented_requests import AT
from tests.recipes import CREDENTIALS, NAMES, PAGE, RECORDS, loaded, renewed, requests

LOADED = {name: loaded(name) for name in NAMES}
WSDL = Path(__file__).parents[1] / "data" / "recipes" / "erp.wsdl"
HOSTILE = st.one_of(
    st.text(st.characters(codec="utf-8"), max_size=30),
    st.sampled_from(
        [
            '"}],"x":[{"',
            "{{ secrets.pagerduty }}",
            "<!channel> & <@U1> @everyone",
            "a\r\nX-Evil: 1",
            "\u2028\x00\x1f",
            "]]></Name><Name>",
            "x" * 5000,
        ]
    ),
)
EXAMPLES = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


def sent(name, more=None, **changes):
    """Return the first request of a recipe, and its body as JSON."""
    request = requests(LOADED[name], more, **changes)[0]
    return request, json.loads(request.body, parse_float=Decimal)


def shape(value):
    """Return the form of a JSON value, without its texts and numbers."""
    match value:
        case dict():
            return {key: shape(one) for key, one in value.items()}
        case list():
            return [shape(one) for one in value]
        case _:
            return None


def test_the_page_shows_each_recipe_and_what_it_sends():
    page = PAGE.read_text(encoding="utf-8")

    assert sorted(re.findall(r"<!-- recipe: ([\w-]+) -->", page)) == NAMES
    assert renewed(page) == page, "renew it: python -m tests.recipes"


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_stands_in_a_recipe(name):
    text = (PAGE.parent / "recipes" / f"{name}.yaml").read_text()

    assert not [value for value in CREDENTIALS.values() if value in text]


@EXAMPLES
@given(HOSTILE)
def test_slack_takes_the_blocks(text):
    request, body = sent("slack", {"dealname": text, "amount": text, "closedate": text})

    for block in Block.parse_all(body["blocks"]):
        block.validate_json()
    shown = body["blocks"][0]["text"]["text"]
    assert len(shown) <= 3000
    assert "<" not in shown + body["text"]
    assert request.uri == CREDENTIALS["slack-url"]


@EXAMPLES
@given(HOSTILE)
def test_each_json_recipe_keeps_its_form(text):
    for name in ("teams", "discord", "jira", "servicenow", "standard-webhooks"):
        object_ = next(iter(LOADED[name].webhooks.values())).object
        _, usual = sent(name)
        _, hostile = sent(name, dict.fromkeys(RECORDS[object_][1], text))

        changed = {"data"} if name == "standard-webhooks" else set()
        assert shape({k: v for k, v in hostile.items() if k not in changed}) == shape(
            {k: v for k, v in usual.items() if k not in changed}
        )


def test_a_card_for_teams_is_an_adaptive_card():
    _, body = sent("teams")

    (attachment,) = body["attachments"]
    assert body["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert attachment["content"]["type"] == "AdaptiveCard"
    assert attachment["content"]["$schema"].endswith("/adaptive-card.json")
    assert {one["type"] for one in attachment["content"]["body"]} <= {"TextBlock", "FactSet"}


@EXAMPLES
@given(HOSTILE)
def test_discord_mentions_nobody_and_gets_at_most_2000_characters(text):
    _, body = sent("discord", {"dealname": text})

    assert body["allowed_mentions"] == {"parse": []}
    assert len(body["content"]) <= 2000


@EXAMPLES
@given(HOSTILE)
def test_pagerduty_gets_its_key_and_what_it_asks_for(text):
    request, body = sent("pagerduty", {"subject": text})

    assert body["routing_key"] == CREDENTIALS["pagerduty-key"]
    assert body["event_action"] in {"trigger", "acknowledge", "resolve"}
    assert body["dedup_key"] == "tickets/404"
    assert body["payload"]["severity"] in {"critical", "error", "warning", "info"}
    assert 0 < len(body["payload"]["summary"]) <= 1024
    assert body["payload"]["custom_details"]["subject"] == text
    assert datetime.fromisoformat(body["payload"]["timestamp"]).tzinfo is not None
    assert request.uri == "https://events.pagerduty.com/v2/enqueue"


@EXAMPLES
@given(HOSTILE)
def test_jira_gets_a_summary_of_one_line_and_a_document(text):
    request, body = sent("jira", {"subject": text, "content": text})

    summary = body["fields"]["summary"]
    assert 0 < len(summary) <= 255
    assert "\n" not in summary
    (paragraph,) = body["fields"]["description"]["content"]
    assert paragraph["content"] == [{"type": "text", "text": text or "-"}]
    pair = base64.b64decode(dict(request.headers)["authorization"].removeprefix("Basic "))
    assert pair == b"bot@acme.example:EXAMPLE-SECRET"


def test_servicenow_gets_a_token():
    request, body = sent("servicenow")

    assert dict(request.headers)["authorization"] == "Bearer TOKEN"
    assert body["urgency"] == "1"


def test_automation_hooks_get_all_there_is():
    _, body = sent("automation-hooks")

    assert body["now"] == RECORDS["contacts"][1]
    assert body["changed"] == ["email"]
    assert "email" not in body["before"]


@EXAMPLES
@given(HOSTILE.filter(lambda text: text not in {"", ".", ".."}))
def test_a_rest_api_gets_one_address_for_each_record(record_id):
    put, delete = requests(LOADED["rest-upsert"], record_id=record_id)

    for request in (put, delete):
        path, _, query = request.target.partition("?")
        assert path.count("/") == 2
        assert query == "tenant=acme"
    body = json.loads(put.body, parse_float=Decimal)
    assert b'"revenue":1250.50,' in put.body
    assert body["languages"] == ["de", "en"]
    assert "owner" not in body
    assert dict(put.headers)["Idempotency-Key"] == dict(put.headers)["webhook-id"]
    assert (put.method, delete.method, delete.body) == ("PUT", "DELETE", b"")


XML_TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=30
)


@EXAMPLES
@given(XML_TEXT, XML_TEXT.filter(bool))
def test_soap_sends_what_a_soap_library_would(name, record_id):
    request = requests(LOADED["soap"], {"name": name}, record_id=record_id)[0]

    client = zeep.Client(str(WSDL))
    theirs = client.create_message(
        client.service, "Upsert", Name=name, Domain="mueller.example", id=record_id
    )
    ours = etree.fromstring(request.body)
    for element in ours.iter():
        # Blanks between elements are the template's own.
        element.tail = None
        element.text = element.text if len(element) == 0 else None
    assert canonical(ours) == canonical(theirs)
    assert dict(request.headers)["SOAPAction"] == '"urn:upsert"'


def canonical(element):
    """Return an element and all in it by their names, whatever prefixes they were written with."""
    return (
        element.tag,
        dict(element.attrib),
        element.text or "",
        [canonical(one) for one in element],
    )


def test_a_form_is_read_back():
    request = requests(LOADED["form"])[0]

    assert parse_qsl(request.body.decode(), strict_parsing=True) == [
        ("email", "Ada@Example.com"),
        ("name", "Ada"),
        ("tag", "de"),
        ("tag", "en"),
    ]


def test_the_library_of_standard_webhooks_verifies_its_recipe():
    request = requests(LOADED["standard-webhooks"])[0]

    with patch.object(standardwebhooks.webhooks, "datetime") as clock:
        clock.now.return_value = AT.astimezone(UTC)
        clock.fromtimestamp = datetime.fromtimestamp
        found = standardwebhooks.Webhook(CREDENTIALS["whsec"]).verify(
            request.body.decode(), dict(request.headers)
        )
    assert found["type"] == "deals.updated"
