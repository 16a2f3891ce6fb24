"""Lines of text whose parts have colours, which only a terminal shows.

rich shows them and is loaded for a terminal alone: what a pipe gets needs none of it, and to load
it takes as long as all else that a command loads.
"""

from __future__ import annotations

from typing import Self


class Styled:
    """A line: parts, each with a style of rich (`bold red`), or none."""

    __slots__ = ("_parts",)

    def __init__(self, text: str = "", style: str = "") -> None:
        self._parts = [(text, style)]

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """Return the parts, as rich assembles a text of them."""
        return tuple(self._parts)

    @property
    def plain(self) -> str:
        """Return the text without its styles."""
        return "".join(text for text, _ in self._parts)

    @property
    def width(self) -> int:
        """Return how many columns of a terminal it takes: some characters take two, or none."""
        plain = self.plain
        if plain.isascii() and plain.isprintable():
            return len(plain)
        from rich.cells import cell_len  # noqa: PLC0415 - rare, and a table of all characters

        return cell_len(plain)

    def append(self, other: Styled | str) -> Self:
        """Add *other* at the end, and return this line."""
        self._parts += other.parts if isinstance(other, Styled) else ((other, ""),)
        return self

    def stripped(self) -> Styled:
        """Return the line without blanks at its end."""
        line, parts = Styled(), list(self._parts)
        while parts and not parts[-1][0].rstrip():
            parts.pop()
        if parts:
            parts[-1] = (parts[-1][0].rstrip(), parts[-1][1])
        line._parts = parts
        return line
