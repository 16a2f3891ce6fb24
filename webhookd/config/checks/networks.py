"""Egress: networks that parse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.config import addressing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.text.node import Node
    from webhookd.errors import Problem


def check(egress: Node) -> Iterator[Problem]:
    """Yield each entry of *egress* that is not a network."""
    for key in ("allow", "deny"):
        for entry in egress.items(key):
            text = entry.text()
            if text is None:
                continue
            try:
                addressing.network(text)
            except ValueError as error:
                yield entry.problem(str(error))
