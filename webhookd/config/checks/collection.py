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
    named_secrets,
    networks,
    payloads,
    policies,
    proxies,
    references,
    signatures,
    timers,
    triggers,
)
from webhookd.config.checks.context import Context
from webhookd.config.source_kinds import KINDS, kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.secrets import Secrets
    from webhookd.config.text.node import Collection, Node
    from webhookd.config.tls_files import TlsFiles
    from webhookd.errors import Problem


def check(collection: Collection, secrets: Secrets, tls_files: TlsFiles) -> Iterator[Problem]:
    """Yield every problem of *collection* that is not one of a single value's shape."""
    context = _context(collection, secrets, tls_files)
    yield from defaults.repeated(collection)
    egress = collection.section("egress")
    if egress:
        yield from networks.check(egress)
    for kind in KINDS.values():
        alike = [source for source in context.sources.values() if kind_of(source) is kind]
        yield from kind.check(alike, context, egress)
    if context.defaults:
        yield from policies.check(context.defaults.at("delivery"), {})
    for secret in context.named_secrets.values():
        yield from named_secrets.check(secret, context)
    for app in context.apps.values():
        yield from apps.check(app, context)
    for webhook in collection.entries("webhooks").values():
        yield from check_webhook(webhook, context)


def _context(collection: Collection, secrets: Secrets, tls_files: TlsFiles) -> Context:
    return Context(
        apps=collection.entries("apps"),
        sources=collection.entries("sources"),
        named_secrets=collection.entries("secrets"),
        defaults=collection.section("defaults"),
        secrets=secrets,
        tls_files=tls_files,
        is_whole=all(document.data is not None for document in collection.documents),
    )


def check_webhook(webhook: Node, context: Context) -> Iterator[Problem]:
    """Yield every such problem of one webhook."""
    default_delivery = context.defaults.mapping("delivery") if context.defaults else {}
    return chain(
        references.check(webhook, context),
        triggers.check(webhook),
        timers.check(webhook),
        addresses.check(webhook, context),
        authentication.check(webhook, context),
        signatures.check(webhook, context),
        headers.check(webhook, context),
        payloads.check(webhook, context),
        certificates.check(webhook, context),
        proxies.check(webhook, context),
        policies.check(webhook.at("delivery"), default_delivery),
    )
