"""Requests as an object's definition composes them, and their placeholders filled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, urlencode

from webhookd.definitions import NO_PAGING, RestPaging
from webhookd.rules.placeholders import LEFT_OUT, Placeholders, filled_tree
from webhookd.rules.query_functions import written

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Protocol

    from webhookd.definitions import RestObject
    from webhookd.rules.placeholders import Value

    class Part(Protocol):
        """What says something of a request."""

        @property
        def query(self) -> Mapping[str, Any]:
            """Return parameters by name."""

        @property
        def headers(self) -> Mapping[str, str]:
            """Return headers by name."""

        @property
        def body(self) -> Mapping[str, Any]:
            """Return members of the body."""


_WORDS: Final = {True: "true", False: "false"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to be made: *target* is the path, from the origin, with the query."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Composed:
    """A request with placeholders. *paging* leads from its page to the next one."""

    path: str
    method: str = "GET"
    query: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=dict)
    paging: RestPaging = NO_PAGING

    def and_(self, part: Part | None) -> Composed:
        """Return the request with what *part* adds to it, key by key."""
        if part is None:
            return self
        return Composed(
            self.path,
            self.method,
            _merged(self.query, part.query),
            _merged(self.headers, part.headers),
            _merged(self.body, part.body),
            self.paging,
        )

    def filled(self, base_path: str, values: Mapping[str, Value | None]) -> Asked:
        """Return the request with *values* in the place of its placeholders."""
        pairs = []
        for name, text in self.query.items():
            value = Placeholders(text).filled(values) if type(text) is str else text
            if value is not LEFT_OUT and value is not None:
                pairs.append((name, _WORDS[value] if isinstance(value, bool) else str(value)))
        headers = []
        for name, text in self.headers.items():
            value = Placeholders(text).filled(values)
            if value is not LEFT_OUT:
                headers.append((name, str(value)))
        target = f"{base_path}/{_path(self.path, values)}"
        if pairs:
            target += ("&" if "?" in target else "?") + urlencode(pairs, quote_via=quote)
        content = None
        if self.method == "POST":
            content = written(filled_tree(dict(self.body), values)).encode()
        return Asked(self.method, target, tuple(headers), content)


def listing(read: RestObject) -> Composed:
    """Return the request for the whole list of an object."""
    composed = Composed(
        read.list_path, read.method, read.query, read.headers, read.body, read.paging
    )
    return composed.and_(read.paging)


def sweeping(read: RestObject) -> Composed:
    """Return the request for what was modified at a time or later."""
    return listing(read).and_(read.detect)


def tying(read: RestObject) -> Composed | None:
    """Return the request for the records of one instant behind an id; None where there is none."""
    return None if read.detect.ties is None else sweeping(read).and_(read.detect.ties)


def absences(read: RestObject) -> Composed:
    """Return the request for the whole list that absences are drawn from."""
    own, paging = read.deletions, read.deletions.paging or read.paging
    composed = Composed(
        own.path if own.path is not None else read.list_path,
        own.method or read.method,
        read.query if own.path is None else {},
        read.headers if own.path is None else {},
        read.body if own.path is None else {},
        paging,
    )
    return composed.and_(paging).and_(own)


def deleted(read: RestObject) -> Composed:
    """Return the request for the list of deleted records."""
    own, paging = read.deletions, read.deletions.paging or read.paging
    composed = Composed(own.path or read.list_path, own.method or "GET", paging=paging)
    return composed.and_(paging).and_(own)


def single(read: RestObject) -> Composed | None:
    """Return the request for one record; None where there is none."""
    one = read.one
    return None if one is None else Composed(one.path, "GET", one.query, one.headers)


def describing(read: RestObject) -> Composed | None:
    """Return the request for what properties there are; None where there is none."""
    told = read.describe
    return None if told is None else Composed(told.path, "GET", told.query, told.headers)


def _merged(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, those of *other* over those of *one*, at every depth."""
    result = {**one, **other}
    for name, value in other.items():
        below = one.get(name)
        if isinstance(below, dict) and isinstance(value, dict):
            result[name] = _merged(below, value)
    return result


def _path(text: str, values: Mapping[str, Value | None]) -> str:
    """Return a path with *values* in it, each of them encoded whole."""
    encoded = {
        name: None if value is None else quote(str(value), safe="")
        for name, value in values.items()
    }
    return str(Placeholders(text).filled(encoded)).lstrip("/")
