"""What is allowed and warned of: secrets that stand literally in the file."""

from __future__ import annotations

import json

import pytest

from webhookd.errors import ConfigError
from webhookd.rules.redaction import Redactor

CANARY = "c4n4ryQz81XkPv0LmR7wTt2Y"
TEXT = f"""\
version: 1
sources:
  crm: {{type: drop_directory, path: drop, object: contacts}}
webhooks:
  chat:
    source: crm
    object: contacts
    request:
      url: https://hooks.slack.com/services/T0A1B2C3/B0Z9Y8X7/{CANARY}
      headers:
        X-Tenant: acme
        X-Api-Key: key-{CANARY}
  plain:
    source: crm
    object: contacts
    request: {{url: "https://example.com/in", headers: {{X-Tenant: acme}}}}
"""


def test_literal_secrets_are_warned_of_and_not_shown(loaded):
    found = [str(warning) for warning in loaded(TEXT).warnings]

    assert ["9:12" in found[0], "12:20" in found[1], len(found)] == [True, True, 2]
    assert "webhooks.chat.request.url: this URL holds a literal secret" in found[0]
    assert "https://hooks.slack.com/services/T0A1B2C3/***" in found[0]
    assert "webhooks.chat.request.headers.X-Api-Key: this header holds a literal" in found[1]
    assert "authentication" in found[1]
    assert CANARY not in "".join(found)


@pytest.mark.parametrize(
    ("request_", "count"),
    [
        ({"url": "https://example.com/in?token={{ secrets.key }}"}, 0),
        ({"url": "https://hooks.slack.com/services/T0/{{ secrets.key }}"}, 0),
        ({"url": "https://hooks.slack.com/services/T0/{{ record.id }}/B0Z9Y8X7W6"}, 1),
        ({"url": "https://example.com/in?token=0123456789&id={{ record.id }}"}, 1),
        ({"headers": {"X-Api-Key": "{{ secrets.key }}", "X-Token": "Token {{ secrets.key }}"}}, 0),
        ({"headers": {"X-Api-Key": "key-{{ record.id }}"}}, 1),
    ],
)
def test_a_secret_that_a_template_names_is_no_literal_one(loaded, minimal, request_, count):
    request = {"url": "https://example.com/hook"} | request_
    request["body"] = {"template": {"a": "{{ secrets.key }}"}}
    text = minimal.replace('{url: "https://example.com/hook"}', json.dumps(request))

    found = loaded(text + "secrets: {key: {env: KEY}}\n", KEY="01234567").warnings

    assert ["literal secret" in str(one) for one in found] == [True] * count


def test_offline_they_are_warned_of_as_well(loaded):
    assert len(loaded(TEXT, offline=True).warnings) == 2


def test_the_redactor_knows_literal_secrets(loaded):
    redactor = Redactor.of(loaded(TEXT).definitions)

    told = redactor.text(
        f"POST /services/T0A1B2C3/B0Z9Y8X7/{CANARY} x-api-key: key-{CANARY} x-tenant: acme"
    )

    assert told == "POST /services/T0A1B2C3/*** x-api-key: *** x-tenant: acme"


def test_a_secret_url_is_no_template(loaded, minimal):
    text = minimal.replace('"https://example.com/hook"', "{env: HOOK}")

    with pytest.raises(ConfigError) as caught:
        loaded(text, HOOK="https://example.com/c4n4ry/{{ record.id }}")

    assert "request.url: a URL that is a secret holds no expressions" in str(caught.value)
    assert "c4n4ry" not in str(caught.value)


@pytest.mark.parametrize(
    ("segment", "secret", "is_right"),
    [
        ("{{ secrets.key }}", "T0/B0/x", True),
        ("services{{ secrets.key }}", "/T0/B0/x", True),
        ("{{ secrets.key }}", "/T0/B0/x", False),
        ("{{ secrets.key }}", "T0/B0/x/", False),
        ("{{ secrets.key }}", "T0//x", False),
        ("{{ secrets.key }}", "T0/%2E%2e/x", False),
        (".{{ secrets.key }}", "./T0", False),
        ("{{ secrets.key }}{{ record.id }}", "T0/", True),
        ("{{ secrets.key if record.id else 'a' }}", "T0?x", False),
        ("{{ secrets.key }}{{ secrets.other }}", "T0/", False),
    ],
)
def test_a_secret_in_a_path_fits_its_place(loaded, minimal, segment, secret, is_right):
    text = minimal.replace("com/hook", f"com/{segment}")
    text += "secrets: {key: {env: KEY}, other: {env: OTHER}}\n"
    try:
        told = ""
        loaded(text, KEY=secret, OTHER="/T1")
    except ConfigError as error:
        told = str(error)

    assert ("cannot stand in a URL's path" not in told) == is_right
    assert "T0" not in told


SHORT = """\
apps: {"1": {client_secret: {env: CLIENT}, previous_client_secrets: [{env: OLD}, {env: OLDER}]}}
"""


def test_secrets_of_fewer_than_8_characters_are_warned_of_with_their_places(loaded, minimal):
    text = minimal.replace(
        '"https://example.com/hook"',
        '"https://example.com/hook", signature: {app_id: "1", scheme: stripe},'
        " body: {static: {note: {env: OLD}}}",
    )
    found = loaded(text + SHORT, CLIENT="seven77", OLD="eight888", OLDER="\U0001f511" * 7).warnings

    assert [(one.line, one.where) for one in found] == [
        (9, "apps.1.client_secret"),
        (9, "apps.1.previous_client_secrets[1]"),
    ]
    assert "fewer than 8 characters" in found[0].message
    assert "seven77" not in str(found)
    assert loaded(text + SHORT, offline=True).warnings == ()


PREVIOUS = """
apps: {"1": {client_secret: {env: CLIENT}, previous_client_secrets: [{env: OLD}]}}
"""


@pytest.mark.parametrize(
    ("signature", "is_warned"),
    [
        ('{app_id: "1"}', True),
        ('[{app_id: "1"}, {app_id: "1", scheme: github}]', True),
        ('[{app_id: "1"}, {app_id: "1", scheme: stripe}]', False),
    ],
)
def test_previous_secrets_that_no_signature_uses_are_warned_of(
    loaded, minimal, signature, is_warned
):
    text = minimal.replace(
        '"https://example.com/hook"', f'"https://example.com/hook", signature: {signature}'
    )
    found = loaded(text + PREVIOUS, CLIENT="client-secret", OLD="older-secret").warnings

    assert [one.where for one in found] == ["apps.1.previous_client_secrets"] * is_warned


def test_static_values_that_are_named_like_secrets_are_warned_of(loaded, minimal):
    static = "{api_key: canary, origin: crm, meta: {password: canary, list: [{token: canary}]}}"
    text = minimal.replace('hook"}', f'hook", body: {{static: {static}}}}}')
    found = loaded(text).warnings

    assert [one.where.partition("static.")[2] for one in found] == [
        "api_key",
        "meta.password",
        "meta.list[0].token",
    ]
    assert "canary" not in str(found)


def test_static_parameters_that_are_named_like_secrets_are_warned_of(loaded, minimal):
    query = "query: {static: {api_key: canary, origin: crm}}"
    (found,) = loaded(minimal.replace('hook"}', f'hook", {query}}}')).warnings

    assert "request.query.static.api_key: this is named like a secret, and stands in" in str(found)
    assert "every query that is kept or shown" in str(found)
    assert "canary" not in str(found)


LEGACY = """\
version: 1
sources:
  crm: {{type: drop_directory, path: drop, object: {object}}}
webhooks:
  gone:
    source: crm
    object: {object}
    trigger: {{changes: {changes}}}
    request:
      url: https://example.com/in
      body: {{format: {format}, static: {static}}}
"""


@pytest.mark.parametrize(
    ("differing", "is_warned"),
    [
        ({}, True),
        ({"object": "deals"}, False),
        ({"changes": "[created, updated]"}, False),
        ({"format": "record"}, False),
        ({"static": "{isDeleted: true}"}, False),
    ],
    ids=["contacts", "deals", "no deletions", "another format", "static"],
)
def test_deletions_that_a_receiver_cannot_tell_from_changes_are_warned_of(
    loaded, differing, is_warned
):
    usual = {"object": "contacts", "changes": "[updated, deleted]", "format": "hubspot_legacy"}
    found = loaded(LEGACY.format(**{**usual, "static": "{}", **differing})).warnings

    assert len(found) == is_warned
    if is_warned:
        assert "11:22: webhooks.gone.request.body.format: with hubspot_legacy" in str(found[0])
        assert "webhook of its own, with another URL or with 'static'" in str(found[0])


def test_secrets_among_what_a_token_is_asked_with_are_warned_of(loaded, minimal):
    client = (
        '"https://example.com/hook", authentication: {type: oauth2, client_id: erp,'
        f' token_url: "https://10.1.2.3/t?api_key={CANARY}", client_secret: {{env: CLIENT}},'
        f' parameters: {{audience: a, password: "{CANARY}"}}}}'
    )

    found = loaded(minimal.replace('"https://example.com/hook"', client), CLIENT="c" * 12).warnings

    told = {one.where.rpartition(".")[2]: one.message for one in found}
    assert len(found) == 3
    assert "literal secret" in told["password"] or "looks like a secret" in told["password"]
    messages = "".join(one.message for one in found)
    assert "egress will refuse this" in messages
    assert "this URL holds a literal secret" in messages
    assert CANARY not in messages
