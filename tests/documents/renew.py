"""Write into pages what their commands really print: `… renew PAGE …`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.documents import lookups, pages, readers, sessions
from tests.documents.sessions import CTRL_C, Saved

_QUIET = 10.0
"""Seconds after which a command that runs on has printed all that it will for now."""


def renew(path: Path) -> None:
    """Run the page at *path*, and write it anew."""
    page = path.read_text()
    lines = page.splitlines()
    moved = 0
    with readers.reader(_QUIET) as reader:
        for step in sessions.steps(page):
            if isinstance(step, Saved):
                reader.save(step)
                continue
            begin = step.line + moved
            if step.command not in {"", CTRL_C}:
                lines[begin - 1] = f"$ {reader.ids.real(step.command)}"
            done = reader.do(step)
            lines[begin : begin + len(step.shown)] = done.renewed
            moved += len(done.renewed) - len(step.shown)
    path.write_text("\n".join(lines) + "\n")


def renew_lookups(path: Path) -> None:
    """Run what the page at *path* shows of commands in the playground, and write that anew."""
    page = path.read_text()
    lines, moved = page.splitlines(), 0
    with lookups.playground() as reader:
        for step in lookups.asked(page):
            ran = lookups.run(reader, step)
            if step.shown:
                begin = step.line + moved
                lines[begin : begin + len(step.shown)] = ran.renewed
                moved += len(ran.renewed) - len(step.shown)
    path.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    for name in map(Path, sys.argv[1:]):
        is_looked_up = name.resolve() in {pages.DOCS / f"{one}.md" for one in lookups.LOOKED_UP}
        (renew_lookups if is_looked_up else renew)(name)
