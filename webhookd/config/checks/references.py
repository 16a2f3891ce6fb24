"""What webhooks refer to: the source, its object, the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config.messages import no_such
from webhookd.config.source_kinds import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.checks.context import Known
    from webhookd.config.text.node import Part
    from webhookd.errors import Problem


def check(webhook: Part, known: Known) -> Iterator[Problem]:
    """Yield each reference of *webhook* that leads nowhere."""
    yield from _source(webhook, known)
    app_id = webhook.text("request", "signature", "app_id")
    if app_id is not None and app_id not in known.apps and known.is_whole:
        message = no_such("app", app_id, known.apps)
        yield webhook.problem(message, "request", "signature", "app_id")


def _source(webhook: Part, known: Known) -> Iterator[Problem]:
    name = webhook.text("source")
    if name is None:
        return
    if name in known.sources:
        source = known.sources[name]
        if kind := kind_of(source):
            yield from kind.check_use(webhook, source)
    elif known.is_whole:
        yield webhook.problem(no_such("source", name, known.sources), "source")
