"""What templates need at each attempt, as it stands in the columns of a delivery."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.model import JsonText


def holes_text(holes: tuple[tuple[int, str], ...]) -> str | None:
    """Return the places of secrets in a body as they are stored; None for none."""
    return json.dumps(holes, separators=(",", ":")) if holes else None


def values_text(values: Mapping[str, JsonText] | None) -> str | None:
    """Return the values for URL and headers as they are stored; None for none.

    Escaped: a lone surrogate has no UTF-8, and PostgreSQL takes no NUL.
    """
    return None if values is None else json.dumps(values, separators=(",", ":"))


def holes_of(text: str | None) -> tuple[tuple[int, str], ...]:
    """Return the places of secrets in a body that a column holds."""
    return () if text is None else tuple((place, name) for place, name in json.loads(text))


def values_of(text: str | None) -> dict[str, JsonText] | None:
    """Return the values for URL and headers that a column holds."""
    if text is None:
        return None
    values: dict[str, JsonText] = json.loads(text)
    return values
