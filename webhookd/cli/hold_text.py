"""What ends a webhook's hold, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.model import DISABLED, REMOVED

if TYPE_CHECKING:
    from collections.abc import Mapping


def held(count: int, holds: Mapping[str, str]) -> str:
    """Return that so many deliveries are held, by webhook why, and how they come to go on."""
    why = "; ".join(
        f"{name} is held ({hold}): {remedy(name, hold)}" for name, hold in holds.items()
    )
    return f"{count:,} held, which are not attempted: {why}"


def stays(webhook: str, hold: str) -> str:
    """Return that *webhook* stays held, and what would let it go on."""
    return f"{webhook} stays held ({hold}): {remedy(webhook, hold)}"


def remedy(webhook: str, hold: str) -> str:
    """Return what lets a held webhook go on."""
    if hold == REMOVED:
        return "put it back into the configuration and reload"
    if hold == DISABLED:
        return "set `enabled: true` in the configuration and reload"
    return f"webhookd resume {webhook} lets it go on"
