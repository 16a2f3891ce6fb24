"""How data is shown: hostile text made harmless, times, lengths and numbers in words.

Pure: texts in, texts out.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from webhookd.views.trials import TrialView

_CRLF: Final = re.compile("\r\n")
_HOSTILE: Final = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters but tab and newline
    "\u00ad\u061c\u180e\u200b\u200e\u200f"  # invisible, or turning the direction of what follows
    "\u2028-\u202e\u2060-\u206f"  # line and paragraph ends, overrides, isolates
    "\ud800-\udfff"  # halves of a character
    "\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\U000e0000-\U000e007f"  # tags, which nobody sees
    "]"
)
LONGEST_SHOWN = 64 * 1024
"""Characters of a text that a page shows; the rest is a download."""

_JSON_PART: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_BYTE_UNITS: Final = ("bytes", "KiB", "MiB", "GiB")


def plain(text: str) -> str:
    """Return *text* with every character written out that hides, moves or ends what follows."""
    if text.isascii() and text.isprintable():
        return text
    return _HOSTILE.sub(_written_out, _CRLF.sub("\n", text))


def cut(text: str, most: int = LONGEST_SHOWN) -> str:
    """Return the beginning of *text*, with a mark where something follows."""
    return text if len(text) <= most else f"{text[:most]}…"


def indented(text: str) -> str:
    """Return JSON with a line for each value, each written as it stood; another text as it is."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text
    lines, depth, made = [], 0, ""
    parts = _JSON_PART.findall(text)
    for place, part in enumerate(parts):
        following = parts[place + 1] if place + 1 < len(parts) else ""
        if part in "{[" and following not in "}]":
            depth += 1
            lines.append(made + part)
            made = "  " * depth
        elif part in "}]" and parts[place - 1] not in "{[":
            depth -= 1
            lines.append(made)
            made = "  " * depth + part
        elif part == ",":
            lines.append(made + part)
            made = "  " * depth
        else:
            made += f"{part} " if part == ":" else part
    return "\n".join([*lines, made])


def body_of(trial: TrialView | None) -> str:
    """Return the body of a trial's request as people read it; empty where there is none."""
    text = None if trial is None or trial.request is None else trial.request.body
    return indented(text) if text and len(text) <= LONGEST_SHOWN else text or ""


def one_line(text: str, most: int = 200) -> str:
    """Return *text* on one line, cut where it is long."""
    return cut(" ".join(text.split()), most)


def length(seconds: float) -> str:
    """Return a length of time in its largest unit: `90 s`, `4 m`, `3 d`."""
    # To the millisecond: the sum of many waits is a little less than what they are.
    whole = int(round(seconds, 3))
    for size, unit in _UNITS:
        if whole >= 2 * size:
            return f"{whole // size} {unit}"
    return f"{whole} s"


def took(seconds: float) -> str:
    """Return how long an exchange took: `37 ms`, `1.2 s`."""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def ago(at: datetime, now: datetime) -> str:
    """Return a time as people say it: `12 s ago`, `in 4 m`, `now`."""
    seconds = (at - now).total_seconds()
    if abs(seconds) < 1:
        return "now"
    return f"in {length(seconds)}" if seconds > 0 else f"{length(-seconds)} ago"


def utc(at: datetime) -> str:
    """Return a time whole, in UTC."""
    told = at.astimezone(UTC).isoformat(sep=" ", timespec="milliseconds")
    return told.replace("+00:00", " UTC")


def iso(at: datetime) -> str:
    """Return a time as programs read it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock_time(at: datetime) -> str:
    """Return the time of day, in UTC."""
    return f"{at.astimezone(UTC):%H:%M:%S}"


def number(value: float) -> str:
    """Return a number as people write it: `3,172`; with one digit behind the point below 100."""
    if isinstance(value, int) or value == int(value):
        return f"{int(value):,}"
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"  # noqa: PLR2004 - as it says


def size(count: int) -> str:
    """Return a number of bytes in its largest unit."""
    amount, unit = float(count), _BYTE_UNITS[0]
    for unit in _BYTE_UNITS:
        if amount < 1024 or unit == _BYTE_UNITS[-1]:  # noqa: PLR2004 - a KiB
            break
        amount /= 1024
    return f"{count:,} bytes" if unit == _BYTE_UNITS[0] else f"{amount:,.1f} {unit}"


def is_older(at: datetime | None, now: datetime, than: timedelta) -> bool:
    """Return whether *at* is longer ago than that."""
    return at is not None and now - at > than


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - four digits
