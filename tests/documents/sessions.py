"""A page that is run: what a reader types and saves, in order, and what that shows.

* A block ```` ```console ```` has commands behind `$ `, each followed by all that it prints.
  With `title="…"` it is another terminal of that name. There a block's last command goes on
  running, and is followed by its first lines; a block without a command is what that terminal
  shows next. A line `^C` is Ctrl-C.
* Any other block with a title is a file that the reader saves under that name.
* What is printed may differ from the page as `matching` says.

`python -m tests.documents.renew PAGE` runs a page and writes what was really printed into it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CTRL_C = "^C"
_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]*)")?\n(.*?)^```$', re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a reader does, or looks at, and where its output stands in the page."""

    line: int
    terminal: str
    command: str
    ends: bool
    shown: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Saved:
    """A file that the reader saves."""

    name: str
    content: str


def steps(page: str) -> list[Step | Saved]:
    """Return what a reader of *page* does, in order."""
    found: list[Step | Saved] = []
    for block in _BLOCK.finditer(page):
        kind, title, content = block.group(1), block.group(2) or "", block.group(3)
        if kind == "console":
            found += _of_block(page.count("\n", 0, block.start(3)), title, content.splitlines())
        elif title:
            found.append(Saved(title, content))
    return found


def _of_block(line: int, terminal: str, lines: list[str]) -> Iterator[Step]:
    starts = [n for n, text in enumerate(lines) if text.startswith("$ ") or text == CTRL_C]
    if lines and (not starts or starts[0] > 0):
        starts.insert(0, -1)
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        command = lines[start].removeprefix("$ ") if start >= 0 else ""
        goes_on = terminal and end == len(lines) and command != CTRL_C
        yield Step(line + start + 1, terminal, command, not goes_on, tuple(lines[start + 1 : end]))
