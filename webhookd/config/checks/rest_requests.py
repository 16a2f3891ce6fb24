"""Placeholders in the requests of a REST source: known names, each in a place that has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from webhookd.config.messages import near, shown
from webhookd.rules.placeholders import PlaceholderError, names_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    from webhookd.config.text.node import Node
    from webhookd.errors import Problem

    class At(Protocol):
        """Gives the place of a key."""

        def __call__(self, *steps: str | int) -> Node:
            """Return the place of the key that *steps* lead to."""


_OF_PAGING: Final = {"page": "page", "offset": "offset", "cursor": "cursor"}
NAMES: Final = (
    *("after", "cursor", "id", "limit", "object", "offset", "page", "properties", "since", "token"),
)


def check(read: dict[str, Any], at: At) -> Iterator[Problem]:
    """Yield what is wrong with the requests of an object, *read* with its defaults."""
    pages = _page_names(read.get("paging"))
    own_pages = _page_names(_map(read, "deletions").get("paging")) or pages
    listed = isinstance(read.get("properties"), (list, dict))
    chosen = {"properties"} if listed else set()
    whole = {"limit"} | chosen | pages
    by_list = _map(read, "deletions").get("by") == "list"
    by = _map(read, "detect").get("by")
    since = {"time": {"since"}, "token": {"token"}}.get(str(by), set())
    for steps, names in (
        ((), whole),
        (("paging",), whole),
        (("detect",), whole | since),
        (("detect", "ties"), whole | {"since", "after"}),
        (("deletions",), {"limit"} | chosen | own_pages | ({"since"} if by_list else set())),
        (("deletions", "paging"), {"limit"} | chosen | own_pages),
        (("one",), {"id"} | chosen),
        (("describe",), set()),
    ):
        place = _map(read, *steps)
        for key in ("path", "query", "headers", "body"):
            allowed = names if key != "path" or steps == ("one",) else set()
            yield from _texts(place.get(key), (*steps, key), allowed, at, is_listed=listed)
        if place.get("body") and (place.get("method") or read.get("method")) != "POST":
            message = "a body is for method: POST"
            yield at(*steps, "body").problem(message, at_key=True)
    one = _map(read, "one")
    if one and not _says("id", one.get("path"), one.get("query"), one.get("headers")):
        yield at("one").problem("nothing says which record: put ${id} into 'path' or 'query'")
    yield from _unasked(read, at)


def fixed(node: Node) -> Iterator[Problem]:
    """Yield the placeholders of a text that can have none."""
    yield from _texts(node.value, (), set(), lambda *_: node, is_listed=True)


def _unasked(read: dict[str, Any], at: At) -> Iterator[Problem]:
    """Yield what is set up to lead on and stands in no request."""
    asked = [_map(read, *steps).get(key) for steps in ((), ("paging",), ("detect",)) for key in _IN]
    by = _map(read, "paging").get("by")
    if by in _OF_PAGING and not _says(_OF_PAGING[by], *asked):
        yield at("paging").problem(f"no request has ${{{by}}}: put it into 'query'")
    if _map(read, "detect").get("by") == "time" and not _says("since", *asked):
        message = "no request has ${since}: put it into 'query', 'headers' or 'body'"
        yield at("detect").problem(message)
    is_by_token = _map(read, "detect").get("by") == "token"
    if is_by_token and not _map(read, "detect").get("is_link") and not _says("token", *asked):
        message = "no request has ${token}: put it into 'query', 'headers' or 'body'"
        yield at("detect").problem(message)


_IN: Final = ("query", "headers", "body")


def _texts(
    value: Any, steps: tuple[str | int, ...], allowed: set[str], at: At, *, is_listed: bool
) -> Iterator[Problem]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from _texts(one, (*steps, name), allowed, at, is_listed=is_listed)
    elif isinstance(value, list):
        for number, one in enumerate(value):
            yield from _texts(one, (*steps, number), allowed, at, is_listed=is_listed)
    elif isinstance(value, str):
        try:
            names = names_in(value)
        except PlaceholderError as error:
            yield at(*steps).problem(str(error))
            return
        for name in sorted(names - allowed):
            yield at(*steps).problem(_complaint(name, allowed, is_listed=is_listed))


def _complaint(name: str, allowed: set[str], *, is_listed: bool) -> str:
    mark = f"${{{name}}}"
    if name not in NAMES:
        return f"there is no placeholder {shown(mark)}{near(name, NAMES)}"
    if name == "properties" and not is_listed:
        return f"{mark} needs a list of 'properties'"
    known = ", ".join(f"${{{one}}}" for one in sorted(allowed))
    return f"{mark} has no value here; " + (f"there is {known}" if known else "nothing has")


def _says(name: str, *values: Any) -> bool:
    try:
        return any(name in names_in(value) for value in values)
    except PlaceholderError:
        return True


def _page_names(paging: Any) -> set[str]:
    by = paging.get("by") if isinstance(paging, dict) else None
    return {_OF_PAGING[by]} if by in _OF_PAGING else set()


def _map(read: dict[str, Any], *steps: str) -> dict[str, Any]:
    value: Any = read
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
