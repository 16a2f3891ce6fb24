"""Tables that people read: aligned columns, of which a narrow terminal cuts nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from webhookd.cli.output import is_terminal, print_beneath, print_line, width
from webhookd.cli.styled import Styled
from webhookd.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Row: TypeAlias = Sequence[str | Styled]
    Sentences: TypeAlias = Iterable[tuple[str, str]]
    """Each with its style."""

_BETWEEN = 2
"""Blanks between columns."""


def print_table(columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Print a line for each row; what finds no room on a terminal stands beneath its row."""
    print_rows(columns, [(row, ()) for row in rows], room=width() if is_terminal() else None)


def print_rows(
    columns: Sequence[str], rows: Sequence[tuple[Row, Sentences]], *, room: int | None
) -> None:
    """Print a line for each row, and beneath it what finds no *room* and then its sentences.

    *room* is how many columns a terminal has, None for a file or a pipe. The last column stands
    where it fits, row by row; columns for which there is no room at all stand beneath, with their
    names.
    """
    heads = [Styled(column, "bold") for column in columns]
    table = [_cells(row) for row, _ in rows]
    widths = _widths([heads, *table])
    kept = len(columns) if room is None else _fitting(columns, widths, room)
    print_line(_line(heads[:kept], widths), is_whole=True)
    for cells, (_, sentences) in zip(table, rows, strict=True):
        line, last = _line(cells[:kept], widths), kept
        if room is not None and line.width > room and kept > 1:
            last = kept - 1
            line = _line(cells[:last], widths)
        print_line(line, is_whole=True)
        for number, cell in enumerate(cells[last:], last):
            is_named = number >= kept and columns[number]
            if cell.plain:
                head = f"{columns[number].lower()}: " if is_named else ""
                print_beneath(f"{head}{cell.plain}")
        for text, style in sentences:
            if text:
                print_beneath(text, style)


def print_cut_table(columns: Sequence[str], rows: Iterable[Row]) -> None:
    """Print a line for each row, of whose last column a terminal shows as much as fits."""
    for line in aligned(columns, rows):
        print_line(line)


def aligned(columns: Sequence[str], rows: Iterable[Row]) -> list[Styled]:
    """Return a line for the names of the columns, and one for each row."""
    table = [[Styled(column, "bold") for column in columns], *(_cells(row) for row in rows)]
    widths = _widths(table)
    return [_line(cells, widths) for cells in table]


def with_hosts(
    columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], found: Sequence[dict[str, Any]]
) -> tuple[tuple[str, ...], Sequence[tuple[str, ...]]]:
    """Return a table of sources with a column of the hosts that read them, where any is told."""
    hosts = [source.get("host") or "" for source in found]
    if not any(hosts):
        return columns, rows
    return (*columns, "ON HOST"), [(*row, host) for row, host in zip(rows, hosts, strict=True)]


def _fitting(columns: Sequence[str], widths: Sequence[int], room: int) -> int:
    """Return how many columns there is room for: at least one, and of the last one its name."""
    end = 0
    for number, width_ in enumerate((*widths[:-1], len(columns[-1]))):
        end += width_
        if end > room:
            return max(number, 1)
        end += _BETWEEN
    return len(columns)


def _cells(row: Row) -> list[Styled]:
    return [Styled(printable(cell)) if isinstance(cell, str) else cell for cell in row]


def _widths(table: Sequence[Sequence[Styled]]) -> list[int]:
    return [max(cell.width for cell in column) for column in zip(*table, strict=True)]


def _line(cells: Sequence[Styled], widths: Sequence[int]) -> Styled:
    line = Styled()
    for cell, width_ in zip(cells, widths, strict=False):
        line.append(cell).append(" " * (width_ - cell.width + _BETWEEN))
    return line.stripped()
