"""Webhooks as plain values, read from a text that a file or a person wrote."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from webhookd.config import models
from webhookd.config.defaults import without
from webhookd.config.drafts.draft import LARGEST
from webhookd.config.text import document

if TYPE_CHECKING:
    from collections.abc import Mapping


def keys_of(text: str) -> tuple[dict[str, Any], str]:
    """Return the keys and values that *text* is, and why it is not where it is not."""
    content = text.encode(errors="replace")
    if not text.strip():
        return {}, ""
    if len(content) > LARGEST:
        return {}, f"it is over {LARGEST // 1024} KiB"
    read = document.parse(content, file="", folder=Path())
    if read.data is None or read.problems:
        first = read.problems[0]
        return {}, f"line {first.line}: {first.message}"
    return read.data, ""


def webhook_of(
    name: str,
    text: str | None,
    definition: Mapping[str, Any] | None,
    defaults: Mapping[str, Any] | None = None,
) -> Mapping[str, Any] | None:
    """Return the webhook *name* as its file writes it: *text* are its lines there.

    Where they say it only with others (an alias, a map on one line), it is made of the
    *definition*, which has every default: those of the program, and what the file's *defaults*
    add. None where there is neither.
    """
    for candidate in (f"webhooks:\n{text}", text) if text else ():
        found, problem = keys_of(candidate)
        webhooks = found.get("webhooks")
        if not problem and isinstance(webhooks, dict) and isinstance(webhooks.get(name), dict):
            webhook: Mapping[str, Any] = webhooks[name]
            return webhook
    return None if definition is None else _without_defaults(definition, defaults or {})


def _without_defaults(
    definition: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return a definition as somebody would have written it."""
    try:
        form = models.Webhook.model_validate(dict(definition))
        usual = models.Webhook.model_validate(
            {**definition, "delivery": defaults.get("delivery") or {}}
        )
    except ValidationError:
        return definition
    written = form.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    # What the program does where nothing is said is not what this file's defaults say.
    written.pop("delivery", None)
    whole, added = (one.model_dump(mode="json", by_alias=True)["delivery"] for one in (form, usual))
    delivery = without(added, whole)
    return {**written, "delivery": delivery} if delivery else written
