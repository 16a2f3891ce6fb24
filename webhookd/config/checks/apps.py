"""Apps: their secrets are there, and none is named twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config.checks import context

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.checks.context import Known
    from webhookd.config.models import SecretReference
    from webhookd.config.text.node import Part
    from webhookd.errors import Problem


def check(app: Part, known_parts: Known) -> Iterator[Problem]:
    """Yield what is wrong with the secrets of *app*."""
    seen: dict[SecretReference, Part] = {}
    for part in (app.at("client_secret"), *app.items("previous_client_secrets")):
        found = context.reference(part)
        if found is None:
            continue
        if found in seen:
            line = part.document.place(seen[found].steps).line
            yield part.problem(f"this secret is named in line {line} already")
        seen.setdefault(found, part)
        if problem := known_parts.secret_problem(part):
            yield problem
