"""The paths about single webhooks."""

from __future__ import annotations

from typing import Any, Final

from webhookd.admin.openapi.description_parts import (
    ERROR,
    TEXT,
    WEBHOOK,
    answer,
    body,
    operation,
)
from webhookd.admin.parameters import (
    LEAST_RATE,
    MOST_CONDITIONS,
    MOST_RATE,
)
from webhookd.admin.view_schemas import place_of
from webhookd.intake.backfill import PER_SECOND
from webhookd.views.backfills import BackfillView
from webhookd.views.webhooks import HoldView, ShownWebhookView

_HELD = answer("The webhook and its hold.", HoldView)
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

PATHS: Final[dict[str, Any]] = {
    "/v1/webhooks/{webhook}": {
        "get": operation(
            "One webhook whole.",
            {
                "200": answer("How it stands, and its definition in force.", ShownWebhookView),
                "404": ERROR,
            },
            parameters=WEBHOOK,
        )
    },
    "/v1/webhooks/{webhook}/pause": {
        "post": operation(
            "Hold a webhook's deliveries.",
            {"200": _HELD, "404": ERROR},
            parameters=WEBHOOK,
            requestBody=body({"reason": TEXT}),
        )
    },
    "/v1/webhooks/{webhook}/resume": {
        "post": operation(
            "Lift a pause by hand and a 410's hold.",
            {"200": _HELD, "404": ERROR},
            parameters=WEBHOOK,
            requestBody=body({}),
        )
    },
    "/v1/webhooks/{webhook}/backfill": {
        "post": operation(
            "Enroll the known records of a webhook that its trigger takes, or count them."
            " It goes on when the client is gone, and after a restart of the daemon.",
            {"200": _BACKFILLED, "404": ERROR, "409": ERROR},
            parameters=WEBHOOK,
            requestBody=body(_BACKFILL),
        )
    },
    "/v1/webhooks/{webhook}/backfill/end": {
        "post": operation(
            "End the backfill of a webhook; what it made by then stays.",
            {"200": answer("How far it came.", BackfillView), "404": ERROR},
            parameters=WEBHOOK,
            requestBody=body({}),
        )
    },
}
