"""Answers of the API taken apart, so that a record that cannot be understood costs only itself.

What is wrong with an answer as a whole is a TypeError. Values stay as they were written
(`json_values`); a time is whole milliseconds since 1970.
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
from webhookd.sources.polling.left_out import BadRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhookd.model import JsonText, Properties

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_DIGITS: Final = re.compile(r"-?[0-9]{1,15}")
_HALVES: Final = re.compile("[\ud800-\udfff]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LONGEST_ID: Final = 500
_SHOWN_ID: Final = 60
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
    """A page of records. *after* leads to the next one; *total* is a search's count.

    *bad* are the records that cannot be understood. *count* counts all records, and *places* are
    the times and ids, in the order of the answer, of those that have both. *lacks_after* says that
    there is a next page, and not what leads to it.
    """

    records: tuple[ApiRecord, ...]
    after: str | None
    total: int | None
    bad: tuple[BadRecord, ...] = ()
    count: int = 0
    places: tuple[tuple[int, str], ...] = ()
    lacks_after: bool = False


@dataclass(frozen=True, slots=True)
class Unread:
    """What a batch read says of records that it left out.

    *absent* are ids that are not there. *others* is why more may be left out, None if none is.
    """

    absent: frozenset[str]
    others: str | None


def page(content: dict[str, Any], modified_property: str) -> Page:
    """Return the page of records that *content* is."""
    results = content.get("results")
    if not isinstance(results, list):
        raise TypeError("'results' is not a list")
    records, bad = [], []
    for one in results:
        try:
            records.append(_record(one, modified_property))
        except (TypeError, ValueError) as error:
            bad.append(BadRecord(_shown_id(one), str(error)))
    places = (_place(one, modified_property) for one in results)
    after, lacks_after = following(content)
    return Page(
        tuple(records),
        after,
        _total(content),
        bad=tuple(bad),
        count=len(results),
        places=tuple(place for place in places if place is not None),
        lacks_after=lacks_after,
    )


def properties(content: dict[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield each property of the answer that has a name and is not archived."""
    results = content.get("results")
    if not isinstance(results, list):
        raise TypeError("'results' is not a list")
    for one in results:
        name = one.get("name") if isinstance(one, dict) else None
        if type(name) is str and name and one.get("archived") is not True:
            yield one


def unread(content: dict[str, Any]) -> Unread:
    """Return what a batch read says of the records that it left out."""
    errors = content.get("errors") or []
    absent: set[str] = set()
    others = None
    for one in errors if isinstance(errors, list) else [errors]:
        category = one.get("category") if isinstance(one, dict) else None
        if category == "OBJECT_NOT_FOUND":
            absent.update(_ids_of(one))
        else:
            others = f"the API could not read it: {category!s:.60}"
    return Unread(frozenset(absent), others)


def _ids_of(error: dict[str, Any]) -> Iterator[str]:
    context = error.get("context")
    ids = context.get("ids") if isinstance(context, dict) else None
    if isinstance(ids, list):
        yield from (str(one) for one in ids if isinstance(one, str))


def milliseconds(value: object) -> int | None:
    """Return the time that *value* gives, in ISO 8601 or as milliseconds; None if it is absent."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} is not a time")
    if _DIGITS.fullmatch(value):
        return int(value)
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"{value!r:.60} is not a time") from None
    return (found.replace(tzinfo=found.tzinfo or UTC) - _EPOCH) // _MILLISECOND


def instant(value: int | None) -> datetime | None:
    """Return the time *value* milliseconds after 1970; None stays None."""
    if value is None:
        return None
    return _EPOCH + max(0, min(value, _LATEST)) * _MILLISECOND


def _record(value: object, modified_property: str) -> ApiRecord:
    if not isinstance(value, dict):
        raise TypeError("it is not an object")
    id_, archived = id_of(value.get("id")), value.get("archived")
    if archived is not None and not isinstance(archived, bool):
        raise TypeError("its 'archived' is neither true nor false")
    found = value.get("properties")
    # Of what is archived nothing but its id is wanted.
    if not isinstance(found, dict) and not (archived and found is None):
        raise TypeError("its 'properties' is not an object")
    return ApiRecord(
        id=id_,
        properties={name: _text(one) for name, one in (found or {}).items() if one is not None},
        modified=_modified(value, modified_property),
        created=time_or_none(value.get("createdAt")),
        archived=archived is True,
        archived_at=time_or_none(value.get("archivedAt")),
    )


def _modified(value: dict[str, Any], modified_property: str) -> int | None:
    """Return when a record was last modified: the property, or `updatedAt` where it has none."""
    found = value.get("properties")
    modified = found.get(modified_property) if isinstance(found, dict) else None
    own = time_or_none(modified)
    if own is not None:
        return own
    updated = milliseconds(value.get("updatedAt"))
    return milliseconds(modified) if updated is None else updated


def time_or_none(value: object) -> int | None:
    """Return the time that *value* gives in milliseconds; None where it gives none."""
    try:
        return milliseconds(value)
    except (TypeError, ValueError):
        return None


def _place(value: object, modified_property: str) -> tuple[int, str] | None:
    """Return when a record was modified, and its id, whatever else is wrong with it."""
    if not isinstance(value, dict):
        return None
    try:
        modified = _modified(value, modified_property)
        return None if modified is None else (modified, id_of(value.get("id")))
    except (TypeError, ValueError):
        return None


def _text(value: object) -> JsonText:
    """Return the JSON text of a value; halves of characters, which have no UTF-8, as escapes."""
    try:
        text = compact(value)
    except KeyError as error:
        (bad,) = error.args
        raise ValueError(f"one of its values is {bad!r}") from None
    return _HALVES.sub(lambda half: f"\\u{ord(half.group()):04x}", text)


def id_of(value: object) -> str:
    """Return the id that *value* is; TypeError or ValueError where it can be none."""
    if type(value) not in {str, WholeNumber}:
        raise TypeError(f"its id is {value!r:.60}")
    text = str(value)
    if not text or text.isspace():
        raise ValueError("its id is empty")
    if len(text) > _LONGEST_ID:
        raise ValueError(f"its id is over {_LONGEST_ID} characters")
    if _CONTROL.search(text):
        raise ValueError("its id holds a control character")
    if text == "-0" or has_lone_surrogate(text):
        raise ValueError(f"its id is {text!r:.60}")
    return text


def text_or_none(value: object) -> str | None:
    """Return the text or number that *value* is; None where it is empty, or something else."""
    return str(value) if isinstance(value, (str, WholeNumber)) and value else None


def _shown_id(value: object) -> str:
    """Return what names a bad record in the log: its id, as far as that can be shown."""
    found = value.get("id") if isinstance(value, dict) else None
    text = str(found) if isinstance(found, str) else "without an id"
    shown = text if len(text) <= _SHOWN_ID else f"{text[:_SHOWN_ID]}…"
    return shown if shown.isprintable() else ascii(shown)[1:-1]


def following(content: Mapping[str, Any]) -> tuple[str | None, bool]:
    """Return what leads to the next page, and whether there is one without it."""
    paging = content.get("paging")
    following = paging.get("next") if isinstance(paging, dict) else None
    after = following.get("after") if isinstance(following, dict) else None
    if isinstance(after, str) and after:
        return str(after), False
    return None, following is not None


def _total(content: dict[str, Any]) -> int | None:
    total = content.get("total")
    return int(total) if isinstance(total, WholeNumber) and _DIGITS.fullmatch(total) else None
