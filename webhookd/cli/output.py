"""What people and programs read: tables and JSON."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WIDE = 220

console = Console(highlight=False, soft_wrap=True)
if not console.is_terminal:
    # What goes into a file or a pipe has no width to fit.
    console.width = WIDE

STATE_STYLES = {
    "pending": "yellow",
    "delivered": "green",
    "failed": "bold red",
    "held": "magenta",
    "superseded": "dim",
    "cancelled": "dim",
}


def print_json(value: Mapping[str, Any]) -> None:
    """Print one object on one line."""
    print(json.dumps(value, ensure_ascii=False))  # noqa: T201 - what the command is for


def ago(at: datetime, now: datetime) -> str:
    """Return a time as people say it: `12s ago`, `in 4m`."""
    seconds = (at - now).total_seconds()
    length = _length(abs(timedelta(seconds=seconds)))
    return f"in {length}" if seconds > 0 else f"{length} ago"


def _length(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def safe(text: str) -> str:
    """Return *text* with control characters shown, so that it cannot steer a terminal."""
    return "".join(
        character if character.isprintable() else repr(character)[1:-1] for character in text
    )


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, whole: Sequence[str] = ()
) -> Table:
    """Return a plain table: a header, no lines. Columns named in *whole* are never cut."""
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, no_wrap=column in whole, overflow="fold")
    for row in rows:
        made.add_row(*(Text(safe(cell)) if isinstance(cell, str) else cell for cell in row))
    return made


def state(name: str) -> Text:
    """Return a delivery's state in its colour."""
    return Text(name, style=STATE_STYLES.get(name, ""))
