"""Answers of the API taken apart: whatever is not as it should be is a ValueError.

Values stay as they were written (`json_values`); a time is whole milliseconds since 1970.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from webhookd.sources.formats.json_values import (
    WholeNumber,
    compact,
    has_lone_surrogate,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.model import JsonText, Properties

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_DIGITS: Final = re.compile(r"-?[0-9]{1,15}")
_HALVES: Final = re.compile("[\ud800-\udfff]")
_LONGEST_ID: Final = 500
_LATEST: Final = 253_402_300_799_999


@dataclass(frozen=True, slots=True)
class ApiRecord:
    """A record as the API gave it. *modified* falls back on `updatedAt`."""

    id: str
    properties: Properties
    modified: int | None
    created: int | None
    archived: bool
    archived_at: int | None


@dataclass(frozen=True, slots=True)
class Page:
    """A page of records. *after* leads to the next one; *total* is a search's count."""

    records: tuple[ApiRecord, ...]
    after: str | None
    total: int | None


def page(content: dict[str, Any], modified_property: str) -> Page:
    """Return the page of records that *content* is."""
    results = content.get("results")
    if not isinstance(results, list):
        raise TypeError("'results' is not a list")
    return Page(
        tuple(_record(one, modified_property) for one in results), _after(content), _total(content)
    )


def properties(content: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the name and type of each property."""
    results = content.get("results")
    if not isinstance(results, list):
        raise TypeError("'results' is not a list")
    for one in results:
        name = one.get("name") if isinstance(one, dict) else None
        if type(name) is not str or not name:
            raise TypeError("a property has no name")
        if one.get("archived") is not True:
            yield name, str(one.get("type"))


def unread(content: dict[str, Any]) -> str | None:
    """Return why a batch read left out records that may be there; None when it left out none."""
    errors = content.get("errors") or []
    if not isinstance(errors, list):
        raise TypeError("'errors' is not a list")
    for one in errors:
        category = one.get("category") if isinstance(one, dict) else None
        if category != "OBJECT_NOT_FOUND":
            return f"some records could not be read: {category!s:.60}"
    return None


def milliseconds(value: object) -> int | None:
    """Return the time that *value* gives, in ISO 8601 or as milliseconds; None if it is absent."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} is not a time")
    if _DIGITS.fullmatch(value):
        return int(value)
    found = datetime.fromisoformat(value)
    return (found.replace(tzinfo=found.tzinfo or UTC) - _EPOCH) // _MILLISECOND


def instant(value: int | None) -> datetime | None:
    """Return the time *value* milliseconds after 1970; None stays None."""
    if value is None:
        return None
    return _EPOCH + max(0, min(value, _LATEST)) * _MILLISECOND


def _record(value: object, modified_property: str) -> ApiRecord:
    if not isinstance(value, dict):
        raise TypeError("a record is not an object")
    found = value.get("properties") or {}
    if not isinstance(found, dict):
        raise TypeError("a record's 'properties' is not an object")
    modified = found.get(modified_property)
    return ApiRecord(
        id=_id(value.get("id")),
        properties={name: _text(one) for name, one in found.items() if one is not None},
        modified=milliseconds(value.get("updatedAt") if modified is None else modified),
        created=milliseconds(value.get("createdAt")),
        archived=value.get("archived") is True,
        archived_at=milliseconds(value.get("archivedAt")),
    )


def _text(value: object) -> JsonText:
    """Return the JSON text of a value; halves of characters, which have no UTF-8, as escapes."""
    return _HALVES.sub(lambda half: f"\\u{ord(half.group()):04x}", compact(value))


def _id(value: object) -> str:
    is_id = type(value) in {str, WholeNumber} and value and len(str(value)) <= _LONGEST_ID
    if not is_id or has_lone_surrogate(value):
        raise TypeError(f"a record's id is {value!r:.60}")
    return str(value)


def _after(content: dict[str, Any]) -> str | None:
    paging = content.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    if following is None:
        return None
    after = following.get("after") if isinstance(following, dict) else None
    if not isinstance(after, str) or not after:
        raise TypeError("'paging.next' has no 'after'")
    return str(after)


def _total(content: dict[str, Any]) -> int | None:
    total = content.get("total")
    return int(total) if isinstance(total, WholeNumber) and _DIGITS.fullmatch(total) else None
