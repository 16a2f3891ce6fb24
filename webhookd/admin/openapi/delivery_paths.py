"""The paths about deliveries."""

from __future__ import annotations

from typing import Any, Final

from webhookd.admin.openapi.description_parts import (
    ERROR,
    FILTER,
    TEXT,
    answer,
    body,
    operation,
    parameter,
    whole,
)
from webhookd.admin.parameters import (
    GROUPED,
    GROUPS,
    LARGEST_NUMBER,
    LISTED,
    MOST_GROUPS,
    MOST_IDS,
    MOST_LISTED,
)
from webhookd.admin.view_schemas import place_of
from webhookd.views.deliveries import (
    ByHandView,
    CancelledView,
    DeliveriesView,
    GroupsView,
    RetriedView,
    ShownDeliveryView,
)

_REPORTED = {
    "application/x-ndjson": {"schema": place_of(ByHandView)},
}
_RETRIED = answer("How many; those overtaken or held were left.", RetriedView)
_RETRIED["content"] |= _REPORTED
_CANCELLED = answer("How many.", CancelledView)
_CANCELLED["content"] |= _REPORTED
_SELECTION = {
    **FILTER,
    "ids": {"type": "array", "items": TEXT, "minItems": 1, "maxItems": MOST_IDS},
    "upto": {
        "description": "None that were stored behind this number, which a dry run told.",
        "type": "integer",
        "minimum": 0,
        "maximum": LARGEST_NUMBER,
    },
    "dry_run": {"type": "boolean", "default": False},
    "stream": {
        "description": "Answer with lines that say how far it is. It goes on without a reader.",
        "type": "boolean",
        "default": False,
    },
}

PATHS: Final[dict[str, Any]] = {
    "/v1/deliveries": {
        "get": operation(
            "Deliveries, the newest first; `next` is the `before` of the page behind it. What no"
            " index answers is looked for as long as `is_partial` says, and then goes on there.",
            {"200": answer("Deliveries.", DeliveriesView), "404": ERROR},
            parameters=[
                *(parameter(name, "query", schema) for name, schema in FILTER.items()),
                parameter("limit", "query", whole(LISTED, 1, MOST_LISTED)),
                parameter(
                    "before", "query", {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER}
                ),
            ],
        )
    },
    "/v1/groups": {
        "get": operation(
            "What failed and what is held, by webhook and by what the latest attempt came to.",
            {"200": answer("The groups, the largest first.", GroupsView)},
            parameters=[
                parameter("state", "query", {"type": "string", "enum": list(GROUPED)}),
                parameter("limit", "query", whole(GROUPS, 1, MOST_GROUPS)),
            ],
        )
    },
    "/v1/deliveries/{id}": {
        "get": operation(
            "One delivery whole, by its id, or the beginning or ending of it.",
            {"200": answer("The delivery.", ShownDeliveryView), "404": ERROR, "409": ERROR},
            parameters=[parameter("id", "path", {"type": "string", "minLength": 1})],
        )
    },
    "/v1/deliveries/retry": {
        "post": operation(
            "Make deliveries due now; without a state, those that failed. Left are those that"
            " a newer delivered change of their record overtook, where an order is kept, and"
            " those of held webhooks.",
            {"200": _RETRIED, "404": ERROR, "409": ERROR},
            requestBody=body(
                {**_SELECTION, "out_of_order": {"type": "boolean", "default": False}},
                is_required=True,
            ),
        )
    },
    "/v1/deliveries/cancel": {
        "post": operation(
            "Cancel deliveries that wait.",
            {"200": _CANCELLED, "404": ERROR, "409": ERROR},
            requestBody=body(_SELECTION, is_required=True),
        )
    },
}
