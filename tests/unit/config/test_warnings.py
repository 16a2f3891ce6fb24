"""What is allowed and warned of: secrets that stand literally in the file."""

from __future__ import annotations

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


def test_offline_they_are_warned_of_as_well(loaded):
    assert len(loaded(TEXT, offline=True).warnings) == 2


def test_the_redactor_knows_literal_secrets(loaded):
    redactor = Redactor.of(loaded(TEXT).definitions)

    told = redactor.text(
        f"POST /services/T0A1B2C3/B0Z9Y8X7/{CANARY} x-api-key: key-{CANARY} x-tenant: acme"
    )

    assert told == "POST /services/T0A1B2C3/*** x-api-key: *** x-tenant: acme"
