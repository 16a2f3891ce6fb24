"""One webhook: since when it is as it is, what it sends, and its latest deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import yaml
from starlette.exceptions import HTTPException

from webhookd.client.asynchronous import quoted
from webhookd.views.deliveries import DeliveriesView

if TYPE_CHECKING:
    from starlette.responses import Response

    from webhookd.console.visit import Visit
    from webhookd.views.webhooks import WebhookView

LATEST: Final = 15


async def show(visit: Visit) -> Response:
    """Show a webhook."""
    one = await found(visit)
    status = await visit.daemon.status()
    latest = await visit.daemon.read(
        DeliveriesView, "/v1/deliveries", webhook=one.webhook, limit=LATEST
    )
    definition = status.document.get("webhooks", {}).get(one.webhook)
    text = yaml.safe_dump(definition, sort_keys=False, allow_unicode=True) if definition else ""
    return await visit.page(
        "webhook.html", section="overview", one=one, latest=latest.deliveries, definition=text
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
