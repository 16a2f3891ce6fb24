"""Secrets that templates name: they are defined, can be had, and fit where they stand."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from webhookd.config.checks import headers
from webhookd.config.messages import no_such
from webhookd.definitions.templates import SecretValue, expressions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.definitions.templates import Parts
    from webhookd.errors import Problem

# RFC 3986: what a segment holds, and the slashes between segments.
_PATH: Final = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})+")
_DOTS: Final = re.compile(r"(?:^|/)(?:\.|%2[eE]){0,2}(?=/|$)")


def check(section: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with a secret of the section `secrets`."""
    if problem := context.secret_problem(section):
        yield problem


def named(parts: Parts) -> frozenset[str]:
    """Return the names of the secrets in *parts*."""
    return frozenset(
        one.name
        for part in parts
        if not isinstance(part, str)
        for one in expressions(part)
        if isinstance(one, SecretValue)
    )


def check_named(node: Node, parts: Parts, context: Context) -> Iterator[Problem]:
    """Yield each secret that *parts*, which stand at *node*, name and nobody defines."""
    for name in sorted(named(parts)):
        if name not in context.named_secrets and context.is_whole:
            yield node.problem(no_such("secret", name, context.named_secrets))


def check_in_path(node: Node, parts: Parts, context: Context) -> Iterator[Problem]:
    """Yield each secret in the path of a URL that cannot stand there as it is."""
    for name in sorted(named(parts)):
        secret = context.named_secret(name)
        if secret and (
            not _PATH.fullmatch(secret.reveal()) or _DOTS.search(secret.reveal().strip("/"))
        ):
            yield node.problem(
                f"the secret {name!r} cannot stand in a URL's path as it is: it holds other"
                " characters than those of a path (a '?', say), or segments that are empty, '.' or"
                " '..'"
            )


def check_in_header(node: Node, parts: Parts, context: Context) -> Iterator[Problem]:
    """Yield each secret in a header's value that a header cannot carry."""
    for name in sorted(named(parts)):
        secret = context.named_secret(name)
        if secret and not headers.fits(secret.reveal()):
            yield node.problem(f"a header cannot carry the secret {name!r}")
