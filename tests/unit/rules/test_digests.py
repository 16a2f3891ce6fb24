"""A digest changes exactly when the request does, and outlives an upgrade."""

import json
from dataclasses import field, fields, make_dataclass, replace
from pathlib import Path

import pytest

from webhookd.config import loading
from webhookd.definitions import ApiKey, Basic, Bearer, OAuth2, Request, Signature, Tls
from webhookd.model import Secret
from webhookd.rules import digests

DATA = Path(__file__).parents[2] / "data" / "digests"
KEY = b"Z" * 32
ENVIRONMENT = {
    "CLIENT_SECRET": "a secret of an app",
    "API_KEY": "a key of a receiver",
    "NEW_WHSEC": "whsec_bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3",
    "OLD_WHSEC": "whsec_b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xk",
}
REQUEST = Request("POST", "https://receiver.example/hook")


def signed(secret, *previous):
    older = tuple(map(Secret, previous))
    scheme = "standard_webhooks"
    return replace(REQUEST, signature=Signature("app", scheme, Secret(secret), older))


def test_digests_are_those_that_databases_hold():
    webhooks = loading.load(DATA / "webhooks.yaml", environment=ENVIRONMENT).definitions.webhooks
    kept = json.loads((DATA / "scheme-2.json").read_text())

    now = {
        name: [
            digests.request_digest(webhook.request, KEY),
            digests.target_digest(webhook.request, KEY),
        ]
        for name, webhook in webhooks.items()
    }

    assert now == kept


def test_a_new_field_with_a_default_changes_no_digest():
    names = [(one.name, one.type, field(default=None)) for one in fields(Request)]
    later = make_dataclass("Request", [*names, ("template", str | None, field(default=None))])
    values = {one.name: getattr(REQUEST, one.name) for one in fields(Request)}

    before = digests.request_digest(later(**values), KEY)

    assert digests.request_digest(later(**values, template="{{ id }}"), KEY) != before
    same = make_dataclass("Request", names)
    assert digests.request_digest(same(**values), KEY) == before


@pytest.mark.parametrize(
    "change",
    [
        {"url": "https://receiver.example/other"},
        {"authentication": Bearer(Secret("token"))},
        {"signature": signed("secret").signature},
        {"tls": Tls(ca_file=Path("/etc/ca.pem"))},
        {"tls": Tls(client_fingerprint=Secret("a digest of a key"))},
        {"proxy": "direct"},
    ],
    ids=["url", "authentication", "signature", "ca", "client key", "proxy"],
)
def test_what_leads_to_the_receiver_changes_both_digests(change):
    changed = replace(REQUEST, **change)

    assert digests.target_digest(changed, KEY) != digests.target_digest(REQUEST, KEY)
    assert digests.request_digest(changed, KEY) != digests.request_digest(REQUEST, KEY)


def test_what_is_sent_there_changes_the_digest_of_the_request_only():
    changed = replace(REQUEST, headers=(("X-Tenant", "acme"),))

    assert digests.target_digest(changed, KEY) == digests.target_digest(REQUEST, KEY)
    assert digests.request_digest(changed, KEY) != digests.request_digest(REQUEST, KEY)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (signed("old"), signed("new")),
        (signed("new", "old"), signed("new", "older")),
        (
            replace(REQUEST, authentication=ApiKey("key", "query", Secret("one"))),
            replace(REQUEST, authentication=ApiKey("key", "query", Secret("other"))),
        ),
        (
            replace(REQUEST, authentication=Basic("ada", Secret("one"))),
            replace(REQUEST, authentication=Basic("ada", Secret("other"))),
        ),
        (
            replace(REQUEST, authentication=OAuth2("https://t.example", "a", Secret("one"))),
            replace(REQUEST, authentication=OAuth2("https://t.example", "a", Secret("other"))),
        ),
    ],
    ids=["client secret", "previous client secret", "API key", "password", "OAuth2 secret"],
)
def test_another_secret_is_another_digest(one, other):
    assert digests.target_digest(one, KEY) != digests.target_digest(other, KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"token_url": "https://u.example"},
        {"client_id": "b"},
        {"client_id": Secret("a")},
        {"client_secret": Secret("other")},
        {"client_authentication": "post"},
        {"scope": "all"},
        {"parameters": (("audience", "a"),)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_all_that_makes_a_token_another_one_makes_another_client(change):
    client = OAuth2("https://t.example", "a", Secret("one"))

    before = digests.client_digest(client, Tls(), None, KEY)

    assert digests.client_digest(replace(client), Tls(), None, KEY) == before
    assert digests.client_digest(replace(client, **change), Tls(), None, KEY) != before
    assert digests.client_digest(client, Tls(Path("/ca.pem")), None, KEY) != before
    assert digests.client_digest(client, Tls(), "direct", KEY) != before


def test_a_secret_is_another_digest_under_another_key():
    """Whoever has the digests alone cannot try secrets on them."""
    one = signed("secret")

    assert digests.target_digest(one, KEY) != digests.target_digest(one, b"another key")
    assert digests.target_digest(REQUEST, KEY) == digests.target_digest(REQUEST, b"another key")


def test_kinds_of_one_field_with_the_same_content_are_told_apart():
    one, other = Secret("same"), Secret("same")

    assert digests.target_digest(
        replace(REQUEST, authentication=Bearer(one)), KEY
    ) != digests.target_digest(replace(REQUEST, authentication=Basic("", other)), KEY)


def test_a_value_of_an_unknown_kind_is_refused():
    with pytest.raises(TypeError, match="no canonical text for a object"):
        digests.request_digest(replace(REQUEST, headers=(("X", object()),)), KEY)
