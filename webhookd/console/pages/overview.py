"""The overview: is anything wrong, and what."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from webhookd import clock
from webhookd.console import activity_steps, attention, charts

if TYPE_CHECKING:
    from starlette.responses import Response

    from webhookd.console.visit import Visit
    from webhookd.views.status import StatusView
    from webhookd.views.webhooks import WebhookView

MOST_WEBHOOKS: Final = 50
MOST_NEEDS: Final = 12
_WORST_FIRST: Final = ("gone", "failing", "probed", "paused", "elsewhere", "active")


async def show(visit: Visit) -> Response:
    """Show what needs attention, the figures, the webhooks and the sources."""
    status, now = await visit.daemon.status(), clock.now()
    needs = attention.needs(status, now)
    is_all = visit.asked("all") == "1"
    webhooks = status.webhooks if is_all else _shown(status)
    hour, day = await asyncio.gather(
        activity_steps.asked(visit.daemon, activity_steps.HOUR),
        activity_steps.asked(visit.daemon, activity_steps.DAY),
    )
    return await visit.page(
        "overview.html",
        section="overview",
        status_view=status,
        needs=needs if is_all else needs[:MOST_NEEDS],
        count_of_needs=len(needs),
        day=None if day is None else activity_steps.steps_of(day, activity_steps.DAY),
        hours={} if hour is None else activity_steps.by_webhook(hour, activity_steps.HOUR),
        rate=None
        if hour is None
        else activity_steps.steps_of(hour, activity_steps.HOUR).total.delivered / 60,
        bars=charts.bars,
        spark=charts.spark,
        is_all=is_all,
        webhooks=webhooks,
        delivering=sum(one.state == "active" for one in status.webhooks),
        due=sum(one.due for one in status.webhooks),
        delivered_at=max(
            (one.last_delivered_at for one in status.webhooks if one.last_delivered_at),
            default=None,
        ),
    )


def _shown(status: StatusView) -> tuple[WebhookView, ...]:
    """Return the webhooks by name; of too many, those that most need to be seen."""
    if len(status.webhooks) <= MOST_WEBHOOKS:
        return status.webhooks
    worst = sorted(status.webhooks, key=_rank)[:MOST_WEBHOOKS]
    return tuple(sorted(worst, key=lambda one: one.webhook))


def _rank(one: WebhookView) -> tuple[int, int, str]:
    known = one.state in _WORST_FIRST
    place = _WORST_FIRST.index(one.state) if known else len(_WORST_FIRST)
    return place, -one.failed - one.pending, one.webhook
