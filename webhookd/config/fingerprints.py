"""Names for content: what changed, without showing a secret."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.config.models import Configuration

LENGTH = 12


def of(configuration: Configuration) -> str:
    """Return the first twelve hex digits of a digest of *configuration*.

    It holds references to secrets and files, not what is in them, and the paths as written:
    the same text has the same fingerprint on every machine.
    """
    content = _canonical(_dumped(configuration))
    return hashlib.sha256(content.encode()).hexdigest()[:LENGTH]


def definitions(configuration: Configuration) -> Mapping[str, str]:
    """Return each webhook's definition with every default in it, as canonical JSON."""
    webhooks: dict[str, Any] = _dumped(configuration)["webhooks"]
    return {name: _canonical(webhook) for name, webhook in webhooks.items()}


def _dumped(configuration: Configuration) -> dict[str, Any]:
    return configuration.model_dump(mode="json", by_alias=True, exclude={"defaults"})


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
