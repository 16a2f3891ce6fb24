"""What the schema cannot say: checks across keys, sections, files and secrets."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from webhookd.config import defaults
from webhookd.config.checks import (
    addresses,
    apps,
    authentication,
    certificates,
    headers,
    networks,
    payloads,
    policies,
    proxies,
    references,
    signatures,
    triggers,
)
from webhookd.config.checks.context import Known
from webhookd.config.source_kinds import KINDS, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.secrets import Secrets
    from webhookd.config.text.node import Collection, Part
    from webhookd.config.tls_files import TlsFiles
    from webhookd.errors import Problem


def check(collection: Collection, secrets: Secrets, tls_files: TlsFiles) -> Iterator[Problem]:
    """Yield every problem of *collection* that is not one of a single value's shape."""
    known = _known(collection, secrets, tls_files)
    yield from defaults.repeated(collection)
    egress = collection.section("egress")
    if egress:
        yield from networks.check(egress)
    for kind in KINDS.values():
        alike = [source for source in known.sources.values() if kind_of(source) is kind]
        yield from kind.check(alike, known, egress)
    if known.defaults:
        yield from policies.check(known.defaults.at("delivery"), {})
    for app in known.apps.values():
        yield from apps.check(app, known)
    for webhook in collection.entries("webhooks").values():
        yield from _webhook(webhook, known)


def _known(collection: Collection, secrets: Secrets, tls_files: TlsFiles) -> Known:
    return Known(
        apps=collection.entries("apps"),
        sources=collection.entries("sources"),
        defaults=collection.section("defaults"),
        secrets=secrets,
        tls_files=tls_files,
        is_whole=all(document.data is not None for document in collection.documents),
    )


def _webhook(webhook: Part, known: Known) -> Iterator[Problem]:
    default_delivery = known.defaults.mapping("delivery") if known.defaults else {}
    return chain(
        references.check(webhook, known),
        triggers.check(webhook),
        addresses.check(webhook),
        authentication.check(webhook, known),
        signatures.check(webhook, known),
        headers.check(webhook),
        payloads.check(webhook),
        certificates.check(webhook, known),
        proxies.check(webhook, known),
        policies.check(webhook.at("delivery"), default_delivery),
    )
