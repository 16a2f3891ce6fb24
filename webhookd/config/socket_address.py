"""What the webhooks of an effective document listen for: one that another process has in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from webhookd.config import models
from webhookd.config.trigger_compiler import trigger
from webhookd.errors import WebhookdError
from webhookd.rules.replay import Listener, listeners

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.config.loading import Loaded

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
        return {
            name: own[name]
            if name in own and all(webhook[key] == same[name][key] for key in _TOLD)
            else _listener(webhook)
            for name, webhook in document["webhooks"].items()
            if webhook["enabled"]
        }
    except (ValidationError, LookupError, TypeError, AttributeError):
        raise OtherVersionError(
            "what the daemon has in force cannot be replayed: this webhookd does not know all of"
            " it; use the daemon's version"
        ) from None


def _listener(webhook: Mapping[str, Any]) -> Listener:
    told = models.Trigger.model_validate(webhook["trigger"])
    return Listener(webhook["source"], webhook["object"], trigger(told))
