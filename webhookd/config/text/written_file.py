"""A file of a configuration as its author wrote it, and where in it each webhook stands."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webhookd.config.text.document import Document


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """The text of *file*; *webhooks* has the first and the last line of each, both from 1."""

    file: str
    text: str
    webhooks: Mapping[str, tuple[int, int]]

    def lines(self, first: int, last: int) -> str:
        """Return the lines from *first* to *last*."""
        return "\n".join(_lines(self.text)[first - 1 : last]) + "\n"


def written_file(document: Document) -> WrittenFile:
    """Return a file as it was read."""
    data = document.data or {}
    lines = _lines(document.text)
    begins = {document.place((top,), at_key=True).line for top in data}
    places: dict[str, int] = {}
    for section, entries in data.items():
        for name in entries if isinstance(entries, dict) else ():
            line = document.place((section, name), at_key=True).line
            begins.add(line)
            if section == "webhooks":
                places[name] = line
    webhooks = {}
    ends = [*sorted(begins), len(lines) + 1]
    for name, line in places.items():
        end = max(line, ends[bisect_right(ends, line)] - 1)
        # What stands above the next entry, blank or as a comment, belongs to that.
        while end > line and lines[end - 1].lstrip()[:1] in ("", "#"):
            end -= 1
        webhooks[name] = line, end
    return WrittenFile(document.file, document.text, webhooks)


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
