"""Names for content: what changed, without showing a secret."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from webhookd.config.models import Configuration

LENGTH = 12


def of(configuration: Configuration) -> str:
    """Return the first twelve hex digits of a digest of *configuration*.

    It holds references to secrets and files, not what is in them, and the paths as written:
    the same text has the same fingerprint on every machine.
    """
    content = _canonical(effective(configuration))
    return hashlib.sha256(content.encode()).hexdigest()[:LENGTH]


def effective(configuration: Configuration) -> dict[str, Any]:
    """Return the configuration as JSON values, every default in it and no secret."""
    return configuration.model_dump(mode="json", by_alias=True)


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
