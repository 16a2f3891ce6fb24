"""What a draft may choose from: what the configuration in force has, without any secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from webhookd.config.secrets import PLACES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_OWN_EVENTS: Final = "events"
MOST_PROPERTIES: Final = 400
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True)
class Choices:
    """What the form offers. *secrets* are names of references that are used already."""

    records: tuple[tuple[str, str], ...]
    apps: tuple[str, ...]
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PropertyRow:
    """A property that may be chosen: *sent_as* is empty where it is not."""

    name: str
    is_chosen: bool
    sent_as: str
    example: str = ""
    used_by: tuple[str, ...] = ()


def choices(document: Mapping[str, Any]) -> Choices:
    """Return what a configuration's *document* offers."""
    records = [
        (name, object_)
        for name, source in document.get("sources", {}).items()
        for object_ in _objects(source)
    ]
    secrets = sorted(set(_references(document)))
    return Choices(tuple(records), tuple(document.get("apps", {})), tuple(secrets))


def _objects(source: Mapping[str, Any]) -> tuple[str, ...]:
    if "object" in source:
        return (source["object"],)
    if source.get("type") == "webhookd":
        return (_OWN_EVENTS,)
    return tuple(source.get("objects", ()))


def unasked(
    document: Mapping[str, Any], source: str, object_: str, names: Iterable[str]
) -> tuple[str, ...]:
    """Return those of *names* that a source does not ask its API for, as the *document* has it."""
    read = (document.get("sources", {}).get(source, {}).get("objects") or {}).get(object_)
    if not isinstance(read, dict):
        return ()
    asked = read.get("properties")
    if not isinstance(asked, (list, dict)):
        return ()
    carried = tuple(
        f"{name}." for key in ("lists", "associated", "owners") for name in read.get(key) or ()
    )
    spared = ("lists.", *carried)
    return tuple(
        one for one in dict.fromkeys(names) if one not in asked and not one.startswith(spared)
    )


def _references(value: Any) -> Iterator[str]:
    """Yield the names of the references in *value*, however deep."""
    if isinstance(value, dict):
        named = [one for one in PLACES if isinstance(value.get(one), str)]
        if named and all(value[key] is None for key in value if key not in named):
            yield value[named[0]]
            return
        for below in value.values():
            yield from _references(below)
    elif isinstance(value, list):
        for below in value:
            yield from _references(below)


def rows(
    properties: Iterable[Mapping[str, Any]], chosen: Iterable[tuple[str, str]]
) -> tuple[list[PropertyRow], int]:
    """Return properties to choose from, those first that are, and how many are not shown.

    A name that a field would not bring back as it is can be written as YAML only.
    """
    known = {one["name"]: one for one in properties}
    sent = dict(chosen)
    names = [*sent, *(name for name in known if name not in sent)]
    shown = [name for name in names if _is_writable(name)][:MOST_PROPERTIES]
    return [
        PropertyRow(
            name,
            name in sent,
            sent[name] if sent.get(name, name) != name else "",
            next(iter(known.get(name, {}).get("examples", ())), ""),
            tuple(known.get(name, {}).get("used_by", ())),
        )
        for name in shown
    ], len(names) - len(shown)


def _is_writable(name: str) -> bool:
    is_line = name.isprintable() and name == name.strip() and bool(name)
    return is_line and "," not in name and len(name) <= _LONGEST_NAME
