"""Which webhooks may be backfilled under the configuration in force, as what, and why not."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from webhookd.config.messages import no_such
from webhookd.errors import WebhookdError
from webhookd.model import ChangeKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import timedelta

    from webhookd.definitions import Definitions, Webhook


_PAST: Final = "past since "
"""How the text begins that is kept among a backfill's conditions and is not a condition."""


class BackfillError(WebhookdError):
    """The webhook cannot be backfilled, or not any further."""


class TakenOverError(BackfillError):
    """Another daemon goes on with the backfill."""


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


def require_past(webhook: Webhook, past: timedelta | None) -> None:
    """Raise a BackfillError unless *past* goes with the trigger of *webhook*."""
    name = webhook.name
    if webhook.trigger.at is not None and past is None:
        raise BackfillError(
            f"the webhook {name} is due by a date, and known records have their moments by"
            f" themselves; to make up for those of the last 30 days: webhookd backfill {name}"
            " --past 30d"
        )
    if webhook.trigger.at is None and past is not None:
        raise BackfillError(f"--past is for webhooks that are due by a date, and {name} is not")


def past_texts(since: datetime | None) -> Iterator[str]:
    """Yield what is kept of a backfill of past moments, beside its conditions."""
    if since is not None:
        yield f"{_PAST}{since.isoformat()}"


def parted(texts: Sequence[str]) -> tuple[tuple[str, ...], datetime | None]:
    """Return the conditions of a backfill that is kept, and since when moments are made up for."""
    where = tuple(text for text in texts if not text.startswith(_PAST))
    times = [text.removeprefix(_PAST) for text in texts if text.startswith(_PAST)]
    return where, datetime.fromisoformat(times[0]) if times else None


def reported_kind(webhook: Webhook) -> ChangeKind:
    """Return the kind of change as which known records are reported to *webhook*.

    Raises BackfillError when it reports nothing but deletions.
    """
    for kind in (ChangeKind.CREATED, ChangeKind.UPDATED, ChangeKind.DUE):
        if kind in webhook.trigger.changes:
            return kind
    raise BackfillError(f"the webhook {webhook.name} reports nothing but deletions")
