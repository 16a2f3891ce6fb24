"""Bodies and queries: which method carries which, and no name twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config.checks import addresses
from webhookd.config.messages import shown
from webhookd.rules import hubspot_legacy

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.errors import Problem

BODY_METHODS = frozenset({"POST", "PUT", "PATCH"})
METHODS = BODY_METHODS | {"GET", "DELETE"}

_OF_A_RECORD = {"objectId", "objectType", "properties", "previousProperties"}
_ENVELOPES = {
    "record": _OF_A_RECORD | {"eventType", "occurredAt"},
    "standard_webhooks": _OF_A_RECORD,
    "cloudevents": _OF_A_RECORD,
}
_LEGACY = "hubspot_legacy"
_WITHOUT_PREVIOUS = {"flat": "a flat body", _LEGACY: "a body of HubSpot's legacy shape"}


def check(webhook: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with what the request of *webhook* carries."""
    request = webhook.at("request")
    yield from _method(request)
    yield from _body(request.at("body"), webhook.text("object") or "")
    if request.is_there("body", "template") or request.is_there("body", "content_type"):
        # Jinja takes a while to load: only where there is a template.
        from webhookd.config.checks import body_template  # noqa: PLC0415

        yield from body_template.check(request.at("body"), context)
    yield from _query(request, addresses.query_names(request, context))


def method_of(request: Node) -> str | None:
    """Return the method of *request*; None when what was written is none."""
    method = request.text("method") if request.is_there("method") else "POST"
    return method if method in METHODS else None


def has_body(request: Node) -> bool | None:
    """Return whether *request* carries a body; None when its method is not known."""
    method = method_of(request)
    if method is None:
        return None
    return method in BODY_METHODS or (method == "DELETE" and request.is_there("body"))


def sent_names(node: Node) -> Iterator[tuple[Node, str]]:
    """Yield each chosen property in the list *node* with the name it has in the request."""
    for item in node.items():
        name = item.text()
        if name is None:
            name = item.text("as") if item.is_there("as") else item.text("property")
        if name is not None:
            yield item, name


def _method(request: Node) -> Iterator[Problem]:
    method = method_of(request)
    if request.is_there("body") and method == "GET":
        message = "GET carries no body; choose properties in 'query', or use another method"
        yield request.problem(message, "body", at_key=True)


def _body(body: Node, object_: str) -> Iterator[Problem]:
    names: set[str] = set()
    for item, name in sent_names(body.at("properties")):
        if name in names:
            yield item.problem(f"the body has the name {shown(name)} already")
        names.add(name)
    layout = _format(body)
    taken = names if layout == "flat" else _envelope(body, layout, object_)
    for fixed in body.entries("static"):
        if fixed.name in taken:
            message = f"the body has the name {shown(fixed.name)} already"
            yield fixed.problem(message, at_key=True)
    if layout in _WITHOUT_PREVIOUS and body.value.get("previous") is True:
        message = f"{_WITHOUT_PREVIOUS[layout]} has no room for the values before"
        yield body.problem(f"{message}; use another format", "previous")
    if layout not in {_LEGACY, None} and body.is_there("portal_id"):
        message = f"it goes with 'format: {_LEGACY}'; no other body has a place for it"
        yield body.problem(message, "portal_id", at_key=True)


def _envelope(body: Node, layout: str | None, object_: str) -> Container[str]:
    """Return the names that *body* has whatever its properties are."""
    if layout == _LEGACY:
        return hubspot_legacy.names(object_, has_portal=body.is_there("portal_id"))
    return _ENVELOPES.get(layout or "", ())


def _format(body: Node) -> str | None:
    if body.is_there("template"):
        return None
    if body.is_there("format"):
        return body.text("format")
    return "flat" if isinstance(body.at("properties").value, list) else "record"


def _query(request: Node, of_url: list[str]) -> Iterator[Problem]:
    query = request.at("query")
    if query.value in ({}, {"static": {}}):
        yield query.problem("it is empty; choose 'properties', or write 'static'", at_key=True)
    taken = set(of_url)
    for item, name in sent_names(query.at("properties")):
        if name in taken:
            yield item.problem(f"the query has the name {shown(name)} already")
        taken.add(name)
    for fixed in query.entries("static"):
        if fixed.name in taken:
            message = f"the query has the name {shown(fixed.name)} already"
            yield fixed.problem(message, at_key=True)
        taken.add(fixed.name)
    authentication = request.at("authentication")
    key = authentication.text("name")
    in_query = authentication.text("location") == "query"
    if in_query and authentication.text("type") == "api_key" and key in taken:
        yield authentication.problem(f"the query has the name {shown(key)} already", "name")
