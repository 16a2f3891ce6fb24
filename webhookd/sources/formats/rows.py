"""Rows of a file, and how one becomes an observation of a record.

A row is flat (its keys are the properties, one of them the id) or has HubSpot's shape
(`{"id", "properties": {…}, "archived", "updatedAt", …}`, as its CRM API returns objects).
This runs for every row of every file: no call per value but for those that are not text.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from datetime import UTC, datetime, timedelta
from io import BufferedReader
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from webhookd.errors import SourceError
from webhookd.model import BadRow, Observation
from webhookd.sources.formats.json_values import WholeNumber, compact
from webhookd.sources.formats.record_ids import RefusedIdError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from webhookd.model import JsonText
    from webhookd.sources.formats.record_ids import IdRule

LONGEST_ROW: Final = 1 << 20
"""Bytes; a longer row is bad."""

EMPTY: Final = re.compile(rb"[\r\n]*+")
BLANK: Final = re.compile(rb"(?:[ \t\n\v\f\r]++|\xef\xbb\xbf)*+")
"""Lines that hold nothing, and those of blanks and byte order marks alone."""

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


def behind_mark(stream: BinaryIO) -> BinaryIO:
    """Return *stream* behind its byte order mark; BrokenFileError where it is not UTF-8."""
    if not isinstance(stream, BufferedReader):
        return stream
    start = stream.peek(4)[:4]
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in start:
        raise BrokenFileError("the file is UTF-16 or binary; save it as UTF-8", 1, 1)
    while start.startswith(BOM_UTF8):
        stream.read(len(BOM_UTF8))
        start = stream.peek(4)[:4]
    return stream


def skip_blank_lines(stream: BinaryIO, blank: re.Pattern[bytes] = EMPTY) -> int:
    """Read over whole lines that are *blank*, as far as they are in memory; return how many.

    Millions of them, which take no room in a packed file, would be a call for each otherwise.
    """
    if not isinstance(stream, BufferedReader):
        return 0
    ahead = stream.peek()
    blanks = blank.match(ahead)
    end = ahead.rfind(b"\n", 0, blanks.end() if blanks else 0) + 1
    return stream.read(end).count(b"\n")


def observer(
    object_type: str, id_rule: IdRule, *, is_partial: bool = False
) -> Callable[[Row], Observation | BadRow]:
    """Return the function that makes an observation of a row of such a source."""
    id_property, id_of = id_rule.name, id_rule.id_of

    def observe(row: Row) -> Observation | BadRow:
        members = row.members
        try:
            if "properties" in members and _has_hubspot_shape(members):
                return _from_hubspot(object_type, id_rule, members, is_partial=is_partial)
            written = members.get(id_property)
            record_id = id_of(written)
        except (_Refused, RefusedIdError) as refusal:
            return BadRow(row.line, row.column, str(refusal))
        # The property is the id as well: without the blanks or the formula around it.
        if type(written) is str and written != record_id:
            members[id_property] = record_id
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
    object_type: str, id_rule: IdRule, members: dict[str, Any], *, is_partial: bool
) -> Observation:
    properties = members["properties"] or {}
    # Another id_property than the default was set on purpose: it names a property.
    holder = members if id_rule.name == "id" else properties
    return Observation(
        object_type,
        id_rule.id_of(holder.get(id_rule.name)),
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
