"""Values that come from two places: defaults and what they are of, a folder and its files."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from webhookd.config.messages import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from webhookd.config.text.node import Collection, Node
    from webhookd.errors import Problem

_MANY = {"apps": "app", "secrets": "secret", "sources": "source", "webhooks": "webhook"}
_ONCE = ("egress", "defaults")
_CHOOSER: Final = "by"
"""The key of a map that decides which others it takes."""

_ASKING: Final = frozenset({"path", "query", "headers", "body"})
_OBJECT: Final = re.compile(r"(?<!\$)\$\{object\}")


def merged(defaults: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return *own* with what *defaults* add to it, key by key, at every depth."""
    result = {**defaults, **own}
    for key, default in defaults.items():
        value = own.get(key)
        if isinstance(default, dict) and isinstance(value, dict):
            result[key] = merged(default, value)
    return result


def added(
    defaults: Mapping[str, Any], own: Any, steps: tuple[str, ...] = ()
) -> Iterator[tuple[str, Any]]:
    """Yield what `merged` adds to *own*: each value of *defaults* by its dotted key."""
    for key, default in defaults.items():
        value = own.get(key) if isinstance(own, dict) else None
        if isinstance(default, dict) and (value is None or isinstance(value, dict)):
            yield from added(default, value, (*steps, key))
        elif not isinstance(own, dict) or key not in own:
            yield ".".join((*steps, key)), default


def without(defaults: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """Return *whole* without what `merged` would add to it anyway, at every depth."""
    kept = {}
    for key, value in whole.items():
        default = defaults.get(key, ...)
        if isinstance(default, dict) and isinstance(value, dict):
            if rest := without(default, value):
                kept[key] = rest
        elif value != default:
            kept[key] = value
    return kept


def with_object_defaults(source: Mapping[str, Any]) -> dict[str, Any]:
    """Return a REST source as it is written, its `object_defaults` merged into its objects.

    `${object}` in their requests is the name of each.
    """
    told = source.get("object_defaults")
    defaults = told if isinstance(told, dict) else {}
    objects = source.get("objects")
    rest = {key: value for key, value in source.items() if key != "object_defaults"}
    if not isinstance(objects, dict):
        return rest
    return {
        **rest,
        "objects": {
            name: _with_name(object_of(defaults, own), str(name)) for name, own in objects.items()
        },
    }


def _with_name(read: dict[str, Any], name: str) -> dict[str, Any]:
    """Return an object with its *name* in the place of `${object}`, wherever it asks the API."""
    return {
        key: _named(value, name)
        if key in _ASKING
        else _with_name(value, name)
        if isinstance(value, dict) and key != "properties"
        else value
        for key, value in read.items()
    }


def _named(value: Any, name: str) -> Any:
    match value:
        case dict():
            return {key: _named(one, name) for key, one in value.items()}
        case list():
            return [_named(one, name) for one in value]
        # A number as it was written is a text of a class of its own.
        case str() if type(value) is str:
            return _OBJECT.sub(lambda _: name, value)
        case _:
            return value


def object_of(defaults: dict[str, Any], own: Any) -> dict[str, Any]:
    """Return an object with what *defaults* add to it, key by key.

    A map that is of another kind than the default's takes nothing from it.
    """
    own = own if isinstance(own, dict) else {}
    kept = {key: value for key, value in defaults.items() if not _is_another(value, own.get(key))}
    return merged(kept, own)


def _is_another(default: Any, own: Any) -> bool:
    if not isinstance(default, dict) or not isinstance(own, dict):
        return False
    return _CHOOSER in own and own[_CHOOSER] != default.get(_CHOOSER, own[_CHOOSER])


def repeated(collection: Collection) -> Iterator[Problem]:
    """Yield what stands in two files and may stand in one."""
    for section, noun in _MANY.items():
        first = collection.entries(section)
        for top in collection.tops:
            for entry in top.entries(section):
                yield from _again(entry, first[entry.name], f"the {noun} {shown(entry.name)}")
    for section in _ONCE:
        once = collection.section(section)
        for top in collection.tops:
            if once is not None and top.is_there(section):
                yield from _again(top.at(section), once, f"{shown(section)}")


def _again(node: Node, first: Node, name: str) -> Iterator[Problem]:
    if node.document is not first.document:
        place = first.document.place(first.steps, at_key=True)
        there = f"{first.document.file}:{place.line}:{place.column}"
        yield node.problem(f"{name} is defined in {there} already", at_key=True)
