"""The configuration: what is in force, what is on the disk, and having it read anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.client.client_errors import RefusedError
from webhookd.views.configuration import ConfigurationView, PlanView

if TYPE_CHECKING:
    from starlette.responses import Response

    from webhookd.console.visit import Visit


async def show(visit: Visit) -> Response:
    """Show the files, and what a reload would change."""
    return await _page(visit, asks=False)


async def reload(visit: Visit) -> Response:
    """Have the daemon read its configuration, once the person has seen what would change."""
    if not visit.form.get("confirm"):
        return await _page(visit, asks=True)
    allows = visit.form.get("allow_mass_removal") == "1"
    try:
        result = await visit.daemon.post("/v1/reload", allow_mass_removal=allows)
    except RefusedError as error:
        if "problems" not in error.answer:
            raise
        visit.tell("It was refused, and changed nothing: see below.")
    else:
        visit.tell(f"Reloaded: {result['outcome']}, {result['config_hash']} is in force.")
    return visit.elsewhere("/configuration")


async def _page(visit: Visit, *, asks: bool) -> Response:
    plan = await visit.daemon.read(PlanView, "/v1/plan")
    written = await visit.daemon.read(ConfigurationView, "/v1/configuration")
    return await visit.page(
        "configuration.html", section="configuration", asks=asks, plan=plan, written=written
    )
