"""A row of the table: what was to be reached, what each run gave, and whether it is reached."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


_REACHED = {True: "yes", False: "**no**", None: ""}


@dataclass(frozen=True)
class Row:
    """*runs* are what is held against *target*, if there is one; *figures* are behind them."""

    what: str
    at_least: str
    runs: list[float]
    target: float | None
    is_most: bool = False
    unit: str = ""
    digits: int = 2
    figures: dict[str, list[float]] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """Return the run in the middle."""
        return statistics.median(self.runs)

    @property
    def is_met(self) -> bool | None:
        """Return whether the median reaches the target; None where there is none."""
        if self.target is None:
            return None
        return self.median <= self.target if self.is_most else self.median >= self.target

    @property
    def measured(self) -> str:
        """Return the median and the spread, for people."""
        shown = f"{self.median:,.{self.digits}f}{self.unit}"
        if len(self.runs) > 1:
            low, high = min(self.runs), max(self.runs)
            shown += f" ({low:,.{self.digits}f} to {high:,.{self.digits}f})"
        return shown

    @property
    def medians(self) -> str:
        """Return the medians of the figures behind it, for people."""
        pairs = ((name, statistics.median(found)) for name, found in self.figures.items())
        return "; ".join(f"{name} {value:,.{0 if value >= 100 else 1}f}" for name, value in pairs)  # noqa: PLR2004 - three digits say enough


def ratios(these: Sequence[float], those: Sequence[float]) -> list[float]:
    """Return each of *these* as a part of the one of *those* that was measured beside it."""
    return [one / other for one, other in zip(these, those, strict=True)]


def table(rows: Sequence[Row]) -> str:
    """Return *rows* as a table in Markdown."""
    lines = [
        "| what | at least | measured | reached | from |",
        "|---|---|---|---|---|",
        *(
            f"| {row.what} | {row.at_least} | {row.measured} |"
            f" {_REACHED[row.is_met]} | {row.medians} |"
            for row in rows
        ),
    ]
    return "\n".join(lines)
