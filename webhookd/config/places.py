"""Where values stand in a file."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


class Place(NamedTuple):
    """A line and a column, both from 1."""

    line: int
    column: int


TOP = Place(1, 1)

Children: TypeAlias = dict[str | int, tuple[Place, Place]]
"""Of each key (or number) of a container: where the key stands, and where its value."""

Places: TypeAlias = dict[int, Children]
"""The children of each container, by its `id`: containers live as long as their document."""
