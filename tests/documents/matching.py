"""Whether what a command printed is what the page shows, but for what differs at each run.

Ids, times, lengths of time and signatures differ at each run. A line `…` stands for any lines, and
`…` at the end of a line for its rest. Blanks between columns may be more or fewer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_VARYING = {
    "time": r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2}| UTC)?",
    "date": r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT",
    "day": r"\d{4}-\d{2}-\d{2}(?![\w-])",
    "clock": r"(?<![\d:])\d{2}:\d{2}:\d{2}(?:\.\d+)?(?![\d:])",
    "id": r"(?<![0-9a-zA-Z])[0-9a-f]{32}(?![0-9a-zA-Z])",
    "hash": r"(?<![0-9a-zA-Z])[0-9a-f]{12}(?![0-9a-zA-Z])",
    "ending": r"(?<=…)[0-9a-f]{6,12}(?![0-9a-zA-Z])",
    "signature": r"(?<![\w/+])[A-Za-z0-9+/_-]{43}=?(?![\w/+=])",
    "moment": r"(?<![\w.])1[5-9]\d{8}(?:\d{3})?(?![\w.])",
    "length": r"(?<![\w.])\d+(?:\.\d+)? ?(?:ms|s|m|min|h)(?: \d+ ?(?:s|m|min))?(?![\w])",
    "seconds": r"(?<=seconds=)\d+(?:\.\d+)?",
    "process": r"(?<=process )\d+",
    "name": r"(?<=http://)w[0-9a-f]{10}(?=\.localhost)",
}
_ANY = re.compile("|".join(f"(?P<{name}>{form})" for name, form in _VARYING.items()))
_WHATEVER = "…"


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows, as a pattern for what is printed."""

    lines: tuple[str, ...]
    pattern: re.Pattern[str] = field(init=False)
    varying: tuple[tuple[str, str], ...] = field(init=False)
    """The kind of each text that varies, and what it is on the page."""

    def __post_init__(self) -> None:
        """Make the pattern once."""
        parts: list[str] = []
        varying: list[tuple[str, str]] = []
        for line in self.lines:
            if line.strip() == _WHATEVER:
                parts.append(r"(?:.*\n)*?")
                continue
            parts.append(_as_pattern(line, varying) + r"[ \t]*\n")
        object.__setattr__(self, "pattern", re.compile("".join(parts)))
        object.__setattr__(self, "varying", tuple(varying))

    def met(self, printed: str, *, whole: bool) -> re.Match[str] | None:
        """Return how *printed* begins with what is shown; with *whole*, is nothing else."""
        return self.pattern.fullmatch(printed) if whole else self.pattern.match(printed)

    def learned(self, match: re.Match[str]) -> dict[str, str]:
        """Return which id was printed for each id, or ending of one, of the page."""
        both = zip(self.varying, match.groups(), strict=True)
        return {told: printed for (kind, told), printed in both if kind in {"id", "ending"}}

    def renewed(self, match: re.Match[str]) -> list[str]:
        """Return the lines with what varies as it was printed."""
        printed = iter(match.groups())
        return [
            line if line.strip() == _WHATEVER else _ANY.sub(lambda _: next(printed), line).rstrip()
            for line in self.lines
        ]


def _as_pattern(line: str, varying: list[tuple[str, str]]) -> str:
    pattern, end = "", 0
    for found in _ANY.finditer(line):
        pattern += _literally(line[end : found.start()])
        pattern += f"({_VARYING[str(found.lastgroup)]})"
        varying.append((str(found.lastgroup), found.group()))
        end = found.end()
    rest = line[end:]
    if rest.endswith(_WHATEVER):
        return pattern + _literally(rest.removesuffix(_WHATEVER)) + ".*"
    return pattern + _literally(rest)


def _literally(text: str) -> str:
    return re.sub(r"(?:\\ ){2,}", r"[ ]{2,}", re.escape(text))
