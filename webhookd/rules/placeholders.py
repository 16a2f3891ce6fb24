"""Placeholders in the requests of a source: `${since}`, `${limit}`, from a closed list of names.

A text that is nothing but a placeholder takes the value as it is, a number as a number. A text
whose placeholder has no value is left out, with its key. `$${` writes `${`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Value: TypeAlias = "str | int"

_MARK: Final = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")


class PlaceholderError(ValueError):
    """A placeholder has no end, or no name."""


class _LeftOut:
    """What stands where a value is left out."""

    def __repr__(self) -> str:
        return "LEFT_OUT"


LEFT_OUT: Final = _LeftOut()


@dataclass(frozen=True)
class Placeholders:
    """A text with placeholders; PlaceholderError, from `parts`, when one is broken."""

    text: str

    @cached_property
    def parts(self) -> tuple[tuple[bool, str], ...]:
        """Return the parts of the text, each with whether it is the name of a placeholder."""
        return tuple(_parts(self.text))

    @property
    def names(self) -> frozenset[str]:
        """Return the names of the placeholders."""
        return frozenset(part for is_name, part in self.parts if is_name)

    def filled(self, values: Mapping[str, Value | None]) -> Value | _LeftOut:
        """Return the text with *values* in it, or `LEFT_OUT` where one of them is None."""
        if len(self.parts) == 1 and self.parts[0][0]:
            value = values.get(self.parts[0][1])
            return LEFT_OUT if value is None else value
        texts = []
        for is_name, part in self.parts:
            value = values.get(part) if is_name else part
            if value is None:
                return LEFT_OUT
            texts.append(str(value))
        return "".join(texts)


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    literal, place = "", 0
    for mark in _MARK.finditer(text):
        literal += text[place : mark.start()]
        place = mark.end()
        if mark[0] == "$${":
            literal += "${"
            continue
        if mark[1] is None:
            raise PlaceholderError("a placeholder begins with ${ and has no end; $${ writes ${")
        if literal:
            yield False, literal
        literal = ""
        yield True, mark[1]
    literal += text[place:]
    if literal:
        yield False, literal


def names_in(tree: Any) -> frozenset[str]:
    """Return the names of the placeholders in all texts of a JSON value."""
    match tree:
        case dict():
            return frozenset().union(*map(names_in, tree.values()))
        case list():
            return frozenset().union(*map(names_in, tree))
        case str():
            return Placeholders(tree).names
        case _:
            return frozenset()


def filled_tree(tree: Any, values: Mapping[str, Value | None]) -> Any:
    """Return the JSON value *tree* with *values* in its texts; what has none is left out."""
    match tree:
        case dict():
            members = {name: filled_tree(one, values) for name, one in tree.items()}
            return {name: one for name, one in members.items() if one is not LEFT_OUT}
        case list():
            return [one for item in tree if (one := filled_tree(item, values)) is not LEFT_OUT]
        # A number as it was written is a text of a class of its own.
        case str() if type(tree) is str:
            return Placeholders(tree).filled(values)
        case _:
            return tree
