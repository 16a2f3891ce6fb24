"""Texts that look like templates where none are read, or like those of other tools."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from webhookd.config.messages import shown
from webhookd.config.templates.marks import without_marked
from webhookd.rules import literal_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.text.node import Node
    from webhookd.errors import Problem

_NAME: Final = r"[A-Za-z_][\w .\-\[\]|'\"]*"
_ANYWHERE: Final = re.compile(
    r"\{\{.+?\}\}"  # Jinja, Handlebars, Liquid, Go
    r"|\{%.+?%\}"
    r"|[$#]\{[^{}]+\}"  # shells, JavaScript, Ruby
    r"|<%.+?%>"
    r"|%\([^()]+\)[sdifr]"  # Python
    r"|\$\([A-Za-z_][\w.]*\)"
    rf"|\{{!?({_NAME}|\d{{1,2}})\}}",  # Python, OpenAPI, Salesforce
    re.DOTALL,
)
# Within a text they may well mean themselves: HTML, prices, escapes.
_WHOLE: Final = re.compile(
    rf"<({_NAME})>|\[\[?({_NAME})\]?\]|\$[A-Za-z_]\w*|%[A-Za-z_]\w*%|:[a-z]\w*"
)
_SIGNS: Final = re.compile(r"[{$#<%\[:]")
_SEGMENT: Final = re.compile(r"/(:[A-Za-z_]\w*)(?=[/?]|$)")
_GUID: Final = re.compile(r"\{[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}\}")

PROMISE: Final = (
    "looks like a template, and is sent as it stands: expressions, {{ … }}, are read in 'url', in"
    " 'headers' and in the 'template' of 'body' only"
)


def check(request: Node) -> Iterator[Problem]:
    """Yield a warning for each text of *request* that goes out and looks like a template."""
    url = request.text("url")
    if url is not None:
        mark = mark_in(unquote(without_marked(url))) or _segment_in(url)
        # Not the part itself: a URL may hold a secret anywhere.
        yield from _warned(request.at("url"), mark and "this URL")
    for header in request.entries("headers"):
        text = header.text() or ""
        mark = mark_in(without_marked(text)) or _placeholder_in(without_marked(text))
        is_secret = literal_secrets.is_secret_header(header.name, text)
        yield from _warned(header, "this" if mark and is_secret else mark and shown(mark))
    authentication = request.at("authentication")
    for node in (
        *(request.at("query"), request.at("body")),
        *(authentication.at("name"), authentication.at("username"), authentication.at("prefix")),
        *(authentication.at(key) for key in ("client_id", "scope", "parameters")),
    ):
        yield from _within(node)


def _is_template(node: Node) -> bool:
    """Return whether expressions are read in *node*, the one key of a body that is for them."""
    return node.steps[-2:] == ("body", "template")


def mark_in(text: str, *, is_name: bool = False) -> str | None:
    """Return the first part of *text* that looks like a template, None where nothing does.

    The name of a key means itself where it is a whole word: `$schema`.
    """
    if not _SIGNS.search(text):
        # Nearly all texts, and far quicker than what follows.
        return None
    for found in _ANYWHERE.finditer(text):
        if not _GUID.fullmatch(found.group()):
            return found.group()
    whole = None if is_name else _WHOLE.fullmatch(text.strip())
    return None if whole is None else whole.group()


def _segment_in(url: str) -> str | None:
    """Return a segment of a URL's path as routers name their parameters: `/:id`."""
    found = _SEGMENT.search(url.partition("?")[0].partition("://")[2])
    return None if found is None else found[1]


def _placeholder_in(text: str) -> str | None:
    """Return the first `<name>` in a header's value, which holds no markup."""
    found = re.search(rf"<{_NAME}>", text)
    return None if found is None else found.group()


def _within(node: Node, *, in_template: bool = False) -> Iterator[Problem]:
    """Yield a warning for each such text in *node*, however deep, the names of keys included."""
    in_template = in_template or _is_template(node)
    value = node.value
    if isinstance(value, str):
        mark = mark_in(without_marked(value) if in_template else value)
        is_secret = literal_secrets.is_secret_name(node.name)
        yield from _warned(node, "this" if mark and is_secret else mark and shown(mark))
    for entry in node.entries():
        mark = mark_in(entry.name, is_name=True)
        if mark is not None:
            yield entry.problem(f"{shown(mark)} {PROMISE}", at_key=True)
        yield from _within(entry, in_template=in_template)
    for item in node.items():
        yield from _within(item, in_template=in_template)


def _warned(node: Node, what: str | None) -> Iterator[Problem]:
    if what is not None:
        yield node.problem(f"{what} {PROMISE}")
