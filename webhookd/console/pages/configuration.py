"""The configuration: what is in force since when, and having it read anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webhookd.client.client_errors import RefusedError

if TYPE_CHECKING:
    from starlette.responses import Response

    from webhookd.console.visit import Visit


async def show(visit: Visit) -> Response:
    """Show what is in force."""
    return await visit.page("configuration.html", section="configuration", asks=False)


async def reload(visit: Visit) -> Response:
    """Have the daemon read its configuration, once the person has seen what that means."""
    if not visit.form.get("confirm"):
        return await visit.page("configuration.html", section="configuration", asks=True)
    try:
        result = await visit.daemon.post("/v1/reload")
    except RefusedError as error:
        if "problems" not in error.answer:
            raise
        visit.tell("It was refused, and changed nothing: see below.")
    else:
        visit.tell(f"Reloaded: {result['outcome']}, {result['config_hash']} is in force.")
    return visit.elsewhere("/configuration")
