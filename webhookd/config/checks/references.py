"""What webhooks refer to: the source, its object, the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config.checks import signatures
from webhookd.config.messages import no_such
from webhookd.config.source_kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.errors import Problem


def check(webhook: Node, context: Context) -> Iterator[Problem]:
    """Yield each reference of *webhook* that leads nowhere."""
    yield from _source(webhook, context)
    for signature in signatures.listed(webhook.at("request")):
        yield from signatures.unknown_app(signature, context)


def _source(webhook: Node, context: Context) -> Iterator[Problem]:
    name = webhook.text("source")
    if name is None:
        return
    if name in context.sources:
        source = context.sources[name]
        if kind := kind_of(source):
            yield from kind.check_use(webhook, source)
    elif context.is_whole:
        yield webhook.problem(no_such("source", name, context.sources), "source")
