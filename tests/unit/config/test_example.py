"""The example and the reference: complete, right, and up to date."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import trustme

from webhookd.config import loading
from webhookd.config.reference import reference
from webhookd.config.schema import schema

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "config.example.yaml"


def keys_of(node) -> set[str]:
    """Return every key that a schema gives a meaning to, at any depth."""
    if isinstance(node, list):
        return set().union(*map(keys_of, node))
    if not isinstance(node, dict):
        return set()
    found = set(node.get("properties", ()))
    for word, child in node.items():
        if word in {"properties", "$defs", "patternProperties"}:
            found = found.union(*map(keys_of, child.values()))
        elif word not in {"examples", "default"}:
            found |= keys_of(child)
    return found


def test_the_example_passes_once_its_secrets_exist(tmp_path, authority_pem):
    shutil.copy(EXAMPLE, tmp_path / "config.yaml")
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "previous-client-secret").write_text("previous\n")
    (secrets / "erp-ca.pem").write_bytes(authority_pem)
    client = trustme.CA().issue_cert("webhookd.example.com")
    client.cert_chain_pems[0].write_to_path(secrets / "erp-client.pem")
    client.private_key_pem.write_to_path(secrets / "erp-client-key.pem")
    (secrets / "portal-token").write_text("portal-token")
    (secrets / "hubspot-token").write_text("pat-token")
    (secrets / "shop-token").write_text("shop-token")
    (secrets / "pipedrive-token").write_text("pipedrive-token")
    (secrets / "shop-wake-token").write_text("shop-wake-token")
    (secrets / "mirror-refresh-token").write_text("refresh-token")
    (secrets / "chat-room-key").write_text("room-7f3a9c")
    environment = {
        "ERP_CLIENT_SECRET": "a" * 32,
        "ERP_KEY": "b" * 32,
        "BI_PASSWORD": "c" * 8,
        "BI_CLIENT_SECRET": "e" * 32,
        "MIRROR_CLIENT_ID": "f" * 32,
        "MIRROR_CLIENT_SECRET": "g" * 32,
        "PROXY_PASSWORD": "d" * 8,
        "CHAT_URL": "https://chat.example.com/hooks/5f2c8e",
        "CREDENTIALS_DIRECTORY": str(secrets),
    }

    found = loading.load(tmp_path / "config.yaml", environment=environment)

    names = {
        "new-customer",
        "customer-portal",
        "deal-gone",
        "deal-mirrored",
        "deal-won",
        "price-changed",
        "renewal-reminder",
        "meeting-soon",
        "quiet-contact",
        "tell-operations",
    }
    assert found.definitions.webhooks.keys() == names
    assert found.warnings == ()
    assert len(found.definitions.secrets) == 15


def test_the_example_passes_offline_as_it_stands():
    assert loading.load(EXAMPLE, environment={}, offline=True).is_offline


def test_the_example_shows_every_key():
    live = "\n".join(line.partition(" #")[0] for line in EXAMPLE.read_text().splitlines())

    missing = {key for key in keys_of(schema()) if not re.search(rf"\b{key}:", live)}

    assert missing == set()


def test_the_reference_is_the_one_that_the_schema_gives():
    assert (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8") == reference(), (
        "renew it: python -m webhookd.config.reference > docs/configuration.md"
    )


def test_the_reference_explains_every_key_and_its_links_lead_somewhere():
    text = reference()
    headings = {
        re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    }

    assert {key for key in keys_of(schema()) if f"| `{key}` |" not in text} == set()
    assert set(re.findall(r"\(#([^)]*)\)", text)) <= headings
