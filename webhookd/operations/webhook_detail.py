"""One webhook whole: how it stands, and what the configuration in force says of it."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from webhookd.operations.view_builders import as_written
from webhookd.rules.retry import waiting_time
from webhookd.views.webhooks import PlaceView, ShownWebhookView, WebhookView

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from webhookd.config.text.written_file import WrittenFile
    from webhookd.definitions import Webhook
    from webhookd.rules.redaction import Redactor

MOST_WAITS: Final = 200
"""Waits of a schedule that are told."""


def shown_webhook(
    standing: WebhookView,
    webhook: Webhook | None,
    document: Mapping[str, Any],
    written: Sequence[WrittenFile],
    redactor: Redactor,
) -> ShownWebhookView:
    """Return a webhook whole; *document* is the configuration in force as it may be shown."""
    told: dict[str, Any] = {one.name: getattr(standing, one.name) for one in fields(standing)}
    definition = document.get("webhooks", {}).get(standing.webhook)
    text, place = None, None
    for file in written:
        lines = file.webhooks.get(standing.webhook)
        if lines is not None:
            text = redactor.text(file.lines(*lines))
            place = PlaceView(file.file, *lines)
            break
    return ShownWebhookView(
        **told,
        definition=None if definition is None else as_written(definition),
        text=text,
        place=place,
        schedule=() if webhook is None else tuple(_schedule(webhook)),
    )


def _schedule(webhook: Webhook) -> list[float]:
    retry = webhook.delivery.retry
    waits: list[float] = []
    passed = timedelta()
    while passed < retry.give_up_after and len(waits) < MOST_WAITS:
        wait = min(waiting_time(retry, len(waits) + 1, 0.0), retry.give_up_after - passed)
        waits.append(wait.total_seconds())
        passed += wait
    return waits
