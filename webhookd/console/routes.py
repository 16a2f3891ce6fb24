"""The routes of the console, who may take them, and what an error looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from webhookd.client.client_errors import LostError, NoDaemonError, RefusedError
from webhookd.console import forms
from webhookd.console.access.gate import FORBIDDEN, UNAUTHORIZED, Gate
from webhookd.console.forms import BadFormError
from webhookd.console.pages import (
    compose,
    configuration,
    deliveries,
    delivery,
    delivery_acts,
    entrance,
    inbox,
    live,
    overview,
    sources,
    webhook,
    webhook_acts,
)
from webhookd.console.visit import Console, Visit
from webhookd.errors import StorageError, WebhookdError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from webhookd.console.access.invitations import Invitations

    Handler = Callable[[Visit], Awaitable[Response]]

GONE, BROKEN, AWAY = 400, 500, 503


@dataclass(frozen=True, slots=True)
class PageRoute:
    """A path and the page behind it; only an operator takes one that *acts*."""

    path: str
    page: Handler
    method: str = "GET"
    acts: bool = False


PAGES: Final = (
    PageRoute("/", overview.show),
    PageRoute("/deliveries", deliveries.show),
    PageRoute("/deliveries/retry", delivery_acts.retry, "POST", acts=True),
    PageRoute("/deliveries/cancel", delivery_acts.cancel, "POST", acts=True),
    PageRoute("/deliveries/{id}", delivery.show),
    PageRoute("/deliveries/{id}/body", delivery.body),
    PageRoute("/live", live.show),
    PageRoute("/events", live.events),
    PageRoute("/inbox", inbox.show),
    PageRoute("/webhooks/{name}", webhook.show),
    PageRoute("/webhooks/{name}/test", webhook_acts.test, "POST", acts=True),
    PageRoute("/webhooks/{name}/pause", webhook_acts.pause, "POST", acts=True),
    PageRoute("/webhooks/{name}/resume", webhook_acts.resume, "POST", acts=True),
    PageRoute("/webhooks/{name}/backfill", webhook_acts.backfill, "POST", acts=True),
    PageRoute("/webhooks/{name}/backfill/end", webhook_acts.end_backfill, "POST", acts=True),
    PageRoute("/sources", sources.show),
    PageRoute("/sources/{name}", sources.show_one),
    PageRoute("/sources/{name}/files/{file}", sources.report),
    PageRoute("/sources/{name}/accept", sources.accept, "POST", acts=True),
    PageRoute("/configuration", configuration.show),
    PageRoute("/configuration/reload", configuration.reload, "POST", acts=True),
    PageRoute("/compose", compose.show),
    PageRoute("/compose", compose.preview, "POST"),
    PageRoute("/compose/test", compose.test, "POST", acts=True),
    PageRoute("/leave", entrance.leave, "POST"),
)

_REFUSALS: Final = {
    400: ("That could not be read", "The browser broke off, or sent what is not a form."),
    UNAUTHORIZED: (
        "Come in by a link",
        (
            "This browser has no session here. The console printed a link when it started, which"
            " works once and for ten minutes. Sessions end with the console, and after twelve idle"
            " hours."
        ),
    ),
    FORBIDDEN: (
        "That did not come from this console",
        (
            "The request changes something, and the browser does not say that a page of this"
            " console sent it. Open the page again, here, and send the form from there."
        ),
    ),
    404: ("There is no such page", "The address may be misspelt, or from another version."),
    405: ("Not in this way", "This address takes another kind of request."),
    BROKEN: ("A bug in the console", "The terminal that it runs in has the details."),
}


def application(console: Console, invitations: Invitations, *, port: int, label: str) -> ASGIApp:
    """Return the console's application, to be served at *port* of the loopback addresses."""

    def answering(route: PageRoute) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            visit = Visit(request, console, request.scope.get("session"))
            if route.method == "POST":
                await _take_form(visit, acts=route.acts)
            return await route.page(visit)

        return endpoint

    async def enter(request: Request) -> Response:
        return await entrance.enter(Visit(request, console, None), invitations)

    async def refuse(scope: Scope, receive: Receive, send: Send, status: int) -> None:
        visit = Visit(Request(scope, receive), console, None)
        await _refusal(visit, status)(scope, receive, send)

    async def failed(request: Request, error: Exception) -> Response:
        visit = Visit(request, console, request.scope.get("session"))
        return await _answer_to(visit, error)

    kinds: tuple[type[Exception], ...] = (
        *(NoDaemonError, LostError, RefusedError, StorageError, WebhookdError),
        *(BadFormError, HTTPException, ClientDisconnect, Exception),
    )
    handlers: dict[Any, Any] = dict.fromkeys(kinds, failed)
    routes = [
        Route("/enter", enter, methods=["GET"]),
        *_by_path(answering),
        # Pages are not made smaller: they hold secrets of the session beside what others wrote.
        Mount("/static", GZipMiddleware(StaticFiles(packages=[("webhookd.console", "static")]))),
    ]
    app = Starlette(routes=routes, exception_handlers=handlers)
    # No answer leads where a Host header points.
    app.router.redirect_slashes = False
    return Gate(app, sessions=console.sessions, port=port, label=label, refuse=refuse)


def _by_path(answering: Callable[[PageRoute], Any]) -> list[Route]:
    """Return a route for each path, which asks the page of the request's method."""
    found: dict[str, dict[str, Any]] = {}
    for page in PAGES:
        found.setdefault(page.path, {})[page.method] = answering(page)

    def by_method(pages: dict[str, Any]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            method = "GET" if request.method == "HEAD" else request.method
            answer: Response = await pages[method](request)
            return answer

        return endpoint

    return [Route(path, by_method(pages), methods=[*pages]) for path, pages in found.items()]


async def _take_form(visit: Visit, *, acts: bool) -> None:
    """Read the form that a visit brought; raise what refuses it."""
    if acts and not visit.may_act:
        raise HTTPException(FORBIDDEN, "This console only shows: it was started for viewers.")
    form = visit.take_form(await forms.read(visit.request))
    if visit.session is None or not visit.session.knows(form.get("form_token")):
        raise HTTPException(FORBIDDEN, "The form is not from this session: open its page again.")


async def _answer_to(visit: Visit, error: Exception) -> Response:
    """Return the page that says what went wrong."""
    match error:
        case RefusedError():
            return visit.rendered(
                "refused.html",
                status=error.status,
                title="The daemon refused",
                text=str(error),
                problems=[str(one) for one in error.answer.get("problems") or ()],
                head=await _head(visit),
            )
        case WebhookdError():
            return visit.rendered(
                "away.html", status=AWAY, told=str(error), looked_at=visit.daemon.places.told
            )
        case BadFormError():
            return _refusal(visit, error.status, str(error))
        case HTTPException():
            is_own = error.status_code == FORBIDDEN
            return _refusal(visit, error.status_code, error.detail if is_own else "")
        case ClientDisconnect():
            return PlainTextResponse("", GONE)
        case _:
            return _refusal(visit, BROKEN)


async def _head(visit: Visit) -> Any:
    """Return how the daemon stands, for the head of a page; None where it is not to be had."""
    try:
        return await visit.daemon.status()
    except WebhookdError:
        return None


def _refusal(visit: Visit, status: int, why: str = "") -> Response:
    title, text = _REFUSALS.get(status, _REFUSALS[400])
    return visit.rendered("refused.html", status=status, title=title, text=why or text, problems=[])
