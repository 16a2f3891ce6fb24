"""Which webhooks may be backfilled, under the configuration in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config.messages import no_such
from webhookd.intake.backfill import BackfillError, reported_kind

if TYPE_CHECKING:
    from webhookd.definitions import Definitions, Webhook


class UnknownBackfillError(BackfillError):
    """There is no such webhook in force, or no backfill of it."""


def may_be_backfilled(definitions: Definitions, name: str) -> Webhook:
    """Return the webhook *name* of *definitions*.

    Raises an UnknownBackfillError or a BackfillError when it cannot be backfilled.
    """
    webhook = definitions.webhooks.get(name)
    if webhook is None:
        there = sorted(definitions.webhooks)
        raise UnknownBackfillError(f"in the configuration {no_such('webhook', name, there)}")
    if not webhook.enabled:
        raise BackfillError(
            f"the webhook {name} is disabled; set `enabled: true`, reload, and ask again"
        )
    reported_kind(webhook)
    return webhook


def still_is(definitions: Definitions, begun: Webhook) -> Webhook:
    """Return the webhook that a backfill of *begun* goes on with.

    Raises what `may_be_backfilled` does, and a BackfillError when it reports other records now.
    """
    webhook = may_be_backfilled(definitions, begun.name)
    if (webhook.source, webhook.object) != (begun.source, begun.object):
        raise BackfillError(f"the webhook {begun.name} has another source or object now")
    return webhook
