"""The OpenAPI description of the admin API, served at `/v1/openapi.json`."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from webhookd import __version__
from webhookd.admin.parameters import (
    CHANGES,
    LARGEST_NUMBER,
    LEAST_RATE,
    LISTED,
    LONGEST_TEXT,
    MOST_CHANGES,
    MOST_CONDITIONS,
    MOST_IDS,
    MOST_LISTED,
    MOST_RATE,
)
from webhookd.admin.view_schemas import place_of, schemas_of
from webhookd.intake.backfill import PER_SECOND
from webhookd.model import ChangeKind, DeliveryState
from webhookd.rules import failure_causes
from webhookd.views.backfills import BackfillView
from webhookd.views.changes import ChangesView, LatestChangeView, RecordView
from webhookd.views.deliveries import (
    CancelledView,
    DeliveriesView,
    RetriedView,
    ShownDeliveryView,
)
from webhookd.views.refusals import RefusalView
from webhookd.views.sources import PropertiesView, SourcesView
from webhookd.views.status import ReloadView, StatusView
from webhookd.views.webhooks import HoldView, RotatedView

if TYPE_CHECKING:
    from webhookd.views.view import View

_VIEWS = (
    *(StatusView, SourcesView, PropertiesView, ChangesView, LatestChangeView, RecordView),
    *(DeliveriesView, ShownDeliveryView),
    *(RetriedView, CancelledView, HoldView, BackfillView, ReloadView, RotatedView, RefusalView),
)
_TEXT = {"type": "string", "maxLength": LONGEST_TEXT}
_WHEN = {"type": "string", "format": "date-time"}
_FILTER: dict[str, Any] = {
    "webhook": _TEXT,
    "state": {"type": "string", "enum": [state.value for state in DeliveryState]},
    "source": _TEXT,
    "object": _TEXT,
    "record_id": _TEXT,
    "change": {"type": "string", "enum": [kind.value for kind in ChangeKind]},
    "error": {
        "description": "What the latest attempt came to: a status, a class of them, a reason.",
        "type": "string",
        "pattern": f"^({failure_causes.SHAPE.pattern})$",
    },
    "since": _WHEN,
    "until": _WHEN,
}
_ERROR = {
    "description": "Why not.",
    "content": {"application/json": {"schema": place_of(RefusalView)}},
}


def _answer(description: str, view: type[View]) -> dict[str, Any]:
    content = {"application/json": {"schema": place_of(view)}}
    return {"description": description, "content": content}


def _body(properties: dict[str, Any], *, is_required: bool = False) -> dict[str, Any]:
    schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return {"required": is_required, "content": {"application/json": {"schema": schema}}}


def _whole(default: int, minimum: int, maximum: int) -> dict[str, Any]:
    return {"type": "integer", "minimum": minimum, "maximum": maximum, "default": default}


def _operation(summary: str, answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    common = dict.fromkeys(("400", "401", "413", "421", "500", "503"), _ERROR)
    return {"summary": summary, "responses": {**common, **answers}, **more}


def _parameter(name: str, where: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "schema": schema}


_RETRIED = _answer("How many; those overtaken or held were left.", RetriedView)
_HELD = _answer("The webhook and its hold.", HoldView)
_OPENAPI = {
    "description": "OpenAPI 3.1.",
    "content": {"application/json": {"schema": {"type": "object"}}},
}
_SELECTION = {
    **_FILTER,
    "ids": {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": MOST_IDS},
    "dry_run": {"type": "boolean", "default": False},
}
_BACKFILL = {
    "where": {
        "description": "Conditions as in `when`, each as YAML or JSON; all must hold.",
        "type": "array",
        "items": {"type": "string"},
        "maxItems": MOST_CONDITIONS,
    },
    "per_second": {
        "description": "Deliveries made in a second, at most.",
        "type": "number",
        "minimum": LEAST_RATE,
        "maximum": MOST_RATE,
        "default": PER_SECOND,
    },
    "dry_run": {"type": "boolean", "default": False},
}
_BACKFILLED = {
    "description": "An object a line, every second; `over` in the last, `error` if it ended early.",
    "content": {"application/x-ndjson": {"schema": place_of(BackfillView)}},
}
_WEBHOOK = [_parameter("webhook", "path", {"type": "string", "minLength": 1})]

_PATHS: dict[str, Any] = {
    "/v1/openapi.json": {"get": _operation("This description.", {"200": _OPENAPI})},
    "/v1/status": {
        "get": _operation(
            "How everything stands.",
            {"200": _answer("Webhooks, sources, configuration.", StatusView)},
        )
    },
    "/v1/sources": {
        "get": _operation(
            "Every source that was ever read.",
            {"200": _answer("Sources.", SourcesView)},
        )
    },
    "/v1/changes": {
        "get": _operation(
            "The changes of the last days that are kept, in the order they were seen.",
            {"200": _answer("A page of them.", ChangesView)},
            parameters=[
                _parameter("since", "query", _WHEN),
                _parameter("after", "query", _whole(0, 0, LARGEST_NUMBER)),
                _parameter("limit", "query", _whole(CHANGES, 1, MOST_CHANGES)),
            ],
        )
    },
    "/v1/changes/latest": {
        "get": _operation(
            "The last change of a source and object that is kept, or of one record.",
            {"200": _answer("The change, if there is one.", LatestChangeView)},
            parameters=[
                {**_parameter("source", "query", _TEXT), "required": True},
                {**_parameter("object", "query", _TEXT), "required": True},
                _parameter("record_id", "query", _TEXT),
            ],
        )
    },
    "/v1/record": {
        "get": _operation(
            "A record as it is known.",
            {"200": _answer("The record.", RecordView), "404": _ERROR},
            parameters=[
                {**_parameter("source", "query", _TEXT), "required": True},
                {**_parameter("object", "query", _TEXT), "required": True},
                {**_parameter("record_id", "query", _TEXT), "required": True},
            ],
        )
    },
    "/v1/properties": {
        "get": _operation(
            "The properties that known records of a source and object have.",
            {"200": _answer("Their names.", PropertiesView)},
            parameters=[
                {**_parameter("source", "query", _TEXT), "required": True},
                {**_parameter("object", "query", _TEXT), "required": True},
            ],
        )
    },
    "/v1/deliveries": {
        "get": _operation(
            "Deliveries, the newest first; `next` is the `before` of the page behind it. What no"
            " index answers is looked for as long as `is_partial` says, and then goes on there.",
            {"200": _answer("Deliveries.", DeliveriesView), "404": _ERROR},
            parameters=[
                *(_parameter(name, "query", schema) for name, schema in _FILTER.items()),
                _parameter("limit", "query", _whole(LISTED, 1, MOST_LISTED)),
                _parameter(
                    "before", "query", {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER}
                ),
            ],
        )
    },
    "/v1/deliveries/{id}": {
        "get": _operation(
            "One delivery whole, by its id, or the beginning or ending of it.",
            {"200": _answer("The delivery.", ShownDeliveryView), "404": _ERROR, "409": _ERROR},
            parameters=[_parameter("id", "path", {"type": "string", "minLength": 1})],
        )
    },
    "/v1/deliveries/retry": {
        "post": _operation(
            "Make deliveries due now; without a state, those that failed. Left are those that"
            " a newer delivered change of their record overtook, where an order is kept, and"
            " those of held webhooks.",
            {"200": _RETRIED, "404": _ERROR, "409": _ERROR},
            requestBody=_body(
                {**_SELECTION, "out_of_order": {"type": "boolean", "default": False}},
                is_required=True,
            ),
        )
    },
    "/v1/deliveries/cancel": {
        "post": _operation(
            "Cancel deliveries that wait.",
            {"200": _answer("How many.", CancelledView), "404": _ERROR, "409": _ERROR},
            requestBody=_body(_SELECTION, is_required=True),
        )
    },
    "/v1/webhooks/{webhook}/pause": {
        "post": _operation(
            "Hold a webhook's deliveries.",
            {"200": _HELD, "404": _ERROR},
            parameters=_WEBHOOK,
            requestBody=_body({"reason": _TEXT}),
        )
    },
    "/v1/webhooks/{webhook}/resume": {
        "post": _operation(
            "Lift a pause by hand and a 410's hold.",
            {"200": _HELD, "404": _ERROR},
            parameters=_WEBHOOK,
            requestBody=_body({}),
        )
    },
    "/v1/webhooks/{webhook}/backfill": {
        "post": _operation(
            "Enroll the known records of a webhook that its trigger takes, or count them."
            " It goes on when the client is gone, and after a restart of the daemon.",
            {"200": _BACKFILLED, "404": _ERROR, "409": _ERROR},
            parameters=_WEBHOOK,
            requestBody=_body(_BACKFILL),
        )
    },
    "/v1/webhooks/{webhook}/backfill/end": {
        "post": _operation(
            "End the backfill of a webhook; what it made by then stays.",
            {"200": _answer("How far it came.", BackfillView), "404": _ERROR},
            parameters=_WEBHOOK,
            requestBody=_body({}),
        )
    },
    "/v1/reload": {
        "post": _operation(
            "Read the configuration anew and wait for the result.",
            {
                "200": _answer("It is in force.", ReloadView),
                "409": _answer("It was refused; nothing changed.", ReloadView),
            },
            requestBody=_body({"allow_mass_removal": {"type": "boolean", "default": False}}),
        )
    },
    "/v1/secrets/rotated": {
        "get": _operation(
            "Settings whose secret, or file's content, a reload would change, and what deliveries"
            " that wait would lack, by webhook.",
            {
                "200": _answer("By webhook.", RotatedView),
                "409": _ERROR,
            },
        )
    },
}
_ABOUT = (
    "What the command line asks of a running daemon. Any other path is answered with 404,"
    " any other method of a path with 405: `NotFound` and `MethodNotAllowed` under"
    " `components`. Every path that takes GET takes HEAD."
)


@cache
def description() -> dict[str, Any]:
    """Return the description; made when it is first asked for, which takes a moment."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "webhookd", "version": __version__, "description": _ABOUT},
        "security": [{}, {"bearer": []}],
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "responses": {"NotFound": _ERROR, "MethodNotAllowed": _ERROR},
            "schemas": schemas_of(_VIEWS),
        },
        "paths": _PATHS,
    }
