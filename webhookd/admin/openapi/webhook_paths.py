"""The paths about single webhooks."""

from __future__ import annotations

from typing import Any, Final

from webhookd.admin.openapi.description_parts import (
    ERROR,
    FILTER,
    TEXT,
    WEBHOOK,
    answer,
    body,
    operation,
)
from webhookd.admin.parameters import (
    LARGEST_NUMBER,
    LEAST_RATE,
    LONGEST_DRAFT,
    MOST_CONDITIONS,
    MOST_RATE,
)
from webhookd.admin.view_schemas import place_of
from webhookd.intake.backfill import PER_SECOND
from webhookd.views.backfills import BackfillView
from webhookd.views.moments import MomentView
from webhookd.views.trials import TrialView
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
    "past": {
        "description": "How long ago moments may have been to be made up for, like `30d`: of a"
        " webhook that is due by a date.",
        "type": "string",
    },
    "dry_run": {"type": "boolean", "default": False},
}
_BACKFILLED = {
    "description": "An object a line, every second; `over` in the last, `error` if it ended early.",
    "content": {"application/x-ndjson": {"schema": place_of(BackfillView)}},
}

_TEST = {
    "webhook": TEXT,
    "definition": {
        "description": "A draft as YAML: the section `webhooks` with one webhook in it.",
        "type": "string",
        "maxLength": LONGEST_DRAFT,
    },
    "record_id": TEXT,
    "change": {
        "description": "A change's number in the journal.",
        "type": "integer",
        "minimum": 0,
        "maximum": LARGEST_NUMBER,
    },
    "kind": FILTER["change"],
    "dry_run": {
        "description": "Only look: nothing is sent.",
        "type": "boolean",
        "default": False,
    },
    "anyway": {
        "description": "Send what does not fire, too.",
        "type": "boolean",
        "default": False,
    },
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
    "/v1/test": {
        "post": operation(
            "Try a webhook in force, with its own secrets, or a draft, with a placeholder for each:"
            " one of `webhook` and `definition`. The change is that with the number `change`, a"
            " known record's, or by default the newest that fires. The request goes out once;"
            " nothing is stored or retried.",
            {
                "200": answer("Why it fires or not, the request, and the answer.", TrialView),
                "404": ERROR,
                "409": ERROR,
                "429": ERROR,
            },
            requestBody=body(_TEST, is_required=True),
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
    "/v1/webhooks/{webhook}/moments/cancel": {
        "post": operation(
            "Take a record's next moment away, as if it had come.",
            {"200": answer("The moment that was taken away.", MomentView), "404": ERROR},
            parameters=WEBHOOK,
            requestBody=body({"record_id": TEXT}, is_required=True),
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
