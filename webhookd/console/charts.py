"""Numbers as pictures: SVG made on the server. Pure; what it makes holds numbers and no data.

The only module that makes markup: all its texts are its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from webhookd.console import showing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_LEAST_SECONDS: Final = 0.1
_MOST_SECONDS: Final = 3 * 86_400.0
_TICKS: Final = (
    (0.1, "0.1 s"),
    (1.0, "1 s"),
    (10.0, "10 s"),
    (60.0, "1 m"),
    (600.0, "10 m"),
    (3_600.0, "1 h"),
    (6 * 3_600.0, "6 h"),
    (86_400.0, "1 d"),
    (3 * 86_400.0, "3 d"),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment on a time line: an attempt that was made (*is_good* or not), or the next one."""

    at: datetime
    is_good: bool = False
    is_next: bool = False


def time_line(stored_at: datetime, marks: Sequence[Mark], now: datetime) -> Markup:
    """Return a delivery's attempts on a logarithmic line, from 0.1 seconds to three days."""
    width, left, right, middle = 720, 14, 700, 22
    parts = [f'<line class="grid" x1="{left}" y1="{middle}" x2="{right}" y2="{middle}"/>']
    parts.append(f'<circle class="begin" cx="{left}" cy="{middle}" r="4"/>')

    def place(seconds: float) -> float:
        share = math.log(max(seconds, _LEAST_SECONDS) / _LEAST_SECONDS) / math.log(
            _MOST_SECONDS / _LEAST_SECONDS
        )
        return round(left + 26 + min(share, 1.0) * (right - left - 40), 1)

    for seconds, told in _TICKS:
        x = place(seconds)
        parts.append(f'<line class="grid" x1="{x}" y1="{middle - 4}" x2="{x}" y2="{middle + 4}"/>')
        parts.append(f'<text x="{x}" y="{middle + 22}" text-anchor="middle">{told}</text>')
    here = place((now - stored_at).total_seconds())
    parts.append(f'<line class="now" x1="{here}" y1="6" x2="{here}" y2="{middle + 12}"/>')
    for mark in marks:
        x = place((mark.at - stored_at).total_seconds())
        kind = "ring" if mark.is_next else "good" if mark.is_good else "bad"
        parts.append(f'<circle class="{kind}" cx="{x}" cy="{middle}" r="5.5"/>')
    made = sum(not mark.is_next for mark in marks)
    told = f"{made} attempts on a line of time since it was stored, to three days"
    return _svg(width, 50, told, parts)


def _svg(width: int, height: int, told: str, parts: Sequence[str]) -> Markup:
    """Return a picture; *told* says in a sentence what it shows."""
    text = showing.plain(told).replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    head = f'<svg class="chart" viewBox="0 0 {width} {height}" role="img" aria-label="{text}">'
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704 - numbers and texts of ours
