"""Sources that extend a preset: its keys under those that the user wrote, key by key.

What comes out is a document like any other, so that all that looks at one (the schema, checks, the
compiler) sees the merged source. Of each key it knows where it stands in the user's file; one that
the preset gives has the place of the nearest thing that the user wrote, and its problems say so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from webhookd.config.messages import near, no_such, shown
from webhookd.config.presets import catalogue
from webhookd.config.secrets import PLACES
from webhookd.config.text.node import Node

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from typing import TypeAlias

    from webhookd.config.presets.catalogue import Preset
    from webhookd.config.text.document import Document
    from webhookd.config.text.limits import Place
    from webhookd.config.text.yaml_reader import Children, Places
    from webhookd.errors import Problem

_CHOOSERS: Final = {"authentication": "type", "paging": "by", "detect": "by", "deletions": "by"}
"""Maps of which one key decides what others there are: another choice replaces the map whole."""

_FREE: Final = frozenset({"query", "headers", "body", "parameters", "properties"})
"""Maps whose keys are the API's own words."""

_REFERENCE: Final = frozenset(PLACES)


def extended(document: Document) -> Document:
    """Return *document* with every preset merged into the source that extends it.

    A source whose preset is unknown stays as it is, with its `extends`, and is a problem.
    """
    sources = (document.data or {}).get("sources")
    if not isinstance(sources, dict):
        return document
    for name, source in sources.items():
        if isinstance(source, dict) and source.get("type") == "rest":
            extends = source.get("extends")
            if isinstance(extends, str):
                document = _with_preset(document, name, extends)
    return document


def _with_preset(document: Document, name: str, extends: str) -> Document:
    steps = ("sources", name)
    if document.is_spoiled((*steps, "extends")):
        return document
    preset = catalogue.find(extends)
    if preset is None:
        told = document.problem((*steps, "extends"), no_such("preset", extends, catalogue.names()))
        return replace(document, problems=(*document.problems, told))
    assert document.data is not None  # noqa: S101 - a source was found in it
    sources = document.data["sources"]
    extension = _Extension(document, preset, sources[name])
    source, places, lent = extension.source()
    merged = {**sources, name: source}
    data = {**document.data, "sources": merged}
    document = replace(
        document,
        data=data,
        places={
            **document.places,
            **places,
            id(merged): document.places[id(sources)],
            id(data): document.places[id(document.data)],
        },
        presets={**document.presets, name: extends},
        lent=document.lent | lent,
    )
    found = (
        *_unknown_objects(document, preset, name, extension.defaults),
        *_left_words(document, preset, name),
    )
    return replace(document, problems=(*document.problems, *found))


def _unknown_objects(
    document: Document, preset: Preset, name: str, defaults: Collection[str]
) -> Iterator[Problem]:
    """Yield objects that neither the preset has nor the user says enough of."""
    source = (document.data or {})["sources"][name]
    objects = source.get("objects")
    for wanted, read in objects.items() if isinstance(objects, dict) else ():
        if preset.has(wanted, {*defaults, *(read if isinstance(read, dict) else ())}):
            continue
        hint = near(wanted, preset.objects) or f"; it has {', '.join(preset.objects)}."
        message = (
            f"the preset '{preset.name}' has no such object{hint} One of your own needs"
            f" '{preset.lacking}'"
        )
        yield document.problem(("sources", name, "objects", wanted), message, at_key=True)


def _left_words(document: Document, preset: Preset, name: str) -> Iterator[Problem]:
    """Yield texts that still have a word of the preset in the place of what only the user knows."""
    source = Node(document, ("sources", name))
    # Nothing else may be shown: it could be a secret in the wrong place.
    for steps in (("base_url",), ("authentication", "token_url"), ("authentication", "scope")):
        text = source.text(*steps) or ""
        for word, meaning in preset.words.items():
            if re.search(rf"(?<![A-Za-z0-9]){word}(?![A-Za-z0-9])", text):
                message = f"write your own {shown(text)}: {word} stands for {meaning}"
                yield source.problem(message, *steps)


@dataclass(frozen=True, slots=True)
class _Member:
    """A value and where its key and it stand; *places* None: the preset gave it."""

    value: _Branch | Any
    places: tuple[Place, Place] | None


_Branch: TypeAlias = "dict[str, _Member]"


class _Extension:
    """Merges one source and its preset: first as a tree of members, then as plain values."""

    def __init__(self, document: Document, preset: Preset, own: dict[str, Any]) -> None:
        self._document = document
        self._preset = preset
        self._own = own
        self._places: Places = {}
        self._lent: set[tuple[int, str]] = set()

    @property
    def defaults(self) -> Collection[str]:
        """Return the keys of the user's `object_defaults`."""
        found = self._own.get("object_defaults")
        return found if isinstance(found, dict) else ()

    def source(self) -> tuple[dict[str, Any], Places, frozenset[tuple[int, str]]]:
        """Return the merged source, the places in it, and which of its keys the preset gave."""
        lent = self._lent_branch(self._preset.source)
        own = self._own_branch(self._own)
        extends = own.pop("extends").places
        lent_defaults, lent_objects = lent.pop("object_defaults", None), lent.pop("objects", None)
        defaults, objects = own.get("object_defaults"), own.get("objects")
        if defaults is not None and defaults.value is None:
            # Null takes away what the preset has, here as elsewhere.
            del own["object_defaults"]
            lent_defaults = None
        merged = _merged(lent, own)
        if objects is not None and isinstance(objects.value, dict):
            if defaults is None or isinstance(defaults.value, dict):
                merged.pop("object_defaults", None)
            below = {
                name: self._object(one, name, lent_defaults, lent_objects, defaults)
                for name, one in objects.value.items()
            }
            merged["objects"] = _Member(below, objects.places)
        value = self._plain(merged)
        children = self._places[id(value)]
        for key in value:
            # What the preset gives to the source itself is told where it is named.
            if extends is not None:
                children.setdefault(key, extends)
        return value, self._places, frozenset(self._lent)

    def _object(
        self,
        own: _Member,
        name: str,
        lent_defaults: _Member | None,
        lent_objects: _Member | None,
        defaults: _Member | None,
    ) -> _Member:
        """Return an object: the user's keys over the user's defaults over those of the preset."""
        known = None if lent_objects is None else lent_objects.value.get(name)
        if not isinstance(own.value, dict):
            return own
        if not self._preset.has(name, {*own.value, *self.defaults}):
            return own
        under: _Branch = {}
        for one in (lent_defaults, known, defaults):
            if one is not None and isinstance(one.value, dict):
                under = _merged(under, one.value)
        return _Member(_merged(under, own.value), own.places)

    def _lent_branch(self, value: Mapping[str, Any]) -> _Branch:
        return {
            key: _Member(self._lent_branch(one) if isinstance(one, dict) else one, None)
            for key, one in value.items()
        }

    def _own_branch(self, value: dict[str, Any]) -> _Branch:
        places = self._document.places[id(value)]
        return {
            key: _Member(self._own_branch(one) if isinstance(one, dict) else one, places[key])
            for key, one in value.items()
        }

    def _plain(self, branch: _Branch) -> dict[str, Any]:
        value: dict[str, Any] = {}
        children: Children = {}
        for key, member in branch.items():
            if isinstance(member.value, dict):
                value[key] = self._plain(member.value)
            else:
                value[key] = member.value if member.places else self._copied(member.value)
            if member.places is None:
                self._lent.add((id(value), key))
            else:
                children[key] = member.places
        self._places[id(value)] = children
        return value

    def _copied(self, value: Any) -> Any:
        """Return a list of the preset as one of the document's own, with no places in it."""
        if isinstance(value, list):
            made: Any = [self._copied(one) for one in value]
        elif isinstance(value, dict):
            made = {key: self._copied(one) for key, one in value.items()}
        else:
            return value
        self._places[id(made)] = {}
        return made


def _merged(lent: _Branch, own: _Branch, *, is_free: bool = False) -> _Branch:
    """Return *own* over *lent*, key by key; a null in *own* takes away what *lent* has."""
    result: _Branch = {}
    for key, below in lent.items():
        above = own.get(key)
        if above is None:
            result[key] = below
        elif above.value is None:
            continue
        elif not is_free and _is_whole(key, below.value, above.value):
            result[key] = above
        elif isinstance(below.value, dict) and isinstance(above.value, dict):
            inner = _merged(below.value, above.value, is_free=is_free or key in _FREE)
            result[key] = _Member(inner, above.places)
        else:
            result[key] = above
    return result | {key: one for key, one in own.items() if key not in lent}


def _is_whole(key: str, below: Any, above: Any) -> bool:
    """Return whether a map replaces the one below it and takes nothing of it."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return True
    if (above and above.keys() <= _REFERENCE) or (below and below.keys() <= _REFERENCE):
        return True
    chooser = _CHOOSERS.get(key, "")
    if chooser not in above:
        return False
    return chooser not in below or above[chooser].value != below[chooser].value
