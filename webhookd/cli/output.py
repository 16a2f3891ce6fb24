"""What people and programs read: lines, sentences and JSON."""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from webhookd.cli.styled import Styled
from webhookd.errors import printable
from webhookd.utf8_mode import takes_all

if TYPE_CHECKING:
    from collections.abc import Mapping

_INDENT = "    "
_NARROWEST = 20

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
    told = json.dumps(value, ensure_ascii=not takes_all(sys.stdout))
    print(told)  # noqa: T201 - what the command is for


def ago(at: datetime, now: datetime) -> str:
    """Return a time as people say it: `12s ago`, `in 4m`."""
    seconds = (at - now).total_seconds()
    distance = length(abs(timedelta(seconds=seconds)))
    return f"in {distance}" if seconds > 0 else f"{distance} ago"


def length(time: timedelta) -> str:
    """Return a length of time as people say it, in its largest unit: `90s`, `4m`."""
    seconds = int(time.total_seconds())
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def last_error(of: Mapping[str, Any], now: datetime) -> str:
    """Return the last error of a source, or of what it polls; nothing where there is none."""
    error = of.get("last_error")
    if error is None:
        return ""
    return f"last error {ago(datetime.fromisoformat(of['last_error_at']), now)}: {error}"


def print_line(line: Styled, *, is_whole: bool = False) -> None:
    """Print one line: cut where a terminal ends unless *is_whole*, whole into a file or a pipe."""
    if not is_terminal():
        print(line.plain)  # noqa: T201 - what the command is for
        return
    from rich.text import Text  # noqa: PLC0415 - see `styled`

    from webhookd.cli.terminal import console  # noqa: PLC0415 - see `styled`

    text = Text.assemble(*line.parts)
    if is_whole:
        console.print(text)
    else:
        console.print(text, soft_wrap=False, no_wrap=True, overflow="ellipsis")


def is_terminal() -> bool:
    """Return whether people read the output, or somebody wants it as if they did."""
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def print_beneath(text: str, style: str = "") -> None:
    """Print a sentence beneath a row: wrapped between words where a terminal ends, never cut."""
    shown, room = printable(text), width()
    lines = [shown] if room is None else _wrapped(shown, max(room - len(_INDENT), _NARROWEST))
    for line in lines:
        print_line(Styled(_INDENT + line, style), is_whole=True)


def print_hanging(head: str, text: str) -> None:
    """Print a sentence behind *head*, wrapped between words where a terminal ends.

    Into a pipe it stays one line, whatever COLUMNS says: programs look for what it holds.
    """
    shown, room, left = printable(text), width() if is_terminal() else None, " " * len(head)
    lines = [shown] if room is None else _wrapped(shown, max(room - len(head), _NARROWEST))
    for number, line in enumerate(lines or [""]):
        print_line(Styled(f"{left if number else head}{line}"), is_whole=True)


def _wrapped(text: str, room: int) -> list[str]:
    # A command, a URL or a path that is longer than a line stays whole, to be copied.
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)


def tell_limit(shown: int, limit: int) -> None:
    """Say on stderr that a list may go on, where as many rows were *shown* as it may have."""
    if shown == limit:
        print(f"({limit} shown; --limit shows more)", file=sys.stderr)  # noqa: T201 - as above


def width() -> int | None:
    """Return how many columns lines are wrapped to; None in a file or a pipe, where none are.

    A pipe has as many as the variable COLUMNS says, where somebody set it.
    """
    is_told = is_terminal() or os.environ.get("COLUMNS")
    return shutil.get_terminal_size().columns if is_told else None


def state(name: str) -> Styled:
    """Return a delivery's state in its colour."""
    return Styled(name, style=STATE_STYLES.get(name, ""))
