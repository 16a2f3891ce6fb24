"""Rows of a file, and how one becomes an observation of a record.

A row is flat (its keys are the properties, one of them the id) or has HubSpot's shape
(`{"id", "properties": {…}, "archived", "updatedAt", …}`, as its CRM API returns objects).
This runs for every row of every file: no call per value but for those that are not text.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from webhookd.errors import SourceError
from webhookd.model import BadRow, Observation
from webhookd.sources.formats.json_values import WholeNumber, compact

if TYPE_CHECKING:
    from collections.abc import Callable

    from webhookd.model import JsonText

LONGEST_ROW: Final = 1 << 20
"""Bytes; a longer row is bad."""

LONGEST_ID: Final = 1024
"""Characters; a longer id makes the row bad."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID_AND_PROPERTIES = 2
_HUBSPOT_MARKS = frozenset({"createdAt", "updatedAt", "archived"})


class BrokenFileError(SourceError):
    """A file that cannot be read beyond a place: *line* and *column* (from 1), where known."""

    def __init__(self, reason: str, line: int | None = None, column: int | None = None) -> None:
        self.reason = reason
        self.line = line
        self.column = column
        super().__init__(reason)


class Row(NamedTuple):
    """A row as a format's reader gives it: its place, its length in bytes, its members."""

    line: int
    column: int
    size: int
    members: dict[str, Any]


class _Refused(ValueError):  # noqa: N818 - turned into a BadRow below
    """Why a row is bad."""


def observer(
    object_type: str, id_property: str, *, is_partial: bool = False
) -> Callable[[Row], Observation | BadRow]:
    """Return the function that makes an observation of a row of such a source."""

    def observe(row: Row) -> Observation | BadRow:
        members = row.members
        try:
            if "properties" in members and _has_hubspot_shape(members):
                return _from_hubspot(object_type, id_property, members, is_partial=is_partial)
            record_id = _record_id(members.get(id_property), id_property)
        except _Refused as refusal:
            return BadRow(row.line, row.column, str(refusal))
        if not is_partial:
            return Observation(object_type, record_id, _texts(members))
        return Observation(
            object_type, record_id, _texts(members), is_partial=True, cleared=_cleared(members)
        )

    return observe


def _texts(members: dict[str, Any]) -> dict[str, JsonText]:
    texts = {}
    for name, value in members.items():
        if type(value) is str:
            texts[name] = encode_basestring(value)
        elif value is not None:
            texts[name] = compact(value)
    return texts


def _cleared(members: dict[str, Any]) -> frozenset[str]:
    return frozenset(name for name, value in members.items() if value is None)


def _record_id(value: object, id_property: str) -> str:
    if type(value) is str:
        return _checked_id(value, id_property)
    if type(value) is WholeNumber:
        return _checked_id(str(value), id_property)
    if value is None:
        raise _Refused(f"the id ({id_property!r}) is missing or null")
    raise _Refused(f"the id ({id_property!r}) must be text or a whole number, not {_kind(value)}")


def _checked_id(text: str, id_property: str) -> str:
    if not text or text.isspace():
        raise _Refused(f"the id ({id_property!r}) is empty")
    if len(text) > LONGEST_ID:
        raise _Refused(f"the id ({id_property!r}) is over {LONGEST_ID} characters")
    if _CONTROL.search(text):
        raise _Refused(f"the id ({id_property!r}) holds a control character")
    # JSON allows -0, which is the number 0 in a second spelling: two records for one.
    if text == "-0":
        raise _Refused(f"the id ({id_property!r}) is -0")
    return text


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, dict | list):
        return "a nested value"
    return "a number with a fraction or exponent"


def _has_hubspot_shape(members: dict[str, Any]) -> bool:
    """Return whether a row that has `properties` is a record as HubSpot gives it.

    What it has decides, whatever else it has: HubSpot and those who copy from it add keys.
    """
    if "id" not in members:
        return False
    properties = members["properties"]
    if type(properties) is dict:
        return not _HUBSPOT_MARKS.isdisjoint(members) or len(members) == _ID_AND_PROPERTIES
    # What is archived need not have properties; a flat row has no `archived` that is true by chance
    # beside a time of HubSpot's.
    is_archived = members.get("archived") is True
    return properties is None and is_archived and len(_HUBSPOT_MARKS & members.keys()) > 1


def _from_hubspot(
    object_type: str, id_property: str, members: dict[str, Any], *, is_partial: bool
) -> Observation:
    properties = members["properties"] or {}
    # Another id_property than the default was set on purpose: it names a property.
    holder = members if id_property == "id" else properties
    return Observation(
        object_type,
        _record_id(holder.get(id_property), id_property),
        _texts(properties),
        deleted=_is_archived(members.get("archived")),
        modified_at=_instant(members.get("updatedAt")),
        is_partial=is_partial,
        cleared=_cleared(properties) if is_partial else frozenset(),
    )


def _is_archived(value: object) -> bool:
    if value is None:
        return False
    if isinstance(value, bool):
        return value
    raise _Refused("'archived' must be true or false")


def _instant(value: object) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, str):
        try:
            return _parsed(value)
        except (ValueError, OverflowError):
            pass
    raise _Refused("'updatedAt' must be an ISO-8601 time or milliseconds since 1970")


def _parsed(text: str) -> datetime:
    """Return the instant; a time without a zone is UTC. Whole numbers are a subclass of str."""
    if type(text) is WholeNumber:
        return _EPOCH + timedelta(milliseconds=int(text[:20]))
    parsed = datetime.fromisoformat(text)
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
