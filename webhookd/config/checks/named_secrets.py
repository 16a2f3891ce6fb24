"""Secrets that templates name: they are defined, can be had, and fit where they stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from webhookd.config.checks import header_values
from webhookd.config.messages import no_such
from webhookd.definitions.templates import expressions_in, secret_names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.definitions.templates import Expression, Parts
    from webhookd.errors import Problem

# RFC 3986: what a segment holds, and the slashes between segments.
_PATH: Final = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})+")
_NO_SEGMENTS: Final = frozenset({"", ".", ".."})
_STAND_IN: Final = "x"


def check(section: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with a secret of the section `secrets`."""
    if problem := context.secret_problem(section):
        yield problem


def named(parts: Parts) -> frozenset[str]:
    """Return the names of the secrets in *parts*."""
    return secret_names(expressions_in(parts))


def check_named(node: Node, parts: Parts, context: Context) -> Iterator[Problem]:
    """Yield each secret that *parts*, which stand at *node*, name and nobody defines."""
    for name in sorted(named(parts)):
        if name not in context.named_secrets and context.is_whole:
            yield node.problem(no_such("secret", name, context.named_secrets))


def check_in_path(node: Node, parts: Parts, context: Context) -> Iterator[Problem]:
    """Yield each secret in *parts*, a segment of a URL, that cannot stand there as it is."""
    for name in sorted(named(parts)):
        secret = context.named_secret(name)
        if secret and not (
            _PATH.fullmatch(secret.reveal()) and _leads_on(_filled(parts, name, context))
        ):
            yield node.problem(
                f"the secret {name!r} cannot stand in a URL's path as it is: it holds other"
                " characters than those of a path (a '?', say), or segments that are empty, '.' or"
                " '..'"
            )


def _filled(parts: Parts, name: str, context: Context) -> str:
    """Return the segment *parts* with the secret *name* in it, and letters for values of records.

    Another secret is there, too, where it has a place of its own.
    """

    def text(part: str | Expression) -> str:
        if isinstance(part, str):
            return part
        names = named((part,))
        secret = context.named_secret(name if name in names else min(names, default=""))
        return secret.reveal() if secret else _STAND_IN

    return "".join(map(text, parts))


def _leads_on(segment: str) -> bool:
    """Return whether no part of *segment*, between slashes, is left out by who reads the URL."""
    return not any(unquote(part) in _NO_SEGMENTS for part in segment.split("/"))


def check_in_header(node: Node, parts: Parts, context: Context) -> Iterator[Problem]:
    """Yield each secret in a header's value that a header cannot carry."""
    for name in sorted(named(parts)):
        secret = context.named_secret(name)
        if secret and not header_values.fits(secret.reveal()):
            yield node.problem(f"a header cannot carry the secret {name!r}")
