"""Numbers as pictures: SVG made on the server. Pure; what it makes holds numbers and no data.

The only module that makes markup: all its texts are its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from webhookd.console import showing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

_A_DAY: Final = 86_400 + 600
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


@dataclass(frozen=True, slots=True)
class Step:
    """What the attempts in one step of time came to."""

    delivered: int = 0
    retried: int = 0
    given_up: int = 0
    held: int = 0

    @property
    def total(self) -> int:
        """Return how many attempts ended."""
        return self.delivered + self.retried + self.given_up + self.held

    def __add__(self, other: Step) -> Step:
        return Step(
            self.delivered + other.delivered,
            self.retried + other.retried,
            self.given_up + other.given_up,
            self.held + other.held,
        )


@dataclass(frozen=True, slots=True)
class Steps:
    """The steps of a chart, the oldest first, each *seconds* long from *first* on."""

    first: datetime
    seconds: int
    steps: Sequence[Step]

    def time(self, number: int) -> datetime:
        """Return when a step began."""
        return self.first + timedelta(seconds=number * self.seconds)

    @property
    def total(self) -> Step:
        """Return what all steps came to."""
        return sum(self.steps, Step())


_KINDS: Final = (
    ("good", "delivered"),
    ("warn", "retried"),
    ("bad", "given_up"),
    ("hold", "held"),
)


def bars(data: Steps) -> Markup:
    """Return attempts over time as stacked bars, with a scale and times."""
    width, height, top = 1200, 150, 18
    most = max([step.total for step in data.steps], default=0)
    base = height - 22
    parts = [
        f'<line class="grid" x1="0" y1="{y}" x2="{width}" y2="{y}"/>'
        for y in (top, (top + base) // 2, base)
    ]
    step_told = showing.length(data.seconds)
    parts.append(f'<text x="0" y="{top - 6}">{most:,} in {step_told}</text>')
    parts += _stacked(data.steps, width, top, base)
    count = len(data.steps)
    for number in range(7):
        at = round(number * (count - 1) / 6) if count else 0
        anchor = "start" if number == 0 else "end" if number == 6 else "middle"  # noqa: PLR2004
        x = round(number * width / 6)
        told = (
            f"{data.time(at):%H:%M}" if data.seconds * count <= _A_DAY else f"{data.time(at):%d %b}"
        )
        parts.append(f'<text x="{x}" y="{height - 5}" text-anchor="{anchor}">{told}</text>')
    return _svg(width, height, _sentence(data), parts)


def spark(steps: Sequence[Step]) -> Markup:
    """Return attempts over time, small enough for a row of a table."""
    width, height = 120, 22
    total = sum(steps, Step())
    told = f"{total.delivered:,} delivered, {total.total - total.delivered:,} not"
    return _svg(width, height, told, _stacked(steps, width, 1, height), "spark")


def _sentence(data: Steps) -> str:
    total = data.total
    return (
        f"From {data.time(0):%d %b %H:%M} UTC, in steps of {showing.length(data.seconds)}:"
        f" {total.delivered:,} delivered, {total.retried:,} to be retried, {total.given_up:,} given"
        f" up, {total.held:,} held"
    )


def _stacked(steps: Sequence[Step], width: int, top: int, base: int) -> list[str]:
    """Return one path for each kind of outcome: a chart of a thousand bars stays small."""
    most = max([step.total for step in steps], default=0)
    if not most:
        return []
    wide = width / len(steps)
    gap = min(1.0, wide * 0.2)
    paths: dict[str, list[str]] = {kind: [] for kind, _ in _KINDS}
    for number, step in enumerate(steps):
        y = float(base)
        for kind, name in _KINDS:
            value = getattr(step, name)
            if value:
                # Whatever happened is seen, however little of it there was.
                tall = max(value / most * (base - top), 1.0)
                y -= tall
                paths[kind].append(
                    f"M{number * wide:.1f} {y:.1f}h{wide - gap:.1f}v{tall:.1f}h-{wide - gap:.1f}z"
                )
    return [
        f'<path class="{kind}" d="{"".join(parts)}"/>' for kind, parts in paths.items() if parts
    ]


def _svg(width: int, height: int, told: str, parts: Sequence[str], kind: str = "chart") -> Markup:
    """Return a picture; *told* says in a sentence what it shows."""
    text = showing.plain(told).replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    head = f'<svg class="{kind}" viewBox="0 0 {width} {height}" role="img" aria-label="{text}">'
    return Markup(head + "".join(parts) + "</svg>")  # noqa: S704 - numbers and texts of ours
