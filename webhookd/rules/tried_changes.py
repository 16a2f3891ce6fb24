"""What a webhook is tried with where no change of the journal is taken: a record's, or none's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from webhookd.model import ChangeKind
from webhookd.rules import usage

if TYPE_CHECKING:
    from webhookd.definitions import Webhook
    from webhookd.model import Properties


def usual_kind(webhook: Webhook, *, has_before: bool) -> ChangeKind:
    """Return what most likely has happened to a record that *webhook* is tried with."""
    order = tuple(ChangeKind)
    if has_before:
        order = (ChangeKind.UPDATED, ChangeKind.DELETED, ChangeKind.CREATED, ChangeKind.DUE)
    return next(kind for kind in order if kind in webhook.trigger.changes)


def previous(
    kind: ChangeKind, properties: Properties, before: Properties | None
) -> Properties | None:
    """Return the properties before a change of a *kind*, those *before* it where they are known."""
    match kind:
        case ChangeKind.CREATED:
            return None
        case ChangeKind.UPDATED:
            return before or {}
        case ChangeKind.DELETED | ChangeKind.DUE:
            return properties


def made_up(webhook: Webhook) -> Properties:
    """Return a value for every property that the webhook speaks of."""
    names = {"id": None}
    names |= dict.fromkeys(usage.chosen(webhook))
    names |= dict.fromkeys(sorted(webhook.trigger.changed_properties))
    made = {name: json.dumps(f"sample {name}", ensure_ascii=False) for name in names}
    for condition in usage.conditions(webhook.trigger.when):
        if condition.values:
            made[condition.property] = json.dumps(condition.values[0], ensure_ascii=False)
    return made | {"id": '"123"'}
