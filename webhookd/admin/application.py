"""The routes of the admin API."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route

from webhookd import telemetry
from webhookd.admin import parameters
from webhookd.admin.acts import acted
from webhookd.admin.answers import (
    BAD,
    BROKEN,
    CONFLICT,
    NOT_FOUND,
    TOO_MANY,
    UNAVAILABLE,
    answer,
    refusal,
)
from webhookd.admin.delivery_routes import DeliveryRoutes
from webhookd.admin.description import description
from webhookd.admin.feed_routes import FeedRoutes
from webhookd.admin.guard import Guard
from webhookd.admin.lookup_routes import LookupRoutes
from webhookd.admin.parameters import BadQuestionError
from webhookd.admin.probes import PATHS, Probes
from webhookd.admin.webhook_routes import WebhookRoutes
from webhookd.errors import ConfigError, StorageError
from webhookd.intake.backfilled_webhook import BackfillError, UnknownBackfillError
from webhookd.operations.deliveries.bulk_changes import BulkChangeError, EndedEarlyError
from webhookd.operations.deliveries.delivery_views import listed_delivery
from webhookd.operations.deliveries.forgetting import SeveralRecordsError
from webhookd.operations.feed.event_hub import TooManyWatchersError
from webhookd.operations.lookups.record_lookup import UnknownRecordError
from webhookd.operations.trials.turns import TooManyTestsError
from webhookd.operations.trials.webhook_trials import NotTestedError
from webhookd.operations.unknown_names import UnknownNameError
from webhookd.sources.directory.approval import NotAcceptedError
from webhookd.sources.listed_files import NoFileError
from webhookd.storage.deliveries.typed_ids import NoDeliveryError, SeveralDeliveriesError
from webhookd.telemetry.events import BugFound
from webhookd.views.refusals import RefusalView

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import ASGIApp, Scope

    from webhookd.admin.acts import Endpoint
    from webhookd.client.admin_address import AdminAddress
    from webhookd.model import Secret
    from webhookd.operations.control import Control


def application(control: Control, address: AdminAddress, token: Secret | None) -> ASGIApp:
    """Return the application that asks *control*, guarded where *address* is a TCP port."""
    api, lookups = _Api(control), LookupRoutes(control)
    deliveries, webhooks = DeliveryRoutes(control.deliveries), WebhookRoutes(control)
    routes = [
        *(_Path(path, api.probe) for path in PATHS),
        _Path("/v1/openapi.json", api.openapi),
        _Path("/v1/status", api.status),
        _Path("/v1/sources", api.sources),
        _Path("/v1/changes", lookups.changes),
        _Path("/v1/changes/latest", lookups.latest_change),
        _Path("/v1/record", lookups.record),
        _Path("/v1/properties", lookups.properties),
        _Path("/v1/records", lookups.records),
        _Path("/v1/records/list", lookups.listed_records),
        _Path("/v1/records/show", lookups.shown_records),
        _act("/v1/records/forget", "forget", lookups.forget),
        _Path("/v1/sources/{source}/files", lookups.files),
        _Path("/v1/sources/{source}/files/{name}/error", lookups.report),
        _act("/v1/sources/{source}/accept", "accept", lookups.accept),
        _Path("/v1/configuration", lookups.configuration),
        _Path("/v1/plan", lookups.plan),
        _Path("/v1/deliveries", deliveries.listed),
        _Path("/v1/groups", deliveries.groups),
        _act("/v1/deliveries/retry", "retry", deliveries.retry),
        _act("/v1/deliveries/cancel", "cancel", deliveries.cancel),
        _Path("/v1/deliveries/{id}", deliveries.shown),
        _Path("/v1/webhooks/{webhook}", webhooks.webhook),
        _act("/v1/webhooks/{webhook}/pause", "pause", webhooks.pause),
        _act("/v1/webhooks/{webhook}/resume", "resume", webhooks.resume),
        _act("/v1/webhooks/{webhook}/backfill", "backfill", webhooks.backfill),
        _act("/v1/webhooks/{webhook}/backfill/end", "end backfill", webhooks.end_backfill),
        _act("/v1/webhooks/{webhook}/moments/cancel", "cancel moment", webhooks.cancel_moment),
        _act("/v1/test", "test", webhooks.test),
        _Path("/v1/activity", api.activity),
        _Path("/v1/events", FeedRoutes(control.feed).events),
        _act("/v1/reload", "reload", api.reload),
        _Path("/v1/secrets/rotated", api.rotated),
    ]
    handlers: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
        BadQuestionError: _bad_question,
        UnknownNameError: _not_found,
        TooManyWatchersError: _unavailable,
        UnknownRecordError: _not_found,
        UnknownBackfillError: _not_found,
        NoDeliveryError: _not_found,
        SeveralDeliveriesError: _several,
        BackfillError: _conflict,
        NoFileError: _not_found,
        NotAcceptedError: _conflict,
        BulkChangeError: _conflict,
        NotTestedError: _conflict,
        TooManyTestsError: _too_many,
        SeveralRecordsError: _conflict,
        EndedEarlyError: _unavailable,
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


def _act(path: str, action: str, endpoint: Endpoint) -> _Path:
    """Return the route of something that a person does."""
    return _Path(path, acted(action, endpoint), methods=["POST"])


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
        return answer(await self._control.report.status())

    async def sources(self, request: Request) -> Response:
        parameters.query_of(request, ())
        return answer(await self._control.report.sources())

    async def activity(self, request: Request) -> Response:
        given = parameters.query_of(request, ("webhook", "minutes", "step"))
        minutes, step = parameters.span_of(given)
        return answer(
            await self._control.activity(minutes, step, parameters.text_of(given, "webhook"))
        )

    async def reload(self, request: Request) -> Response:
        given = await parameters.body_of(request, ("allow_mass_removal",))
        allow = parameters.flag_of(given, "allow_mass_removal")
        result = await self._control.reload(allow_mass_removal=allow)
        return answer(result, CONFLICT if result.outcome == "rejected" else 200)

    async def rotated(self, request: Request) -> Response:
        parameters.query_of(request, ())
        return answer(await self._control.webhooks.rotated())


async def _conflict(_request: Request, error: Exception) -> Response:
    return refusal(str(error), CONFLICT)


async def _too_many(_request: Request, error: Exception) -> Response:
    return refusal(str(error), TOO_MANY)


async def _several(_request: Request, error: Exception) -> Response:
    found = error.found if isinstance(error, SeveralDeliveriesError) else ()
    told = RefusalView(str(error), deliveries=tuple(map(listed_delivery, found)))
    return answer(told, CONFLICT)


async def _bad_question(_request: Request, error: Exception) -> Response:
    status = error.status if isinstance(error, BadQuestionError) else 400
    return refusal(str(error), status)


async def _not_found(_request: Request, error: Exception) -> Response:
    return refusal(str(error), NOT_FOUND)


async def _unavailable(_request: Request, error: Exception) -> Response:
    return refusal(str(error), UNAVAILABLE)


async def _refused(_request: Request, error: Exception) -> Response:
    problems = (
        [str(problem) for problem in error.problems] if isinstance(error, ConfigError) else []
    )
    return refusal("the configuration is wrong", CONFLICT, problems)


async def _http(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else BROKEN
    detail = error.detail if isinstance(error, HTTPException) else "it broke"
    refused = refusal(detail, status)
    if isinstance(error, HTTPException):
        refused.headers.update(error.headers or {})
    return refused


async def _gone(_request: Request, _error: Exception) -> Response:
    return refusal("the request ended before its body did", BAD)


async def _broken(_request: Request, error: Exception) -> Response:
    telemetry.report(BugFound("admin.request_broke", error))
    return refusal("a bug in webhookd; its log has the details", BROKEN)
