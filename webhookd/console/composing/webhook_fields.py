"""A webhook of a file in the fields of the form; what they cannot say stays as it was written."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from webhookd.config.checks.payloads import BODY_METHODS
from webhookd.config.drafts import emission
from webhookd.config.secrets import PLACES
from webhookd.console.composing import condition_fields
from webhookd.console.composing.draft_fields import (
    CHANGES,
    ENROLLS,
    FORMATS,
    METHODS,
    SCHEMES,
    SECRET_KEYS,
    Fields,
)

if TYPE_CHECKING:
    from collections.abc import Mapping


def of_webhook(name: str, webhook: Mapping[str, Any]) -> Fields:
    """Return the fields for a webhook as a file writes it; what they cannot say is their rest."""
    left = deepcopy(dict(webhook))
    fields = Fields(name=name)
    taken: dict[str, Any] = {}
    for key in ("description", "source", "object"):
        if _is_line(left.get(key)):
            taken[key] = left.pop(key)
    fields = _with_request(_with_trigger(replace(fields, **taken), left), left)
    return replace(fields, rest=emission.written_rest(left))


def _with_trigger(fields: Fields, left: dict[str, Any]) -> Fields:
    trigger = left.get("trigger")
    if not isinstance(trigger, dict):
        return fields
    taken: dict[str, Any] = {}
    changes = trigger.get("changes")
    if isinstance(changes, list) and changes and all(one in CHANGES for one in changes):
        taken["changes"] = tuple(one for one in CHANGES if one in trigger.pop("changes", changes))
    names = trigger.get("changed_properties")
    if isinstance(names, list) and names and all(map(_is_item, names)):
        taken["changed"] = ", ".join(trigger.pop("changed_properties"))
    when = trigger.get("when")
    if isinstance(when, list) and (found := condition_fields.of_when(when)):
        del trigger["when"]
        taken["conditions"] = found
    if trigger.get("enroll") in ENROLLS:
        taken["enroll"] = trigger.pop("enroll")
    if not trigger:
        del left["trigger"]
    return replace(fields, **taken)


def _with_request(fields: Fields, left: dict[str, Any]) -> Fields:
    request = left.get("request")
    if not isinstance(request, dict):
        return fields
    taken: dict[str, Any] = {"url": ""}
    if request.get("method") in METHODS:
        taken["method"] = request.pop("method")
    if _is_line(request.get("url")):
        taken["url"] = request.pop("url")
    if isinstance(request.get("allow_http"), bool):
        taken["allow_http"] = request.pop("allow_http")
    taken |= _taken_authentication(request)
    signature = request.get("signature")
    if (
        isinstance(signature, dict)
        and signature.keys() == {"app_id", "scheme"}
        and signature["scheme"] in SCHEMES
        and _is_line(signature["app_id"])
    ):
        taken |= request.pop("signature")
    fields = _with_payload(replace(fields, **taken), request)
    if not request:
        del left["request"]
    return fields


def _taken_authentication(request: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an authentication, and take it out; none where they cannot say it."""
    found = request.get("authentication")
    if not isinstance(found, dict) or found.get("type") not in SECRET_KEYS:
        return {}
    kind = found["type"]
    names = {
        "api_key": {"type", "name", "location", "key"},
        "bearer": {"type", "token"},
        "basic": {"type", "username", "password"},
    }
    reference = found.get(SECRET_KEYS[kind])
    if found.keys() != names[kind] or not isinstance(reference, dict) or len(reference) != 1:
        return {}
    ((place, secret),) = reference.items()
    name = found.get("name", found.get("username", ""))
    if place not in PLACES or not _is_line(secret) or not isinstance(name, str):
        return {}
    if found.get("location", "header") not in ("header", "query"):
        return {}
    del request["authentication"]
    return {
        "authentication": kind,
        "auth_name": name,
        "auth_in_query": found.get("location") == "query",
        "secret_in": place,
        "secret": secret,
    }


def _with_payload(fields: Fields, request: dict[str, Any]) -> Fields:
    taken: dict[str, Any] = {}
    is_body = fields.method in BODY_METHODS
    part = request.get("body" if is_body else "query")
    if not isinstance(part, dict):
        return fields
    chosen = _chosen(part.get("properties"))
    if chosen is not None:
        del part["properties"]
        taken |= {"takes_all": False, "chosen": chosen}
    elif part.get("properties") == "all":
        del part["properties"]
    if is_body and part.get("format") in FORMATS:
        taken["format"] = part.pop("format")
    if is_body and isinstance(part.get("previous"), bool):
        taken["previous"] = part.pop("previous")
    if not part:
        del request["body" if is_body else "query"]
    return replace(fields, **taken)


def _chosen(properties: Any) -> tuple[tuple[str, str], ...] | None:
    """Return chosen properties and what they are sent as; None for what the form cannot say."""
    if not isinstance(properties, list) or not properties:
        return None
    found = []
    for one in properties:
        pair = (one, one) if isinstance(one, str) else ()
        if isinstance(one, dict) and one.keys() == {"property", "as"}:
            pair = (one["property"], one["as"])
        if len(pair) != 2 or not all(map(_is_line, pair)):  # noqa: PLR2004 - a pair
            return None
        found.append(pair)
    return tuple(found) if len(dict(found)) == len(found) else None


def _is_line(value: Any) -> bool:
    """Return whether a field can hold a value: one line of text without blanks around it."""
    is_text = isinstance(value, str) and value == value.strip() and bool(value)
    return is_text and value.isprintable()


def _is_item(value: Any) -> bool:
    return _is_line(value) and "," not in value
