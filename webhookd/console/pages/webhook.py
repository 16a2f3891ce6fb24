"""One webhook: since when it is as it is, what it sends, and its latest deliveries."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.exceptions import HTTPException

from webhookd.client.asynchronous import quoted
from webhookd.console import activity_steps, charts
from webhookd.views.deliveries import DeliveriesView
from webhookd.views.webhooks import ShownWebhookView

if TYPE_CHECKING:
    from starlette.responses import Response

    from webhookd.console.visit import Visit
    from webhookd.views.webhooks import WebhookView

LATEST: Final = 15


async def show(visit: Visit) -> Response:
    """Show a webhook."""
    name = visit.request.path_params["name"]
    minutes = activity_steps.WEEK if visit.asked("days") == "7" else activity_steps.DAY
    one, latest, lately = await asyncio.gather(
        visit.daemon.read(ShownWebhookView, f"/v1/webhooks/{quoted(name)}"),
        visit.daemon.read(DeliveriesView, "/v1/deliveries", webhook=name, limit=LATEST),
        activity_steps.asked(visit.daemon, minutes, name),
    )
    return await visit.page(
        "webhook.html",
        section="overview",
        one=one,
        latest=latest.deliveries,
        steps=None if lately is None else activity_steps.steps_of(lately, minutes, one.webhook),
        is_week=minutes == activity_steps.WEEK,
        bars=charts.bars,
        total=sum(one.schedule),
    )


async def found(visit: Visit) -> WebhookView:
    """Return how the webhook stands that the address names; 404 where there is none."""
    name = visit.request.path_params["name"]
    status = await visit.daemon.status()
    for one in status.webhooks:
        if one.webhook == name:
            return one
    raise HTTPException(404)


def path_of(one: WebhookView) -> str:
    """Return where a webhook's page is."""
    return f"/webhooks/{quoted(one.webhook)}"
