"""Apps: their secrets are there, and none is named twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config.checks.context import reference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.checks.context import Context
    from webhookd.config.models import SecretReference
    from webhookd.config.text.node import Node
    from webhookd.errors import Problem


def check(app: Node, context: Context) -> Iterator[Problem]:
    """Yield what is wrong with the secrets of *app*."""
    seen: dict[SecretReference, Node] = {}
    for node in (app.at("client_secret"), *app.items("previous_client_secrets")):
        found = reference(node)
        if found is None:
            continue
        if found in seen:
            line = node.document.place(seen[found].steps).line
            yield node.problem(f"this secret is named in line {line} already")
        seen.setdefault(found, node)
        if problem := context.secret_problem(node):
            yield problem
