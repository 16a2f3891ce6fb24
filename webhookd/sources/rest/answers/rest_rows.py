"""Rows of an API's lists as records: each by itself, so that a bad one costs only itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhookd.rules import time_forms as times
from webhookd.rules.exact_numbers import ExactNumber
from webhookd.rules.json_query import Query, QueryError
from webhookd.rules.query_functions import written
from webhookd.sources.formats.json_values import DEEPEST
from webhookd.sources.polling.left_out import BadRecord

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from webhookd.definitions import RestObject
    from webhookd.model import JsonText, Properties

LARGEST_ROW: Final = 1 << 20
"""Characters of a record's properties."""

NAMELESS: Final = "without an id"
"""What stands for the id of a row that has none."""

_LONGEST_ID: Final = 500
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_HALVES: Final = re.compile("[\ud800-\udfff]")
_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
_FALSE_TEXTS: Final = frozenset({"", "0", "false"})


@dataclass(slots=True)
class Row:
    """A record as a list gave it. *stamp* is its time of modification as it is written.

    Not frozen, for speed; nobody changes it all the same.
    """

    id: str
    properties: Properties
    modified: int | None = None
    created: int | None = None
    deleted: bool = False
    stamp: str | None = None


class RowReader:
    """Makes records of the rows of one type of object, as *read* says.

    *needs_time*: a row without a time of modification is bad. *zone* is that of times without one.
    """

    def __init__(self, read: RestObject, zone: tzinfo, *, needs_time: bool) -> None:
        self._zone = zone
        self._needs_time = needs_time
        self._id = Query(read.id)
        deleted_id = read.detect.deleted_id
        self._deleted_id = self._id if deleted_id is None else Query(deleted_id)
        self._modified = [Query(one) for one in several(read.modified)]
        self._created = None if read.created is None else Query(read.created)
        self._deleted = None if read.deleted is None else Query(read.deleted)
        self._places = [Query(one) for one in read.properties_in]
        names = read.properties
        self._names = names if isinstance(names, tuple) else None
        self._expressions = (
            None
            if names is None or isinstance(names, tuple)
            else {name: Query(one) for name, one in names.items()}
        )

    def row(self, value: Any, *, is_deep: bool = False) -> Row | BadRecord:
        """Return the record that *value* is, or why it is none; *is_deep*: it may be too deep."""
        try:
            if not isinstance(value, dict):
                raise ValueError("it is not an object")  # noqa: TRY301, TRY004 - as all others
            if is_deep and _is_deeper(value, DEEPEST):
                raise ValueError(f"it is nested more than {DEEPEST} levels deep")  # noqa: TRY301
            deleted = self._deleted is not None and is_true(self._deleted.find(value))
            id_ = record_id((self._deleted_id if deleted else self._id).find(value))
            modified, stamp = self._time(value)
            if modified is None and self._needs_time:
                raise ValueError("it has no time of modification")  # noqa: TRY301
            properties = {} if deleted else self._properties(value)
            return Row(id_, properties, modified, self._created_at(value), deleted, stamp)
        except (QueryError, ValueError, RecursionError) as error:
            return BadRecord(self._shown_id(value), str(error))

    def _time(self, value: dict[str, Any]) -> tuple[int | None, str | None]:
        for query in self._modified:
            found = query.find(value)
            if found is not None and found != "":
                return times.read(found, self._zone)
        return None, None

    def _created_at(self, value: dict[str, Any]) -> int | None:
        try:
            found = None if self._created is None else self._created.find(value)
            return None if found is None else times.read(found, self._zone)[0]
        except ValueError:
            return None

    def _properties(self, value: dict[str, Any]) -> Mapping[str, JsonText]:
        if self._expressions is not None:
            found = {name: query.find(value) for name, query in self._expressions.items()}
        else:
            found = {}
            for place in self._places:
                members = place.find(value)
                if members is not None and not isinstance(members, dict):
                    raise ValueError(f"{place.text} is no object")
                found.update(members or {})
            if self._names is not None:
                found = {name: found.get(name) for name in self._names}
        texts = {name: _text(one) for name, one in found.items() if one is not None}
        if sum(map(len, texts.values())) > LARGEST_ROW:
            raise ValueError("it is over 1 MiB")
        return texts

    def _shown_id(self, value: Any) -> str:
        """Return the id of a bad row, `NAMELESS` where it has none that can be told."""
        try:
            text = record_id(self._id.find(value))
        except ValueError:
            return NAMELESS
        # What cannot be shown as it is would stand for another id.
        return text if text.isprintable() else NAMELESS


def record_id(value: Any) -> str:
    """Return the id that *value* is; ValueError where it is none."""
    if isinstance(value, ExactNumber):
        if not _WHOLE.fullmatch(value.written):
            raise ValueError(f"its id {value.written:.60} is no whole number")
        text = value.written
    elif isinstance(value, str):
        text = value
    else:
        shown = "missing" if value is None else f"{value!r:.60}, neither text nor a number"
        raise ValueError(f"its id is {shown}")  # noqa: TRY004 - a wrong value
    if not text or text.isspace():
        raise ValueError("its id is empty")
    if len(text) > _LONGEST_ID:
        raise ValueError(f"its id is over {_LONGEST_ID} characters")
    if _CONTROL.search(text) or _HALVES.search(text) or text == "-0":
        raise ValueError(f"its id is {text!r:.60}")
    return text


def is_true(value: Any) -> bool:
    """Return whether a mark of deletion is set: false, null, 0 and the like are not."""
    if isinstance(value, str):
        return value.strip().lower() not in _FALSE_TEXTS
    return bool(value)


def several(texts: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """Return one text, several or none as several."""
    if texts is None:
        return ()
    return (texts,) if isinstance(texts, str) else texts


def unwatched(read: RestObject) -> frozenset[str]:
    """Return the properties whose moving alone is no change: ignored ones, and the modification."""
    modified = several(read.modified)
    names = set(read.ignore)
    if read.properties is not None and not isinstance(read.properties, tuple):
        return frozenset(names | {name for name, one in read.properties.items() if one in modified})
    for text in modified:
        path = Query(text).path
        if path and isinstance(path[-1], str):
            names.add(path[-1])
    return frozenset(names)


def _text(value: Any) -> JsonText:
    """Return the JSON text of a value; halves of characters, which have no UTF-8, as escapes."""
    text = written(value)
    if text.isascii():
        return text
    return _HALVES.sub(lambda half: f"\\u{ord(half.group()):04x}", text)


def _is_deeper(value: Any, deepest: int) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    if deepest == 0:
        return True
    children = value.values() if isinstance(value, dict) else value
    return any(_is_deeper(child, deepest - 1) for child in children)
