"""Values that come from two places: defaults and their webhook, a folder and its files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from webhookd.config.messages import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webhookd.config.text.node import Collection, Node
    from webhookd.errors import Problem

_MANY = {"apps": "app", "secrets": "secret", "sources": "source", "webhooks": "webhook"}
_ONCE = ("egress", "defaults")


def merged(defaults: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return *own* with what *defaults* add to it, key by key, at every depth."""
    result = {**defaults, **own}
    for key, default in defaults.items():
        value = own.get(key)
        if isinstance(default, dict) and isinstance(value, dict):
            result[key] = merged(default, value)
    return result


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
