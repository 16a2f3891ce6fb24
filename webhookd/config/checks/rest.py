"""REST sources: what the schema cannot say of them, looked at with the defaults merged in.

A problem stands at the object's own key where it has it, else at that of `object_defaults`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from webhookd.config.checks import authentication, properties, rest_requests, wakes
from webhookd.config.checks.api_sources import (
    LEAST_POLL,
    base_url_problems,
    start_problem,
    unread_object,
)
from webhookd.config.defaults import with_object_defaults
from webhookd.config.messages import shown
from webhookd.definitions import durations
from webhookd.rules.json_query import Query, QueryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from webhookd.config.checks.context import Context
    from webhookd.config.text.node import Node
    from webhookd.errors import Problem

_PAGING_KEYS = {
    "first": ("page",),
    "more": ("page", "offset", "cursor", "link"),
    "next": ("cursor", "link"),
    "next_header": ("cursor",),
    "header": ("link",),
}
"""Keys of `paging`, and which `by` they are for."""

_DETECT_KEYS = {
    **dict.fromkeys(("order", "ties", "inclusive", "overlap", "format", "from"), "time"),
    **dict.fromkeys(("next", "next_header", "token_of", "is_link"), "token"),
    **dict.fromkeys(("deleted_id", "expired"), "token"),
}
"""Keys of `detect`, and which `by` they are for."""


def check(sources: Iterable[Node], context: Context, reachable: Node | None) -> Iterator[Problem]:
    """Yield what is wrong with REST *sources*; *reachable* is `egress`."""
    for source in sources:
        if not _is_open(source):
            yield from _source(source, context, reachable)


def check_use(webhook: Node, source: Node) -> Iterator[Problem]:
    """Yield what *webhook* wants of a REST *source* that this does not read."""
    wanted, objects = webhook.text("object"), source.mapping("objects")
    if problem := unread_object(webhook, source):
        yield problem
    if wanted is None or wanted not in objects or _is_open(source):
        return
    read = with_object_defaults(source.mapping())["objects"][wanted]
    deletions = read.get("deletions")
    by = deletions.get("by", "none") if isinstance(deletions, dict) else "none"
    is_asked = "deleted" in webhook.mapping("trigger").get("changes", ())
    if is_asked and by == "none":
        where = f"sources.{source.name}.objects.{wanted}"
        message = f"deletions are not looked for; set 'deletions' in {where}"
        yield webhook.problem(message, "trigger", "changes")
    chosen = read.get("properties", "all")
    if isinstance(chosen, (list, dict)):
        listed = [name for name in chosen if isinstance(name, str)]
        yield from properties.check_read(properties.used(webhook), listed, source.name, wanted)


def _is_open(source: Node) -> bool:
    """Return whether it cannot be told what a source is: there is no preset that it extends."""
    return source.is_there("extends")


def _source(source: Node, context: Context, reachable: Node | None) -> Iterator[Problem]:
    yield from base_url_problems(source, reachable)
    yield from authentication.check_source(source, context, reachable)
    yield from wakes.check(source, context)
    if problem := start_problem(source):
        yield problem
    zone = source.text("time_zone")
    if zone is not None and not _is_zone(zone):
        yield source.problem(f"there is no time zone {shown(zone)}", "time_zone")
    yield from _least_poll(source)
    for name in source.entries("headers"):
        yield from rest_requests.fixed(name)
    merged = with_object_defaults(source.mapping()).get("objects")
    has_token = isinstance(merged, dict) and any(map(_is_by_token, merged.values()))
    for rule in source.items("errors"):
        yield from _rule(rule, has_token=has_token)
    for name, read in merged.items() if isinstance(merged, dict) else ():
        yield from RestObjectCheck(source, str(name), read).problems()


class RestObjectCheck:
    """Checks one object, *read* as it is with the defaults merged in."""

    def __init__(self, source: Node, name: str, read: dict[str, Any]) -> None:
        self._own = source.at("objects", name)
        self._defaults = source.at("object_defaults")
        self._read = read

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong with it."""
        yield from _least_poll(self._own)
        yield from self._expressions()
        yield from self._paging("paging")
        yield from self._paging("deletions", "paging")
        yield from self._detect()
        yield from self._deletions()
        yield from self._detail()
        yield from rest_requests.check(self._read, self._at)

    def _at(self, *steps: str | int) -> Node:
        """Return the place of a key: the object's own, or the defaults' where it is theirs."""
        found = self._own.at(*steps)
        if not self._own.is_there(*steps) and self._defaults.is_there(*steps):
            return self._defaults.at(*steps)
        return found

    def _of(self, *steps: str) -> Any:
        value: Any = self._read
        for step in steps:
            value = value.get(step) if isinstance(value, dict) else None
        return value

    def _expressions(self) -> Iterator[Problem]:
        for steps in (
            *(("ok",), ("records",), ("id",), ("modified",), ("created",), ("deleted",)),
            *(("properties_in",), ("paging", "more"), ("paging", "next"), ("one", "record")),
            *(("deletions", "records"), ("deletions", "id"), ("deletions", "modified")),
            *(("deletions", "paging", "more"), ("deletions", "paging", "next")),
            *(("detect", "next"), ("detect", "deleted_id")),
            *(("describe", name) for name in ("properties", "name", "type", "label", "options")),
        ):
            value = self._of(*steps)
            texts = {(): value} if isinstance(value, str) else dict(enumerate(_items(value)))
            for place, text in texts.items():
                inner = () if place == () else (place,)
                yield from self._expression(text, (*steps, *inner))
        chosen = self._of("properties")
        if isinstance(chosen, dict):
            for name, text in chosen.items():
                yield from self._expression(text, ("properties", name))

    def _expression(self, text: Any, steps: tuple[Any, ...]) -> Iterator[Problem]:
        if not isinstance(text, str) or not text:
            return
        try:
            Query(text)
        except QueryError as error:
            yield self._at(*steps).problem(str(error))

    def _paging(self, *steps: str) -> Iterator[Problem]:
        paging = self._of(*steps)
        if not isinstance(paging, dict):
            return
        by = paging.get("by", "none")
        for key, kinds in _PAGING_KEYS.items():
            if key in paging and by not in kinds:
                message = f"this is for by: {' or '.join(kinds)}, and 'by' is {by}"
                yield self._at(*steps, key).problem(message, at_key=True)
        ways = [key for key in ("next", "next_header", "header") if key in paging]
        if by in {"cursor", "link"} and not ways:
            header = "next_header" if by == "cursor" else "header"
            message = f"what leads to the next page is missing: set 'next' or '{header}'"
            yield self._at(*steps).problem(message)
        if len(ways) > 1:
            message = f"'{ways[0]}' says it already"
            yield self._at(*steps, ways[1]).problem(message, at_key=True)

    def _detect(self) -> Iterator[Problem]:
        detect = self._of("detect") if isinstance(self._of("detect"), dict) else {}
        by = detect.get("by", "comparison")
        for key, kind in _DETECT_KEYS.items():
            is_of_list = key == "format" and self._of("deletions", "by") == "list"
            if key in detect and by != kind and not is_of_list:
                message = f"this is for by: {kind}, and 'by' is {by}"
                yield self._at("detect", key).problem(message, at_key=True)
        if by == "time":
            if not self._of("modified"):
                message = "by: time needs 'modified', which says when a record was modified"
                yield self._at("detect").problem(message)
            for key in ("from", "format"):
                yield from self._time(detect, key)
            if "ties" in detect and detect.get("order") != "modified":
                message = "this is for order: modified"
                yield self._at("detect", "ties").problem(message, at_key=True)
        if by == "token":
            yield from self._token(detect)
            if "conditional" in detect:
                message = "this is for by: time or comparison, and 'by' is token"
                yield self._at("detect", "conditional").problem(message, at_key=True)

    def _detail(self) -> Iterator[Problem]:
        if not self._of("detail"):
            return
        if not self._of("one"):
            message = "this needs 'one', which says how a single record is read"
            yield self._at("detail").problem(message, at_key=True)
        is_compared = (self._of("detect", "by") or "comparison") == "comparison"
        if is_compared and not self._of("modified"):
            message = (
                "with by: comparison this needs 'modified': each record would be read at every poll"
            )
            yield self._at("detail").problem(message, at_key=True)

    def _token(self, detect: dict[str, Any]) -> Iterator[Problem]:
        if not detect.get("next") and not detect.get("next_header"):
            message = "where the token stands is missing: set 'next' or 'next_header'"
            yield self._at("detect").problem(message)
        if "next" in detect and "next_header" in detect:
            message = "'next' says it already"
            yield self._at("detect", "next_header").problem(message, at_key=True)
        if detect.get("is_link") and self._of("paging", "by") not in {None, "none", "link"}:
            message = "a link is followed by links alone: this is for paging by: link or none"
            yield self._at("detect", "is_link").problem(message, at_key=True)
        if "deleted_id" in detect and not self._of("deleted"):
            message = "this is for rows that 'deleted' marks, which is missing"
            yield self._at("detect", "deleted_id").problem(message, at_key=True)

    def _time(self, detect: dict[str, Any], key: str) -> Iterator[Problem]:
        text = detect.get(key)
        if not isinstance(text, str) or text == "auto":
            return
        # What reads times is loaded with the sources alone.
        from webhookd.rules import time_forms  # noqa: PLC0415

        try:
            if key == "format":
                time_forms.form_like(text)
            else:
                time_forms.read(text)
        except ValueError:
            yield self._at("detect", key).problem(f"{shown(text)} is not written as a time")

    def _deletions(self) -> Iterator[Problem]:
        by = self._of("deletions", "by") or "none"
        if by == "none" and self._of("deleted"):
            message = "rows are marked as deleted, and deletions are not looked for: set by: flag"
            yield self._at("deleted").problem(message)
        if by == "flag" and not self._of("deleted"):
            message = "by: flag needs 'deleted', which marks the row of a deleted record"
            yield self._at("deletions").problem(message)
        if by == "list" and self._of("deletions", "path") is None:
            message = "by: list needs 'path', where the deleted records are listed"
            yield self._at("deletions").problem(message)


def _rule(rule: Node, *, has_token: bool) -> Iterator[Problem]:
    told = rule.mapping()
    if told and not told.keys() & {"status", "body"}:
        yield rule.problem("this would be every answer: set 'status' or 'body'")
    if told.get("then") == "restart" and not has_token:
        message = "no object has a token to begin anew without: this is for detect by: token"
        yield rule.problem(message, "then")
    if "for" in told and told.get("then") != "pause":
        yield rule.problem("this is for then: pause", "for", at_key=True)


def _is_by_token(read: dict[str, Any]) -> bool:
    detect = read.get("detect")
    return isinstance(detect, dict) and detect.get("by") == "token"


def _least_poll(node: Node) -> Iterator[Problem]:
    length = durations.unbounded(node.text("poll_every") or "")
    if length is not None and length < LEAST_POLL:
        least = durations.written(LEAST_POLL)
        yield node.problem(f"this is less than the minimum of {least}", "poll_every")
    if length is not None and length > durations.LONGEST:
        most = durations.written(durations.LONGEST)
        yield node.problem(f"this is more than the maximum of {most}", "poll_every")


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return False
    return True


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
