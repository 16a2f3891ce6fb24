"""What the webhooks of an effective document listen for: one that another process has in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from webhookd.config import models, source_kinds
from webhookd.config.trigger_compiler import trigger
from webhookd.errors import WebhookdError
from webhookd.rules.replay import Listener, listeners

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.config.loading import Loaded
    from webhookd.definitions import ValueReading

_TOLD = ("source", "object", "trigger")


class OtherVersionError(WebhookdError):
    """The document is not one that this webhookd writes."""


def listeners_of(document: Mapping[str, Any], loaded: Loaded) -> dict[str, Listener]:
    """Return what the enabled webhooks of *document* listen for, by name.

    Where *loaded* says the same of a webhook, it is taken from there: a document does not tell
    1.10 from 1.1.
    """
    same, own = loaded.document["webhooks"], listeners(loaded.definitions)
    try:
        readings = _readings(document)
        here = _readings(loaded.document)
        return {
            name: own[name]
            if name in own
            and readings[webhook["source"]] == here.get(webhook["source"])
            and all(webhook[key] == same[name][key] for key in _TOLD)
            else _listener(webhook, readings[webhook["source"]])
            for name, webhook in document["webhooks"].items()
            if webhook["enabled"]
        }
    except (ValidationError, LookupError, TypeError, AttributeError):
        raise OtherVersionError(
            "what the daemon has in force cannot be replayed: this webhookd does not know all of"
            " it; use the daemon's version"
        ) from None


def _readings(document: Mapping[str, Any]) -> dict[str, ValueReading]:
    """Return how conditions read the values of each source of *document*."""
    return {
        name: source_kinds.KINDS[source["type"]].reading(source)
        for name, source in document["sources"].items()
    }


def _listener(webhook: Mapping[str, Any], reading: ValueReading) -> Listener:
    told = models.Trigger.model_validate(webhook["trigger"])
    return Listener(webhook["source"], webhook["object"], trigger(told, reading))
