"""The inbox: what was given up and what is held, one line for each cause."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from webhookd.model import DeliveryState
from webhookd.views.deliveries import GroupsView, GroupView

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.responses import Response

    from webhookd.console.visit import Visit


async def show(visit: Visit) -> Response:
    """Show what needs a person, grouped by webhook and cause."""
    found = await visit.daemon.read(GroupsView, "/v1/groups", limit=200)
    status = await visit.daemon.status()
    holds = {one.webhook: one for one in status.webhooks if one.hold is not None}
    groups = merged(found.groups)
    return await visit.page(
        "inbox.html", section="inbox", groups=groups, is_partial=found.is_partial, holds=holds
    )


def merged(groups: Iterable[GroupView]) -> list[GroupView]:
    """Return the groups with what is held of a webhook as one: its hold is the cause of all."""
    made: dict[tuple[str, ...], GroupView] = {}
    for one in groups:
        is_held = one.state == DeliveryState.HELD
        key = (one.state, one.webhook) if is_held else (one.state, one.webhook, one.error or "")
        known = made.get(key)
        made[key] = one if known is None else _sum(known, one)
    return sorted(made.values(), key=lambda one: (-one.count, one.webhook))


def _sum(one: GroupView, other: GroupView) -> GroupView:
    newest = max(one, other, key=lambda group: group.newest_at)
    return replace(
        newest,
        count=one.count + other.count,
        oldest_at=min(one.oldest_at, other.oldest_at),
        error=None,
    )
