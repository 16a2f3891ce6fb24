"""Log lines for people: an event as a line on a terminal that reads like a sentence.

The webhook, the record and the status of an attempt stand first; another event is its name, what it
is about, and its facts as `key=value`. What has no value is left out. Where the terminal ends, the
line goes on below, indented. JSON lines (`logs`) have every key instead.
"""

from __future__ import annotations

import os
import sys
import textwrap
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from webhookd import clock
from webhookd.errors import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping

LEVELS: Final = {"warning": "warn", "critical": "error"}
"""What a level is called on a line, where that is not its name."""

COLOURS: Final = {
    "debug": "2",
    "info": "32",
    "warn": "33",
    "error": "31",
    "delivered": "32",
    "retry": "33",
    "given_up": "31",
    "held": "35",
    "name": "1",
}
"""Colours of levels, of outcomes and of names: parameters of SGR (ECMA-48)."""

SUBJECT: Final = ("webhook", "source", "object", "record_id", "file")
"""Keys of what an event is about, whose values stand bare behind its name, in this order."""

SENTENCES: Final = ("error", "reason", "hint")
"""Keys whose values are sentences for people, which end the line."""

INDENT: Final = " " * 15
"""As wide as a time and a level: what goes on below begins where the line's text does."""

SHORTEST: Final = 60
"""Columns that lines are wrapped to at the least, however narrow the terminal is."""

ENDING: Final = 6
"""So many of a delivery's last characters are shown: commands take them for its id."""


class Piece(NamedTuple):
    """A part of a line that is not broken, and what its colour stands for."""

    text: str
    meaning: str = ""


def render(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    """Return the lines of *event* for standard error as it is now: a processor of structlog.

    Called on whichever thread reports; each call is by itself.
    """
    is_terminal = sys.stderr.isatty()
    width = _terminal_width() if is_terminal else None
    return "\n".join(lines(event, width, in_colour=is_terminal and "NO_COLOR" not in os.environ))


def lines(
    event: MutableMapping[str, Any], width: int | None, *, in_colour: bool = False
) -> Iterator[str]:
    """Yield the lines of *event*, wrapped at *width* columns; None wraps nothing.

    Lists of problems and the stacks of bugs have lines of their own in any case.
    """
    facts = {key: value for key, value in event.items() if value not in (None, "", (), [])}
    name = _text(facts.pop("event", ""))
    level = _text(facts.pop("level", "info"))
    label = LEVELS.get(level, level)
    time = _moment(facts.pop("timestamp", ""))
    problems = facts.pop("problems") if isinstance(facts.get("problems"), list) else ()
    stack = _stack(facts)
    sentences = [_text(facts.pop(key)) for key in SENTENCES if key in facts]
    pieces = _attempt(facts) if name == "delivery.attempted" else _named(name, facts)
    begin = f"{time:<8} {_painted(f'{label:<5}', label, in_colour=in_colour)} "
    room = None if width is None else max(SHORTEST, width - 1) - len(INDENT)
    shown = [piece for piece in (*pieces, *_facts(facts)) if piece.text]
    told = list(_rows(shown, sentences, room, in_colour=in_colour))
    yield begin + told[0]
    yield from (INDENT + row for row in told[1:])
    yield from (INDENT + _text(problem) for problem in problems)
    yield from (INDENT + _text(line) for line in stack)


def _attempt(facts: dict[str, Any]) -> Iterator[Piece]:
    """Yield what an attempt was for and what it came to, and take that out of *facts*."""
    outcome = str(facts.pop("outcome", ""))
    status = facts.pop("status", "no answer")
    retry_at = facts.pop("retry_at", None)
    again = "" if retry_at is None else f" at {_moment(retry_at)}"
    yield Piece(_text(facts.pop("webhook", "")), "name")
    yield Piece(" ".join(_text(facts.pop(key)) for key in ("object", "record_id") if key in facts))
    yield Piece(f"{status}, {outcome.replace('_', ' ')}{again}", outcome)
    yield Piece(_text(facts.pop("change", "")))
    yield Piece(f"#{facts.pop('attempt', '?')}")
    yield Piece(f"{facts.pop('seconds', 0)} s")
    yield Piece(f"…{str(facts.pop('delivery_id', ''))[-ENDING:]}")


def _named(name: str, facts: dict[str, Any]) -> Iterator[Piece]:
    """Yield an event's name and what it is about, and take that out of *facts*."""
    yield Piece(name, "name")
    for key in SUBJECT:
        if key in facts:
            yield Piece(_text(facts.pop(key)))


def _facts(facts: dict[str, Any]) -> Iterator[Piece]:
    for key, value in facts.items():
        text = _moment(value) if key.endswith("_at") else _text(value)
        yield Piece(f'{key}="{text}"' if " " in text else f"{key}={text}")


def _rows(
    pieces: list[Piece], sentences: list[str], room: int | None, *, in_colour: bool
) -> Iterator[str]:
    """Yield rows of at most *room* columns: no piece is broken, and sentences only at blanks."""
    row, used = "", 0
    for piece in pieces:
        if row and room is not None and used + 2 + len(piece.text) > room:
            yield row
            row, used = "", 0
        between = "  " if row else ""
        row += between + _painted(piece.text, piece.meaning, in_colour=in_colour)
        used += len(between) + len(piece.text)
    tail = " - ".join(sentences)
    if tail and (room is None or used + 2 + len(tail) <= room):
        yield f"{row}  {tail}"
        return
    yield row
    for sentence in sentences:
        yield from textwrap.wrap(sentence, room or SHORTEST, break_on_hyphens=False)


def _stack(facts: dict[str, Any]) -> list[str]:
    """Take a stack out of *facts* and return its lines."""
    told = [str(facts.pop(key)) for key in ("stack", "exception") if key in facts]
    return [line for text in told for line in text.splitlines()]


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(_text, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return printable(str(value))


def _moment(value: object) -> str:
    """Return a time as a clock on the wall shows it, with its day unless that is today."""
    try:
        local = datetime.fromisoformat(str(value)).astimezone()
    except (ValueError, OverflowError):
        return _text(value)
    is_today = local.date() == clock.now().astimezone().date()
    return local.strftime("%H:%M:%S" if is_today else "%Y-%m-%d %H:%M:%S")


def _painted(text: str, meaning: str, *, in_colour: bool) -> str:
    colour = COLOURS.get(meaning)
    return f"\x1b[{colour}m{text}\x1b[0m" if in_colour and colour and text else text


def _terminal_width() -> int | None:
    try:
        # A terminal that says 0 does not know (a serial line, some editors).
        return os.get_terminal_size(sys.stderr.fileno()).columns or None
    except (OSError, ValueError):
        return None
