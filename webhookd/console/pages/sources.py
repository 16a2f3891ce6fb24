"""Sources: what is read, how far, and what was set aside."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from starlette.responses import Response

    from webhookd.console.visit import Visit
    from webhookd.views.sources import SourceView


async def show(visit: Visit) -> Response:
    """Show all sources."""
    status = await visit.daemon.status()
    return await visit.page("sources.html", section="sources", sources=status.sources)


async def show_one(visit: Visit) -> Response:
    """Show a source."""
    one = await found(visit)
    status = await visit.daemon.status()
    webhooks = [
        name
        for name, definition in status.document.get("webhooks", {}).items()
        if definition.get("source") == one.source
    ]
    return await visit.page("source.html", section="sources", one=one, webhooks=webhooks)


async def found(visit: Visit) -> SourceView:
    """Return how the source stands that the address names; 404 where there is none."""
    name = visit.request.path_params["name"]
    status = await visit.daemon.status()
    for one in status.sources:
        if one.source == name:
            return one
    raise HTTPException(404)
