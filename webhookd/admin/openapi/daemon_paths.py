"""The paths about the daemon, its sources and its configuration."""

from __future__ import annotations

from typing import Any, Final

from webhookd.admin.feed_routes import UNDELIVERED
from webhookd.admin.openapi.description_parts import (
    ERROR,
    TEXT,
    WHEN,
    answer,
    body,
    operation,
    parameter,
    whole,
)
from webhookd.admin.parameters import (
    ALLOWED_STEPS,
    CHANGES,
    LARGEST_NUMBER,
    MOST_CHANGES,
)
from webhookd.admin.view_schemas import place_of
from webhookd.operations.activity_counts import STEPS
from webhookd.views.activity import ActivityView
from webhookd.views.changes import ChangesView, LatestChangeView, RecordView
from webhookd.views.events import (
    ActView,
    EndedAttemptsView,
    HoldChangeView,
    ReadConfigurationView,
    SourceEventView,
)
from webhookd.views.sources import PropertiesView, SourcesView
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
    "/v1/changes": {
        "get": operation(
            "The changes of the last days that are kept, in the order they were seen.",
            {"200": answer("A page of them.", ChangesView)},
            parameters=[
                parameter("since", "query", WHEN),
                parameter("after", "query", whole(0, 0, LARGEST_NUMBER)),
                parameter("limit", "query", whole(CHANGES, 1, MOST_CHANGES)),
            ],
        )
    },
    "/v1/changes/latest": {
        "get": operation(
            "The last change of a source and object that is kept, or of one record.",
            {"200": answer("The change, if there is one.", LatestChangeView)},
            parameters=[
                {**parameter("source", "query", TEXT), "required": True},
                {**parameter("object", "query", TEXT), "required": True},
                parameter("record_id", "query", TEXT),
            ],
        )
    },
    "/v1/record": {
        "get": operation(
            "A record as it is known.",
            {"200": answer("The record.", RecordView), "404": ERROR},
            parameters=[
                {**parameter("source", "query", TEXT), "required": True},
                {**parameter("object", "query", TEXT), "required": True},
                {**parameter("record_id", "query", TEXT), "required": True},
            ],
        )
    },
    "/v1/properties": {
        "get": operation(
            "The properties that known records of a source and object have.",
            {"200": answer("Their names.", PropertiesView)},
            parameters=[
                {**parameter("source", "query", TEXT), "required": True},
                {**parameter("object", "query", TEXT), "required": True},
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
