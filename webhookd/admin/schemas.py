"""What the admin API answers, as JSON Schema: parts of its description."""

from __future__ import annotations

from typing import Any, get_args

from webhookd.admin.parameters import LONGEST_TEXT
from webhookd.model import DeliveryState, ReloadOutcome
from webhookd.storage.records.journal import Reason

Schema = dict[str, Any]


def whole(**properties: Schema) -> Schema:
    """Return the schema of an object that always has all of *properties*."""
    return {"type": "object", "required": list(properties), "properties": properties}


def several(of: Schema) -> Schema:
    """Return the schema of a list."""
    return {"type": "array", "items": of}


def _or_null(kind: str) -> Schema:
    return {"type": [kind, "null"]}


TEXT = {"type": "string", "maxLength": LONGEST_TEXT}
STRING = {"type": "string"}
COUNT = {"type": "integer", "minimum": 0}
NUMBER = {"type": "number", "minimum": 0}
WHEN = {"type": "string", "format": "date-time"}
TIME = {"type": ["string", "null"], "format": "date-time"}
"""When it happened; null where it did not."""

CHANGE = {"type": "string", "enum": ["created", "updated", "deleted"]}
STATE = {"type": "string", "enum": [state.value for state in DeliveryState]}

ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": STRING,
        "problems": several(STRING)
        | {"description": "Each of its own place, where a configuration or condition is wrong."},
    },
}
DELIVERY = whole(
    id=STRING,
    webhook=STRING,
    source=STRING,
    object=STRING,
    record_id=STRING,
    change=CHANGE,
    state=STATE,
    attempts=COUNT,
    next_attempt_at=TIME,
    is_behind={"type": "boolean"},
    last_status=_or_null("integer"),
    last_error=_or_null("string"),
    created_at=TIME,
    settled_at=TIME,
    superseded_by=_or_null("string"),
)
_TEXTS = {"type": "object", "additionalProperties": STRING}
CHANGES = whole(
    changes=several(
        whole(
            number=COUNT,
            seen_at=WHEN,
            occurred_at=WHEN,
            source=STRING,
            object=STRING,
            record_id=STRING,
            change=CHANGE,
            properties=_TEXTS | {"description": "By name, each value as its own JSON text."},
            before={
                "description": "What differed before, null where there was no value; null where"
                " nothing is known of it.",
                "type": ["object", "null"],
                "additionalProperties": _or_null("string"),
            },
            asked=_or_null("integer")
            | {"description": "Which of `asked`; null where the source gives all it has."},
            enrolled=several(STRING)
            | {"description": "Webhooks that had enrolled the record before `since`."},
        )
    ),
    asked=several(whole(names=several(STRING), instants=several(STRING))),
    next=_or_null("integer") | {"description": "What to give as `after`; null at the end."},
    last=COUNT | {"description": "The number of the last change of all."},
    left_out=several(
        whole(
            source=STRING,
            reason={"type": "string", "enum": list(get_args(Reason))},
            count=COUNT,
            last_at=WHEN,
        )
    )
    | {"description": "Changes since `since` that are not kept, to within an hour."},
)
_ATTEMPT = whole(
    number={"type": "integer", "minimum": 1},
    started_at=TIME,
    seconds=NUMBER,
    status=_or_null("integer"),
    error=_or_null("string"),
    answer=_or_null("string"),
    config_hash=_or_null("string"),
)
SHOWN = whole(
    **DELIVERY["properties"],
    method=STRING,
    content_type=_or_null("string"),
    body=_or_null("string") | {"description": "In base64 where it is not text."},
    query=STRING,
    attempt_log=several(_ATTEMPT),
)
_POLLED = whole(
    object=STRING,
    lag_seconds=_or_null("number"),
    last_success_at=TIME,
    last_error=_or_null("string"),
    last_error_at=TIME,
    failures=COUNT,
    records=COUNT,
    changes=COUNT,
    requests={"type": "object", "additionalProperties": COUNT},
    budget_left=_or_null("integer"),
)
_IDENTITY = {
    "path": STRING,
    "object": STRING,
    "id_property": STRING,
    "base_url": STRING,
}
"""What makes a source the one it is: the first three of a drop directory, the last of an API."""

_SOURCE = whole(
    source=STRING,
    records=COUNT,
    pending=COUNT,
    file=_or_null("string"),
    phase=_or_null("string"),
    rows_taken=COUNT,
    bad_rows=COUNT,
    deletions=COUNT,
    rows_per_second=_or_null("integer"),
    ends_at=TIME,
    host=_or_null("string") | {"description": "The only host on which it is read."},
    objects=several(_POLLED),
    cursors=several(whole(object=STRING, read_to=TIME, first_read={"type": "boolean"})),
)
SOURCE = _SOURCE | {"properties": _SOURCE["properties"] | _IDENTITY}
_WEBHOOK = whole(
    webhook=STRING,
    description=STRING,
    state={
        "type": "string",
        "enum": ["active", "probed", "paused", "gone", "disabled", "removed", "elsewhere"],
    },
    hold=_or_null("string"),
    quiet_until=TIME,
    probed_since=TIME,
    probed_reason=_or_null("string"),
    pending=COUNT,
    due=COUNT,
    failed=COUNT,
    in_flight=COUNT,
    oldest_pending_at=TIME,
    last_delivered_at=TIME,
    last_error=_or_null("string"),
    last_error_at=TIME,
)
RELOADED = whole(
    at=WHEN,
    outcome={"type": "string", "enum": list(get_args(ReloadOutcome))},
    config_hash=STRING,
    problems=several(STRING),
)
_DAEMON = whole(
    number=COUNT,
    host=STRING,
    process_id=COUNT,
    version=STRING,
    config_hash=STRING,
    started_at=WHEN,
    seen_at=WHEN,
    is_late={"type": "boolean", "description": "Whether its lease is over."},
    is_this={"type": "boolean", "description": "Whether it is the one that answers."},
)
STATUS = whole(
    version=STRING,
    host=STRING,
    process_id=COUNT,
    started_at=WHEN,
    config_hash=STRING,
    config_path=STRING,
    last_reload={"anyOf": [RELOADED, {"type": "null"}]},
    pending=COUNT,
    failed=COUNT,
    in_flight=COUNT,
    fleet=several(_DAEMON)
    | {"description": "The daemons that share the database; none where it is a file."},
    webhooks=several(_WEBHOOK),
    sources=several(SOURCE),
    backfills=several(
        whole(webhook=STRING, per_second={"type": "number"}, records=COUNT, deliveries=COUNT)
    ),
    document={"type": "object", "description": "The configuration in force, without secrets."},
)
ROTATED: Schema = {
    "description": "By webhook, the settings.",
    "type": "object",
    "additionalProperties": several(STRING),
}
BACKFILLED = whole(
    records=COUNT, deliveries=COUNT, over={"type": "boolean"}, error=_or_null("string")
)
