"""The routes of the admin API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Match, Route

from webhookd import telemetry
from webhookd.admin import parameters
from webhookd.admin.description import description
from webhookd.admin.guard import Guard
from webhookd.admin.parameters import CHANGES, FILTER, MOST_CHANGES, BadQuestionError
from webhookd.admin.probes import Probes
from webhookd.errors import ConfigError, StorageError
from webhookd.intake.backfill import BackfillError
from webhookd.intake.backfilled_webhook import UnknownBackfillError
from webhookd.operations.deliveries.delivery_views import listed_delivery
from webhookd.operations.record_lookup import UnknownRecordError
from webhookd.operations.unknown_names import UnknownNameError
from webhookd.operations.view_builders import backfilled
from webhookd.storage.deliveries.typed_ids import NoDeliveryError, SeveralDeliveriesError
from webhookd.telemetry.events import BugFound
from webhookd.views.json_writer import written
from webhookd.views.refusals import RefusalView

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from starlette.types import ASGIApp, Scope

    from webhookd.client.admin_address import AdminAddress
    from webhookd.intake.backfill_run import Running
    from webhookd.model import Secret
    from webhookd.operations.control import Control
    from webhookd.views.view import View

BAD, CONFLICT, NOT_FOUND, UNAVAILABLE, BROKEN = 400, 409, 404, 503, 500


def application(control: Control, address: AdminAddress, token: Secret | None) -> ASGIApp:
    """Return the application that asks *control*, guarded where *address* is a TCP port."""
    api = _Api(control)
    routes = [
        *(_Path(path, api.probe) for path in ("/healthz", "/readyz", "/metrics")),
        _Path("/v1/openapi.json", api.openapi),
        _Path("/v1/status", api.status),
        _Path("/v1/sources", api.sources),
        _Path("/v1/changes", api.changes),
        _Path("/v1/changes/latest", api.latest_change),
        _Path("/v1/record", api.record),
        _Path("/v1/properties", api.properties),
        _Path("/v1/deliveries", api.deliveries),
        _Path("/v1/deliveries/retry", api.retry, methods=["POST"]),
        _Path("/v1/deliveries/cancel", api.cancel, methods=["POST"]),
        _Path("/v1/deliveries/{id}", api.delivery),
        _Path("/v1/webhooks/{webhook}/pause", api.pause, methods=["POST"]),
        _Path("/v1/webhooks/{webhook}/resume", api.resume, methods=["POST"]),
        _Path("/v1/webhooks/{webhook}/backfill", api.backfill, methods=["POST"]),
        _Path("/v1/webhooks/{webhook}/backfill/end", api.end_backfill, methods=["POST"]),
        _Path("/v1/reload", api.reload, methods=["POST"]),
        _Path("/v1/secrets/rotated", api.rotated),
    ]
    handlers: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
        BadQuestionError: _bad_question,
        UnknownNameError: _not_found,
        UnknownRecordError: _not_found,
        UnknownBackfillError: _not_found,
        NoDeliveryError: _not_found,
        SeveralDeliveriesError: _several,
        BackfillError: _conflict,
        StorageError: _unavailable,
        ConfigError: _refused,
        HTTPException: _http,
        ClientDisconnect: _gone,
        Exception: _broken,
    }
    app = Starlette(routes=routes, exception_handlers=handlers)
    # A path has one name; and no answer leads where a Host header points.
    app.router.redirect_slashes = False
    return app if address.path is not None else Guard(app, port=address.port, token=token)


class _Path(Route):
    """A route that is alone with its path: what it refuses is not offered to a wider one."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Return whether the path is its own, whatever the method."""
        match, more = super().matches(scope)
        return Match.NONE if match is Match.NONE else Match.FULL, more


class _Api:
    def __init__(self, control: Control) -> None:
        self._control = control
        self._probes = Probes(control).by_path

    async def probe(self, request: Request) -> Response:
        answer = await self._probes[request.scope["path"]]()
        return Response(answer.content, answer.status, media_type=answer.media_type)

    async def openapi(self, _request: Request) -> Response:
        return JSONResponse(await asyncio.to_thread(description))

    async def status(self, request: Request) -> Response:
        parameters.query_of(request, ())
        return _answer(await self._control.report.status())

    async def sources(self, request: Request) -> Response:
        parameters.query_of(request, ())
        return _answer(await self._control.report.sources())

    async def changes(self, request: Request) -> Response:
        given = parameters.query_of(request, parameters.PAGE)
        found = await self._control.changes(
            parameters.since_of(given),
            after=parameters.number_of(given, "after") or 0,
            limit=parameters.limit_of(given, normally=CHANGES, most=MOST_CHANGES),
        )
        return _answer(found)

    async def latest_change(self, request: Request) -> Response:
        given = parameters.query_of(request, ("source", "object", "record_id"))
        source, object_ = parameters.texts_that_must_be(given, "source", "object")
        record_id = parameters.text_of(given, "record_id")
        return _answer(await self._control.latest_change(source, object_, record_id))

    async def record(self, request: Request) -> Response:
        names = ("source", "object", "record_id")
        given = parameters.query_of(request, names)
        source, object_, record_id = parameters.texts_that_must_be(given, *names)
        return _answer(await self._control.record(source, object_, record_id))

    async def properties(self, request: Request) -> Response:
        given = parameters.query_of(request, ("source", "object"))
        source, object_ = parameters.texts_that_must_be(given, "source", "object")
        return _answer(await self._control.properties(source, object_))

    async def deliveries(self, request: Request) -> Response:
        given = parameters.query_of(request, (*FILTER, "limit", "before"))
        found = await self._control.deliveries.listed(
            parameters.filter_of(given),
            parameters.limit_of(given),
            before=parameters.number_of(given, "before"),
        )
        return _answer(found)

    async def delivery(self, request: Request) -> Response:
        parameters.query_of(request, ())
        return _answer(await self._control.deliveries.shown(request.path_params["id"]))

    async def retry(self, request: Request) -> Response:
        given = await parameters.body_of(request, (*FILTER, "ids", "dry_run", "out_of_order"))
        is_dry_run = parameters.flag_of(given, "dry_run")
        is_out_of_order = parameters.flag_of(given, "out_of_order")
        retried = await self._control.deliveries.retry(
            parameters.selection_of(given), is_dry_run=is_dry_run, is_out_of_order=is_out_of_order
        )
        return _answer(retried)

    async def cancel(self, request: Request) -> Response:
        given = await parameters.body_of(request, (*FILTER, "ids", "dry_run"))
        is_dry_run = parameters.flag_of(given, "dry_run")
        selection = parameters.selection_of(given)
        return _answer(await self._control.deliveries.cancel(selection, is_dry_run=is_dry_run))

    async def pause(self, request: Request) -> Response:
        given = await parameters.body_of(request, ("reason",))
        reason = parameters.text_of(given, "reason") or "paused by hand"
        return _answer(await self._control.webhooks.pause(request.path_params["webhook"], reason))

    async def resume(self, request: Request) -> Response:
        await parameters.body_of(request, ())
        return _answer(await self._control.webhooks.resume(request.path_params["webhook"]))

    async def backfill(self, request: Request) -> Response:
        given = await parameters.body_of(request, ("where", "per_second", "dry_run"))
        name, where = request.path_params["webhook"], parameters.texts_of(given, "where")
        rate, is_dry_run = parameters.rate_of(given), parameters.flag_of(given, "dry_run")
        try:
            running = await self._control.webhooks.backfill(
                name, where, per_second=rate, is_dry_run=is_dry_run
            )
        except ConfigError as error:
            return _refusal("'where' is wrong", BAD, map(str, error.problems))
        return StreamingResponse(_reports(running), media_type="application/x-ndjson")

    async def end_backfill(self, request: Request) -> Response:
        await parameters.body_of(request, ())
        ended = await self._control.webhooks.end_backfill(request.path_params["webhook"])
        return _answer(backfilled(ended, ended.made, is_over=True))

    async def reload(self, request: Request) -> Response:
        given = await parameters.body_of(request, ("allow_mass_removal",))
        allow = parameters.flag_of(given, "allow_mass_removal")
        result = await self._control.reload(allow_mass_removal=allow)
        return _answer(result, CONFLICT if result.outcome == "rejected" else 200)

    async def rotated(self, request: Request) -> Response:
        parameters.query_of(request, ())
        return _answer(await self._control.webhooks.rotated())


async def _reports(running: Running) -> AsyncIterator[bytes]:
    """Yield a line for each report of a backfill, and one for its end."""
    async for made in running.reports():
        yield written(backfilled(running, made, is_over=False)) + b"\n"
    yield written(backfilled(running, running.made, is_over=True)) + b"\n"


def _answer(view: View, status: int = 200) -> Response:
    return Response(written(view), status, media_type="application/json")


def _refusal(text: str, status: int, problems: Iterable[str] | None = None) -> Response:
    return _answer(RefusalView(text, None if problems is None else tuple(problems)), status)


async def _conflict(_request: Request, error: Exception) -> Response:
    return _refusal(str(error), CONFLICT)


async def _several(_request: Request, error: Exception) -> Response:
    found = error.found if isinstance(error, SeveralDeliveriesError) else ()
    refusal = RefusalView(str(error), deliveries=tuple(map(listed_delivery, found)))
    return _answer(refusal, CONFLICT)


async def _bad_question(_request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, BadQuestionError) else 400
    return _refusal(str(error), status)


async def _not_found(_request: Request, error: Exception) -> Response:
    return _refusal(str(error), NOT_FOUND)


async def _unavailable(_request: Request, error: Exception) -> Response:
    return _refusal(str(error), UNAVAILABLE)


async def _refused(_request: Request, error: Exception) -> Response:
    problems = (
        [str(problem) for problem in error.problems] if isinstance(error, ConfigError) else []
    )
    return _refusal("the configuration is wrong", CONFLICT, problems)


async def _http(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else BROKEN
    detail = error.detail if isinstance(error, HTTPException) else "it broke"
    refusal = _refusal(detail, status)
    if isinstance(error, HTTPException):
        refusal.headers.update(error.headers or {})
    return refusal


async def _gone(_request: Request, _error: Exception) -> Response:
    return _refusal("the request ended before its body did", BAD)


async def _broken(_request: Request, error: Exception) -> Response:
    telemetry.report(BugFound("admin.request_broke", error))
    return _refusal("a bug in webhookd; its log has the details", BROKEN)
