"""Header names and values (RFC 9110), and the headers that are not free to choose."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from webhookd.config.checks import header_values
from webhookd.config.messages import shown
from webhookd.config.templates.marks import holds_marks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.errors import Problem

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")
_OF_THE_CONNECTION = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
_OURS = ("webhook-", "x-hubspot-signature", "x-hubspot-request-timestamp")
_FOR_SECRETS = frozenset({"authorization", "cookie"})


def check(webhook: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with the headers of *webhook*, that of its API key included."""
    request = webhook.at("request")
    seen: dict[str, str] = {}
    for header in request.entries("headers"):
        name = header.name
        complaint = _complaint(name) or _repeated(name, seen)
        seen.setdefault(name.lower(), name)
        if complaint:
            yield header.problem(complaint, at_key=True)
        value = header.text()
        if value is not None and holds_marks(value):
            # Jinja takes a while to load: only where there are expressions.
            from webhookd.config.checks import url_and_headers  # noqa: PLC0415

            yield from url_and_headers.check_header(header, context)
            value = url_and_headers.without_expressions(value)
        if value is not None and not header_values.fits(value):
            yield header.problem(
                "a header cannot carry this value: it is empty, too long, begins or ends with "
                "a space, or holds line breaks or characters beyond Latin-1"
            )
    yield from _api_key(request.at("authentication"), seen)


def _complaint(name: str) -> str:
    if name.lower() in _FOR_SECRETS:
        return "this header holds secrets, which are never written here; use 'authentication'"
    return misnamed(name)


def misnamed(name: str) -> str:
    """Return what is wrong with *name* as that of a header of our own; nothing if nothing is."""
    if not _TOKEN.fullmatch(name):
        return "this is not the name of a header"
    lowered = name.lower()
    if lowered in _OF_THE_CONNECTION or lowered.startswith(_OURS):
        return "webhookd sets this header itself"
    return ""


def _repeated(name: str, seen: dict[str, str]) -> str:
    first = seen.get(name.lower())
    return f"this header is there already, as {shown(first)}" if first else ""


def _api_key(authentication: Node, seen: dict[str, str]) -> Iterator[Problem]:
    name = authentication.text("name")
    is_header = authentication.mapping().get("location", "header") == "header"
    if name is None or not is_header or authentication.text("type") != "api_key":
        return
    complaint = misnamed(name) or _repeated(name, seen)
    if complaint:
        yield authentication.problem(complaint, "name")
