"""What webhooks refer to: the source, its object, the app."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config.checks import hubspot
from webhookd.config.messages import no_such, shown

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
        yield from _object(webhook, known.sources[name])
        yield from hubspot.check_use(webhook, known.sources[name])
    elif known.is_whole:
        yield webhook.problem(no_such("source", name, known.sources), "source")


def _object(webhook: Part, source: Part) -> Iterator[Problem]:
    wanted, read = webhook.text("object"), source.text("object")
    if wanted is not None and read is not None and wanted != read:
        message = f"the source {source.name!r} reads {shown(read)}, not {shown(wanted)}"
        yield webhook.problem(message, "object")
