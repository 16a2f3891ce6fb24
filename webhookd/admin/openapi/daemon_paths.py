"""The paths about the daemon, its sources and its configuration."""

from __future__ import annotations

from typing import Any, Final

from webhookd.admin.feed_routes import UNDELIVERED
from webhookd.admin.openapi.description_parts import (
    ERROR,
    TEXT,
    answer,
    body,
    operation,
    parameter,
)
from webhookd.admin.parameters import (
    ALLOWED_STEPS,
)
from webhookd.admin.view_schemas import place_of
from webhookd.operations.activity_counts import STEPS
from webhookd.views.activity import ActivityView
from webhookd.views.events import (
    ActView,
    EndedAttemptsView,
    HoldChangeView,
    ReadConfigurationView,
    SourceEventView,
)
from webhookd.views.sources import SourcesView
from webhookd.views.status import ReloadView, StatusView
from webhookd.views.webhooks import RotatedView

_TOLD = (EndedAttemptsView, HoldChangeView, ReadConfigurationView, SourceEventView, ActView)
_EVENTS = {
    "description": "Events, each with an object as its data, of a schema for each kind.",
    "content": {"text/event-stream": {"schema": {"anyOf": list(map(place_of, _TOLD))}}},
}
_OPENAPI = {
    "description": "OpenAPI 3.1.",
    "content": {"application/json": {"schema": {"type": "object"}}},
}

PATHS: Final[dict[str, Any]] = {
    "/v1/openapi.json": {"get": operation("This description.", {"200": _OPENAPI})},
    "/v1/status": {
        "get": operation(
            "How everything stands.",
            {"200": answer("Webhooks, sources, configuration.", StatusView)},
        )
    },
    "/v1/sources": {
        "get": operation(
            "Every source that was ever read.",
            {"200": answer("Sources.", SourcesView)},
        )
    },
    "/v1/activity": {
        "get": operation(
            "What attempts came to over time. Single minutes are told by a daemon that is alone and"
            " counted all of them; else, and where more is asked for, a step is longer.",
            {"200": answer("Steps, by webhook.", ActivityView)},
            parameters=[
                parameter("webhook", "query", TEXT),
                parameter("minutes", "query", {"type": "integer", "enum": list(STEPS)}),
                parameter("step", "query", {"type": "integer", "enum": list(ALLOWED_STEPS)}),
            ],
        )
    },
    "/v1/events": {
        "get": operation(
            "What happens, as server-sent events: `attempts` that ended (at most every 100 ms, 50 a"
            " second in detail), `hold`, `reload`, `source` and `person`; `bye` when the daemon"
            " stops. A comment comes every 15 seconds. Who comes back with `Last-Event-ID` is told"
            " what happened meanwhile, as far as the last 500 events.",
            {"200": _EVENTS},
            parameters=[
                parameter("webhook", "query", TEXT),
                parameter("only", "query", {"type": "string", "enum": [UNDELIVERED]}),
            ],
        )
    },
    "/v1/reload": {
        "post": operation(
            "Read the configuration anew and wait for the result.",
            {
                "200": answer("It is in force.", ReloadView),
                "409": answer("It was refused; nothing changed.", ReloadView),
            },
            requestBody=body({"allow_mass_removal": {"type": "boolean", "default": False}}),
        )
    },
    "/v1/secrets/rotated": {
        "get": operation(
            "Settings whose secret, or file's content, a reload would change, and what deliveries"
            " that wait would lack, by webhook.",
            {
                "200": answer("By webhook.", RotatedView),
                "409": ERROR,
            },
        )
    },
}
