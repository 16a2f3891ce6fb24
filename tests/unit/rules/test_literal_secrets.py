"""Secrets that stand literally in URLs and headers."""

from __future__ import annotations

import json

import pytest

from webhookd.rules import literal_secrets
from webhookd.rules.difference import compare
from webhookd.rules.literal_secrets import secrets_of_url, shown_document, shown_header, shown_url

CANARY = "c4n4ryQz81XkPv0LmR7wTt2Y"

SHOWN = {
    f"https://hooks.slack.com/services/T0A1B2C3/B0Z9Y8X7/{CANARY}": (
        "https://hooks.slack.com/services/T0A1B2C3/***"
    ),
    f"https://HOOKS.slack.com:443/triggers/T0A1/77/{CANARY}?a=1": (
        "https://HOOKS.slack.com:443/triggers/T0A1/***"
    ),
    f"https://hooks.slack-gov.com/services/T1/B2/{CANARY}": (
        "https://hooks.slack-gov.com/services/T1/***"
    ),
    f"https://acme.webhook.office.com/webhookb2/11-22@33-44/IncomingWebhook/{CANARY}/55": (
        "https://acme.webhook.office.com/webhookb2/11-22@33-44/***"
    ),
    f"https://discord.com/api/webhooks/998877/{CANARY}": "https://discord.com/api/webhooks/***",
    f"https://ptb.discord.com/api/v10/webhooks/9/{CANARY}": "https://ptb.discord.com/api/v10/***",
    f"https://discordapp.com/api/webhooks/9/{CANARY}": "https://discordapp.com/api/webhooks/***",
    f"https://prod-7.westeurope.logic.azure.com:443/workflows/ab/triggers/x?sp=1&sig={CANARY}": (
        "https://prod-7.westeurope.logic.azure.com:443/workflows/ab/***"
    ),
    f"https://x.de.environment.api.powerplatform.com/powerautomate/a/b?sig={CANARY}": (
        "https://x.de.environment.api.powerplatform.com/powerautomate/a/***"
    ),
    f"https://hooks.zapier.com/hooks/catch/1234/{CANARY}/": (
        "https://hooks.zapier.com/hooks/catch/***"
    ),
    f"https://hook.eu1.make.com/{CANARY}": "https://hook.eu1.make.com/***",
    f"https://api.telegram.org/bot1:{CANARY}/sendMessage": "https://api.telegram.org/***",
    f"https://chat.googleapis.com/v1/spaces/AA/messages?key=a&token={CANARY}": (
        "https://chat.googleapis.com/v1/spaces/***"
    ),
    f"https://hooks.slack.com/services?x={CANARY}": "https://hooks.slack.com/services?***",
    f"https://erp.example.com/in?tenant=7&api_key={CANARY}&v=2": (
        "https://erp.example.com/in?tenant=7&api_key=***&v=2"
    ),
    f"https://erp.example.com/in?Access%5FToken={CANARY}": (
        "https://erp.example.com/in?Access%5FToken=***"
    ),
    f"https://fn.azurewebsites.net/api/take?code={CANARY}": (
        "https://fn.azurewebsites.net/api/take?code=***"
    ),
}


@pytest.mark.parametrize("url", SHOWN)
def test_a_url_that_is_a_secret_is_shown_up_to_the_second_segment(url):
    assert shown_url(url) == SHOWN[url]
    assert shown_url(SHOWN[url]) == SHOWN[url]
    assert any(CANARY in secret for secret in secrets_of_url(url))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/services/T0A1/B0Z9/x",
        "https://slack.com/api/chat.postMessage",
        "https://hooks.slack.com/services/T0A1",
        "https://hooks.slack.com.example.com/a/b/c",
        "https://discord.com/channels/1/2",
        "https://prod.logic.azure.com/workflows/a/triggers/b?api-version=2016-06-01",
        "https://example.com/in?code=7&key_account=no&sort_key=name&author=me",
        "https://[::1]:8443/a/b/c?x",
        "/services/T0A1/B0Z9/x",
        "no URL",
    ],
)
def test_any_other_url_is_shown_whole(url):
    assert shown_url(url) == url
    assert not list(secrets_of_url(url))


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "X-Api-Key",
        "apikey",
        "X-Auth-Token",
        "PRIVATE-TOKEN",
        "Ocp-Apim-Subscription-Key",
        "X-Shared-Secret",
        "Cookie",
        "x-functions-key",
        "X-Key",
    ],
)
def test_what_such_a_header_carries_is_not_shown(name):
    assert shown_header(name, "anything") == "***"


@pytest.mark.parametrize("name", ["X-Tenant", "Idempotency-Key", "X-Routing-Key", "X-Author"])
def test_other_headers_are_shown_unless_their_value_is_a_token(name):
    assert shown_header(name, "acme") == "acme"
    assert shown_header(name, f"Bearer {CANARY}") == "***"
    assert shown_header(name, f"sk_live_{CANARY}") == "***"


def test_words_and_dates_of_a_secret_url_are_not_sought_in_other_texts():
    url = f"https://p.logic.azure.com/workflows/a/triggers/manual?v=2016-06-01&sig={CANARY}"

    sought = set(secrets_of_url(url))

    assert CANARY in sought
    assert not {"triggers", "manual", "2016-06-01"} & sought


def a_document(url, key="k-1", tenant="acme"):
    headers = {"X-Api-Key": key, "X-Tenant": tenant}
    hook = {"source": "crm", "request": {"url": url, "method": "POST", "headers": headers}}
    return {"sources": {}, "webhooks": {"hook": hook}}


def test_a_document_is_shown_without_them_and_stays_as_it_was():
    document = a_document(f"https://hooks.slack.com/services/T1/B1/{CANARY}")
    before = json.dumps(document)

    shown = shown_document(document)

    request = shown.document["webhooks"]["hook"]["request"]
    assert request["url"] == "https://hooks.slack.com/services/T1/***"
    assert request["headers"] == {"X-Api-Key": "***", "X-Tenant": "acme"}
    assert request["method"] == "POST"
    assert set(shown.digests["hook"]) == {"request.url", "request.headers.X-Api-Key"}
    assert json.dumps(document) == before
    assert shown_document(shown.document).document == shown.document


def test_what_a_token_is_asked_with_is_shown_without_them():
    client = {
        "type": "oauth2",
        "token_url": f"https://login.example.com/token?code={CANARY}&api_key={CANARY}",
        "client_id": "erp",
        "parameters": {"audience": "https://api.example.com", "api_token": CANARY},
    }
    document = a_document("https://a.example/")
    document["webhooks"]["hook"]["request"]["authentication"] = client

    shown = shown_document(document)

    assert shown.document["webhooks"]["hook"]["request"]["authentication"] == client | {
        "token_url": f"https://login.example.com/token?code={CANARY}&api_key=***",
        "parameters": {"audience": "https://api.example.com", "api_token": "***"},
    }
    assert {
        "request.authentication.token_url",
        "request.authentication.parameters.api_token",
    } < set(shown.digests["hook"])


def test_digests_tell_another_hidden_value_from_the_same_one():
    one, same, other = (
        shown_document(a_document(f"https://hooks.slack.com/services/T1/B1/{CANARY}", key)).digests
        for key in ("k-1", "k-1", "k-2")
    )

    assert one == same
    assert {name for name in one["hook"] if one["hook"][name] != other["hook"][name]} == {
        "request.headers.X-Api-Key"
    }


def test_a_setting_that_is_seen_to_differ_is_not_told_a_second_time_as_a_secret():
    before, after = a_document("https://a.example/"), a_document("https://b.example/")

    found = compare(before, after, secrets={"hook": ("request.url", "request.headers.X-Api-Key")})

    assert [setting.name for setting in found.webhooks[0].settings] == [
        "request.url",
        "request.headers.X-Api-Key",
    ]


def test_the_shape_of_a_document_of_no_webhooks_is_left_alone():
    assert literal_secrets.shown_document({}).document == {}
