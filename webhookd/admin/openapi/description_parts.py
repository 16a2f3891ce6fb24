"""The parts that descriptions of paths are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhookd.admin.parameters import (
    LONGEST_TEXT,
)
from webhookd.admin.view_schemas import place_of
from webhookd.model import ChangeKind, DeliveryState
from webhookd.rules import failure_causes
from webhookd.views.refusals import RefusalView

if TYPE_CHECKING:
    from webhookd.views.view import View

TEXT = {"type": "string", "maxLength": LONGEST_TEXT}
WHEN = {"type": "string", "format": "date-time"}
FILTER: dict[str, Any] = {
    "webhook": TEXT,
    "state": {"type": "string", "enum": [state.value for state in DeliveryState]},
    "source": TEXT,
    "object": TEXT,
    "record_id": TEXT,
    "change": {"type": "string", "enum": [kind.value for kind in ChangeKind]},
    "error": {
        "description": "What the latest attempt came to: a status, a class of them, a reason.",
        "type": "string",
        "pattern": f"^({failure_causes.SHAPE.pattern})$",
    },
    "since": WHEN,
    "until": WHEN,
}
ERROR = {
    "description": "Why not.",
    "content": {"application/json": {"schema": place_of(RefusalView)}},
}


def answer(description: str, view: type[View]) -> dict[str, Any]:
    """Return what an answer is described by."""
    content = {"application/json": {"schema": place_of(view)}}
    return {"description": description, "content": content}


def body(properties: dict[str, Any], *, is_required: bool = False) -> dict[str, Any]:
    """Return what a request's body is described by."""
    schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return {"required": is_required, "content": {"application/json": {"schema": schema}}}


def whole(default: int, minimum: int, maximum: int) -> dict[str, Any]:
    """Return the schema of a whole number."""
    return {"type": "integer", "minimum": minimum, "maximum": maximum, "default": default}


def operation(summary: str, answers: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return what a method of a path is described by, with what every one may answer."""
    common = dict.fromkeys(("400", "401", "413", "421", "500", "503"), ERROR)
    return {"summary": summary, "responses": {**common, **answers}, **more}


def parameter(name: str, where: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a parameter is described by."""
    return {"name": name, "in": where, "required": where == "path", "schema": schema}


WEBHOOK = [parameter("webhook", "path", {"type": "string", "minLength": 1})]
