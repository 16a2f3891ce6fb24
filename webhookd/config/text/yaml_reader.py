"""Plain values and their places out of YAML, event by event.

The C parser speaks for the syntax only: what it builds itself would follow YAML 1.1, crash on
deep nesting, and let the last of two equal keys win in silence. Its events come one by one, so
that depth and the expansion of aliases are counted before anything of that size exists.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import yaml

from webhookd.config import messages
from webhookd.config.text import scalars, yaml_errors
from webhookd.config.text.limits import DEEPEST, MOST_PROBLEMS, TOP, FlawError, Place
from webhookd.errors import Problem

if TYPE_CHECKING:
    from webhookd.config.messages import Steps

# What aliases may add: enough for ten thousand webhooks that share a block, far from a bomb.
MOST_ADDED = 100_000
MOST_ADDED_PER_WRITTEN = 10

Children: TypeAlias = dict[str | int, tuple[Place, Place]]
"""Of each key (or number) of a container: where the key stands, and where its value."""

Places: TypeAlias = dict[int, Children]
"""The children of each container, by its `id`: containers live as long as their document."""

_TAG = "tag:yaml.org,2002:"
_SCALAR_TAGS: dict[str, tuple[type, ...]] = {
    f"{_TAG}int": (int,),
    f"{_TAG}float": (float, int),
    f"{_TAG}bool": (bool,),
    f"{_TAG}null": (type(None),),
}


@dataclass(slots=True)
class _Open:
    """A container whose end has not come yet."""

    value: dict[str, Any] | list[Any]
    place: Place
    anchor: str | None
    size_before: int
    children: Children = field(default_factory=dict)
    height: int = 1
    key: str | None = None
    key_place: Place = TOP
    is_kept: bool = True

    @property
    def step(self) -> str | int:
        """Return the step that leads to the child that is being read."""
        return len(self.value) if isinstance(self.value, list) else self.key or ""


@dataclass(slots=True)
class _Anchored:
    """A value that aliases may name; *size* counts it and all within, *height* its levels."""

    value: Any
    size: int
    height: int


class Builder:
    """Builds the one document of a file; *places* and *problems* fill up on the way.

    *spoiled* are the places of values that were refused and stand as text for now.
    """

    def __init__(self, file: str) -> None:
        self.places: Places = {}
        self.problems: list[Problem] = []
        self.spoiled: set[tuple[int, int]] = set()
        self._file = file
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchored] = {}
        self._size = 0
        self._added = 0
        self._documents = 0
        self._top: Any = None

    def build(self, text: str) -> dict[str, Any]:
        """Return the values of *text*, or raise the `FlawError` that leaves none."""
        top = self.build_any(text)
        if top is None:
            raise FlawError(1, 1, "the file is empty; it needs at least 'version: 1'")
        if not isinstance(top, dict):
            raise FlawError(1, 1, f"expected keys and values, found {_kind(top)}")
        return top

    def build_any(self, text: str) -> Any:
        """Return whatever value *text* holds, None when it holds none; FlawError as `build`."""
        try:
            for event in yaml.parse(text, Loader=yaml.CSafeLoader):
                self._take(event)
        except yaml.YAMLError as error:
            raise yaml_errors.flaw(error, text) from None
        return self._top

    def _take(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self._scalar(event)
            case yaml.MappingStartEvent():
                self._open(event, {}, "map")
            case yaml.SequenceStartEvent():
                self._open(event, [], "seq")
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close()
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.DocumentStartEvent():
                self._count_document(_place(event))
            case _:
                pass

    def _count_document(self, place: Place) -> None:
        self._documents += 1
        if self._documents > 1:
            raise FlawError(*place, "a second document begins here; a file holds one")

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        place = _place(event)
        self._size += 1
        if "\0" in event.value:
            self._refuse(place, "the character U+0000 is not allowed")
        if self._expects_key():
            self._key(event, place)
            return
        value = self._value(event, place)
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(value, 1, 0)
        self._attach(value, place)

    def _key(self, event: yaml.ScalarEvent, place: Place) -> None:
        top, key = self._stack[-1], event.value
        top.key, top.key_place, top.is_kept = key, place, True
        if event.tag not in {None, "!", f"{_TAG}str"}:
            self._problem(place, "a key is text and takes no tag")
        if event.anchor:
            self._anchors[event.anchor] = _Anchored(key, 1, 0)
        if key == "<<" and event.implicit[0]:
            top.is_kept = False
            self._problem(
                place,
                "YAML 1.2 has no merge keys; use an alias for the whole value, or 'defaults'",
            )
        elif key in top.children:
            top.is_kept = False
            first = top.children[key][0]
            message = f"this key is there already, at line {first.line}, column {first.column}"
            self._problem(place, message)

    def _value(self, event: yaml.ScalarEvent, place: Place) -> scalars.Scalar:
        text = event.value
        if event.tag in {"!", f"{_TAG}str"} or not (event.tag or event.implicit[0]):
            return text
        if event.tag and event.tag not in _SCALAR_TAGS:
            return self._refuse(place, _unknown_tag(event.tag), text)
        try:
            value = scalars.resolve(text)
        except scalars.ScalarError as error:
            return self._refuse(place, str(error), text)
        if event.tag and not isinstance(value, _SCALAR_TAGS[event.tag]):
            name = event.tag.removeprefix(_TAG)
            return self._refuse(place, f"this is not what its tag !!{name} says", text)
        return value

    def _open(
        self,
        event: yaml.MappingStartEvent | yaml.SequenceStartEvent,
        value: dict[str, Any] | list[Any],
        name: str,
    ) -> None:
        place = _place(event)
        self._refuse_as_key(place, is_map=isinstance(value, dict))
        if len(self._stack) >= DEEPEST:
            raise FlawError(*place, f"this is nested deeper than {DEEPEST} levels")
        if event.tag not in {None, "!", f"{_TAG}{name}"}:
            self._refuse(place, _unknown_tag(event.tag or ""))
        if event.anchor:
            # An alias within its own value must not find an older anchor of that name.
            self._anchors.pop(event.anchor, None)
        self._stack.append(_Open(value, place, event.anchor, self._size))
        self._size += 1

    def _close(self) -> None:
        closed = self._stack.pop()
        self.places[id(closed.value)] = closed.children
        if closed.anchor:
            size = self._size - closed.size_before
            self._anchors[closed.anchor] = _Anchored(closed.value, size, closed.height)
        self._attach(closed.value, closed.place, closed.height)

    def _alias(self, event: yaml.AliasEvent) -> None:
        place, name = _place(event), event.anchor or ""
        self._refuse_as_key(place)
        if any(container.anchor == name for container in self._stack):
            raise FlawError(*place, f"the alias {_star(name)} stands within its own value")
        if name not in self._anchors:
            self._refuse(place, f"there is no anchor for the alias {_star(name)} above")
            self._attach(None, place)
            return
        anchored = self._anchors[name]
        self._count_added(anchored, place)
        self._attach(anchored.value, place, anchored.height)

    def _count_added(self, anchored: _Anchored, place: Place) -> None:
        self._size += anchored.size
        self._added += anchored.size
        written = self._size - self._added
        if self._added > MOST_ADDED + MOST_ADDED_PER_WRITTEN * written:
            raise FlawError(*place, "the aliases of this file add up to far more than it holds")
        if len(self._stack) + anchored.height > DEEPEST:
            raise FlawError(*place, f"with this alias, nesting is deeper than {DEEPEST} levels")

    def _attach(self, value: object, place: Place, height: int = 0) -> None:
        if not self._stack:
            self._top = value
            return
        top = self._stack[-1]
        top.height = max(top.height, height + 1)
        if isinstance(top.value, list):
            top.children[len(top.value)] = (place, place)
            top.value.append(value)
            return
        key, top.key = top.key, None
        if key is not None and top.is_kept:
            top.children[key] = (top.key_place, place)
            top.value[key] = value

    def _expects_key(self) -> bool:
        if not self._stack:
            return False
        top = self._stack[-1]
        return isinstance(top.value, dict) and top.key is None

    def _refuse_as_key(self, place: Place, *, is_map: bool = False) -> None:
        if self._expects_key():
            hint = "; put a text that begins with '{' in quotes" if is_map else ""
            raise FlawError(*place, f"a key must be plain text{hint}")

    def _refuse(self, place: Place, message: str, text: str = "") -> str:
        """Report what is wrong with a value, and let *text* stand in for it."""
        self._problem(place, message)
        self.spoiled.add((place.line, place.column))
        return text

    def _problem(self, place: Place, message: str) -> None:
        if len(self.problems) >= MOST_PROBLEMS:
            raise FlawError(*place, f"this file has more than {MOST_PROBLEMS} problems")
        where = messages.where(self._steps())
        self.problems.append(Problem(self._file, place.line, place.column, where, message))

    def _steps(self) -> Steps:
        steps = tuple(container.step for container in self._stack)
        return steps[:-1] if self._expects_key() else steps


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1) if mark else TOP


def _kind(value: object) -> str:
    return messages.shown(value) if isinstance(value, list) else "one single value"


def _star(name: str) -> str:
    return f"'*{messages.shortened(name)}'"


def _unknown_tag(tag: str) -> str:
    name = tag.replace(_TAG, "!!")
    return f"the tag {messages.shortened(name)} is not known here; leave it out"
