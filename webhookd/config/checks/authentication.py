"""The secrets of requests: they are there, and can travel where they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config.checks import headers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.errors import Problem

_SECRET_KEYS = {"api_key": "key", "bearer": "token", "basic": "password"}


def check(webhook: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with the authentication of *webhook*."""
    authentication = webhook.at("request", "authentication")
    key = _SECRET_KEYS.get(authentication.text("type") or "")
    if key is None:
        return
    node = authentication.at(key)
    if problem := context.secret_problem(node):
        yield problem
    secret = context.secret(node)
    if secret and _is_in_a_header(authentication) and not headers.fits(secret.reveal()):
        yield node.problem(
            "a header cannot carry this secret: it is too long, begins or ends with a space, "
            "or holds characters beyond Latin-1"
        )


def _is_in_a_header(authentication: Node) -> bool:
    # Basic authentication encodes its password, whatever it holds.
    location = authentication.mapping().get("location", "header")
    return authentication.text("type") != "basic" and location == "header"
