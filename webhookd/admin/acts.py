"""Who had the daemon do what: a line in the log for each act, with the way it was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from webhookd import telemetry
from webhookd.telemetry.events import PersonActed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    Endpoint: TypeAlias = Callable[[Request], Awaitable[Response]]


def acted(action: str, endpoint: Endpoint) -> Endpoint:
    """Return *endpoint*, which reports what it did as *action*; see `only_looked`."""

    async def reporting(request: Request) -> Response:
        response = await endpoint(request)
        if not getattr(request.state, "only_looked", False):
            named = next(iter(request.path_params.values()), "")
            subject = getattr(request.state, "subject", named)
            event = PersonActed(action, str(subject), _via(request), response.status_code)
            telemetry.report(event)
        return response

    return reporting


def about(request: Request, subject: str) -> None:
    """Note what was acted on, where the path does not say it."""
    request.state.subject = subject


def only_looked(request: Request) -> None:
    """Note that nothing is done by what is asked: it is a dry run."""
    request.state.only_looked = True


def _via(request: Request) -> str:
    client = request.client
    return client.host if client is not None and client.host.startswith("uid ") else "tcp"
