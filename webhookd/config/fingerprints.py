"""Names for content: what changed, without showing a secret."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.models import Configuration

LENGTH = 12

LATER_KEYS: tuple[tuple[tuple[str, ...], object], ...] = (
    (("secrets",), {}),
    (("sources", "*", "settle"), "10s"),
    (("sources", "*", "ignore"), None),
    (("sources", "*", "id_text"), False),
    (("sources", "*", "order"), "name"),
    (
        ("sources", "*", "csv"),
        {"decimal": None, "dates": [], "encoding": "auto", "skip_lines": 0, "delimiter": "auto"},
    ),
    (("sources", "*", "json"), {"records": None}),
    (("sources", "*", "extends"), None),
    (("sources", "*", "wake"), None),
    (("sources", "*", "objects", "*", "detail"), False),
    (("sources", "*", "objects", "*", "describe"), None),
    (("sources", "*", "objects", "*", "lists"), {}),
    (("sources", "*", "objects", "*", "associated"), {}),
    (("sources", "*", "objects", "*", "owners"), {}),
    *(
        (("sources", "*", "objects", "*", "detect", key), default)
        for key, default in (
            ("next", None),
            ("next_header", None),
            ("token_of", "last_page"),
            ("is_link", False),
            ("deleted_id", None),
            ("expired", [410]),
            ("conditional", None),
        )
    ),
    (("webhooks", "*", "trigger", "at"), None),
    (("webhooks", "*", "trigger", "wait"), None),
    (("webhooks", "*", "trigger", "while"), None),
    (("webhooks", "*", "delivery", "success_on"), ["2xx"]),
    (("webhooks", "*", "request", "signature", "hmac"), None),
    (("webhooks", "*", "request", "authentication", "prefix"), "Bearer "),
    (("webhooks", "*", "request", "body", "portal_id"), None),
    (("webhooks", "*", "request", "query", "static"), {}),
    (("webhooks", "*", "request", "body", "template"), None),
    (("webhooks", "*", "request", "body", "content_type"), None),
)
"""Keys that came after the first release, each with its default; `*` stands for any name.

The document leaves them out where they have it: a file that nobody touched keeps its fingerprint
through an upgrade, and the daemons of a fleet agree on it while they are replaced one by one.
"""


def of(configuration: Configuration) -> str:
    """Return the first twelve hex digits of a digest of *configuration*.

    It holds references to secrets and files, not what is in them, and the paths as written:
    the same text has the same fingerprint on every machine.
    """
    content = _canonical(effective(configuration))
    return hashlib.sha256(content.encode()).hexdigest()[:LENGTH]


def effective(configuration: Configuration) -> dict[str, Any]:
    """Return the configuration as JSON values, with no secret in it.

    Every default is in it but those of `LATER_KEYS`.
    """
    document = configuration.model_dump(mode="json", by_alias=True)
    for path, default in LATER_KEYS:
        for place in _places(document, path[:-1]):
            if place.get(path[-1], ...) == default:
                del place[path[-1]]
    return document


def _places(value: Any, path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Yield the mappings at *path* below *value*."""
    if not isinstance(value, dict):
        return
    if not path:
        yield value
        return
    name, rest = path[0], path[1:]
    for below in value.values() if name == "*" else (value.get(name),):
        yield from _places(below, rest)


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
