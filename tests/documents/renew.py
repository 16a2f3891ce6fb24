"""Write into pages that are followed what their commands really print: `… renew PAGE …`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.documents import readers, sessions
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


if __name__ == "__main__":
    for name in sys.argv[1:]:
        renew(Path(name))
