"""Views as JSON: times as RFC 3339 in UTC with milliseconds, everything else as it is."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import orjson

from webhookd.views.view import JsonObject, View

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPTIONS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


def written(value: View | Mapping[str, Any]) -> bytes:
    """Return an answer as JSON."""
    return orjson.dumps(value, default=_plain, option=_OPTIONS)


def instant(at: datetime) -> str:
    """Return a time as RFC 3339 in UTC, with milliseconds."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: object) -> object:
    """Return what orjson knows how to write; it calls this for what it does not know."""
    match value:
        case View():
            kind: Any = type(value)
            kept = ((name, getattr(value, name)) for name in _names(kind))
            lacks = value.lacks_where_none
            return {name: one for name, one in kept if one is not None or name not in lacks}
        case datetime():
            return instant(value)
        case JsonObject():
            return orjson.Fragment(value.json)
        case _:
            raise TypeError(f"{type(value).__name__} cannot be written as JSON")


@cache
def _names(kind: Any) -> tuple[str, ...]:
    return tuple(one.name for one in fields(kind))
