"""A draft as text: what the fields of the form say, without defaults.

What the form has no field for stays as it was written, in a text of its own (`rest`), whose keys
go over those of the form. Nothing is checked here: the daemon tells what is wrong with a draft.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhookd.config.checks.payloads import BODY_METHODS
from webhookd.config.defaults import merged
from webhookd.config.drafts import emission, written_draft
from webhookd.console.composing.condition_fields import listed
from webhookd.console.composing.draft_fields import SECRET_KEYS, USUAL_CHANGES

if TYPE_CHECKING:
    from webhookd.console.composing.draft_fields import Fields


def text_of(fields: Fields) -> tuple[str, str]:
    """Return the draft as the text of a file, and what is wrong with its rest.

    A rest that cannot be read is left out, and told.
    """
    webhook = _webhook(fields)
    rest, problem = written_draft.keys_of(fields.rest) if fields.rest else ({}, "")
    return emission.written(fields.name, merged(webhook, rest)), problem


def _webhook(fields: Fields) -> dict[str, Any]:
    """Return what the fields say, without defaults."""
    webhook: dict[str, Any] = {}
    if fields.description:
        webhook["description"] = fields.description
    webhook |= {"source": fields.source, "object": fields.object}
    if trigger := _trigger(fields):
        webhook["trigger"] = trigger
    webhook["request"] = _request(fields)
    return webhook


def _trigger(fields: Fields) -> dict[str, Any]:
    trigger: dict[str, Any] = {}
    if fields.changes != USUAL_CHANGES:
        trigger["changes"] = list(fields.changes)
    if names := listed(fields.changed):
        trigger["changed_properties"] = names
    if when := [one.value() for one in fields.conditions]:
        trigger["when"] = when
    if fields.enroll not in ("", "every_change"):
        trigger["enroll"] = fields.enroll
    return trigger


def _request(fields: Fields) -> dict[str, Any]:
    request: dict[str, Any] = {}
    if fields.method not in ("", "POST"):
        request["method"] = fields.method
    if fields.url:
        request["url"] = fields.url
    if fields.allow_http:
        request["allow_http"] = True
    if fields.authentication:
        request["authentication"] = _authentication(fields)
    if fields.scheme:
        request["signature"] = {"app_id": fields.app_id, "scheme": fields.scheme}
    return request | _payload(fields)


def _payload(fields: Fields) -> dict[str, Any]:
    """Return what is sent of a record: in the body, or in the query of what has none."""
    names = [*fields.chosen, *((name, name) for name in listed(fields.more))]
    chosen = [name if name == sent else {"property": name, "as": sent} for name, sent in names]
    if fields.method and fields.method not in BODY_METHODS:
        return {} if fields.takes_all or not chosen else {"query": {"properties": chosen}}
    body: dict[str, Any] = {} if fields.takes_all else {"properties": chosen}
    if fields.format:
        body["format"] = fields.format
    if fields.previous:
        body["previous"] = True
    return {"body": body} if body else {}


def _authentication(fields: Fields) -> dict[str, Any]:
    kind = fields.authentication
    found: dict[str, Any] = {"type": kind}
    if kind == "api_key":
        location = "query" if fields.auth_in_query else "header"
        found |= {"name": fields.auth_name, "location": location}
    elif kind == "basic":
        found["username"] = fields.auth_name
    secret = SECRET_KEYS.get(kind, "token")
    return found | {secret: {fields.secret_in or "env": fields.secret}}
